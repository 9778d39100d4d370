// Little-endian integers and ranges from bytes that may end at any time. Internal to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace asterism {

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::size_t position() const noexcept { return position_; }
  std::size_t remaining() const noexcept { return bytes_.size() - position_; }

  // Nothing, and no move, when fewer bytes are left.
  std::optional<std::span<const std::byte>> take(std::uint64_t size_bytes) noexcept {
    if (size_bytes > remaining()) {
      return std::nullopt;
    }
    const auto range = bytes_.subspan(position_, static_cast<std::size_t>(size_bytes));
    position_ += range.size();
    return range;
  }

  std::optional<std::string_view> take_text(std::uint64_t size_bytes) noexcept {
    const auto range = take(size_bytes);
    if (!range) {
      return std::nullopt;
    }
    return std::string_view(reinterpret_cast<const char*>(range->data()), range->size());
  }

  // The text before the next line feed, which is passed over.
  std::optional<std::string_view> take_line() noexcept {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_, remaining());
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    position_ += end + 1;
    return rest.substr(0, end);
  }

  template <typename T>
  std::optional<T> take_integer() noexcept {
    const auto range = take(sizeof(T));
    if (!range) {
      return std::nullopt;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value |= std::to_integer<std::uint64_t>((*range)[i]) << (8 * i);
    }
    return static_cast<T>(value);
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace asterism
