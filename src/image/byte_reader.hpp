// Numbers of file formats, read from bytes of unknown alignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace asterism {

enum class ByteOrder : std::uint8_t { kLittle, kBig };

inline std::uint32_t byte_at(std::span<const std::byte> bytes, std::size_t offset) noexcept {
  return std::to_integer<std::uint32_t>(bytes[offset]);
}

// The caller has checked that the bytes are there.
inline std::uint32_t read_u16(std::span<const std::byte> bytes, std::size_t offset, ByteOrder order) noexcept {
  const std::uint32_t first = byte_at(bytes, offset);
  const std::uint32_t second = byte_at(bytes, offset + 1);
  return order == ByteOrder::kLittle ? first | second << 8U : first << 8U | second;
}

inline std::uint32_t read_u32(std::span<const std::byte> bytes, std::size_t offset, ByteOrder order) noexcept {
  const std::uint32_t first = read_u16(bytes, offset, order);
  const std::uint32_t second = read_u16(bytes, offset + 2, order);
  return order == ByteOrder::kLittle ? first | second << 16U : first << 16U | second;
}

inline bool has_bytes(std::span<const std::byte> bytes, std::size_t offset, std::size_t size) noexcept {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

inline bool has_text(std::span<const std::byte> bytes, std::size_t offset, std::string_view text) noexcept {
  if (!has_bytes(bytes, offset, text.size())) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (bytes[offset + i] != static_cast<std::byte>(text[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace asterism
