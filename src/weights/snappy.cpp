#include "weights/snappy.hpp"

namespace asterism {
namespace {

class Unpacker {
 public:
  Unpacker(std::string_view packed, std::size_t size_bytes) : rest_(packed), size_bytes_(size_bytes) {}

  std::optional<std::string> unpack() {
    if (read_size() != size_bytes_) {
      return std::nullopt;
    }
    out_.reserve(size_bytes_);
    while (!rest_.empty()) {
      if (!take_element()) {
        return std::nullopt;
      }
    }
    return out_.size() == size_bytes_ ? std::optional(std::move(out_)) : std::nullopt;
  }

 private:
  static constexpr std::size_t kLiteralSizeInTagMax = 60;

  // A varint; nothing that fits a size where it is none.
  std::uint64_t read_size() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return value;
      }
    }
    return UINT64_MAX;
  }

  std::optional<std::size_t> take_integer(std::size_t byte_count) {
    if (rest_.size() < byte_count) {
      return std::nullopt;
    }
    std::size_t value = 0;
    for (std::size_t i = 0; i < byte_count; ++i) {
      value |= static_cast<std::size_t>(static_cast<std::uint8_t>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(byte_count);
    return value;
  }

  bool take_element() {
    const auto tag = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    const std::size_t upper = tag >> 2U;
    switch (tag & 3U) {
      case 0:
        return take_literal(upper);
      case 1: {
        const auto low = take_integer(1);
        return low && copy(((upper >> 3U) << 8U) | *low, 4 + (upper & 7U));
      }
      default: {
        const auto offset = take_integer((tag & 3U) == 2 ? 2 : 4);
        return offset && copy(*offset, upper + 1);
      }
    }
  }

  bool take_literal(std::size_t upper) {
    std::size_t length = upper + 1;
    if (upper >= kLiteralSizeInTagMax) {
      const auto given = take_integer(upper - kLiteralSizeInTagMax + 1);
      if (!given) {
        return false;
      }
      length = *given + 1;
    }
    if (length > rest_.size() || length > size_bytes_ - out_.size()) {
      return false;
    }
    out_ += rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  // Byte by byte: a copy may reach into what it writes.
  bool copy(std::size_t offset, std::size_t length) {
    if (offset == 0 || offset > out_.size() || length > size_bytes_ - out_.size()) {
      return false;
    }
    for (std::size_t i = 0; i < length; ++i) {
      out_.push_back(out_[out_.size() - offset]);
    }
    return true;
  }

  std::string_view rest_;
  std::size_t size_bytes_;
  std::string out_;
};

}  // namespace

std::optional<std::string> snappy_uncompress(std::string_view packed, std::size_t size_bytes) {
  return Unpacker(packed, size_bytes).unpack();
}

}  // namespace asterism
