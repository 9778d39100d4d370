// The characters that GPT-2's byte-level vocabularies write for bytes: printable ones stand for themselves, the others
// are moved up from U+0100 in order.
//
// Source: tokenizers/src/pre_tokenizers/byte_level.rs, `bytes_char` (the rule). Thread-safety: constant data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.hpp"

namespace asterism::tok {

namespace detail {

constexpr std::array<char32_t, 256> make_byte_chars() {
  std::array<char32_t, 256> chars{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool prints =
        (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
    chars[byte] = prints ? byte : next++;
  }
  return chars;
}

}  // namespace detail

inline constexpr std::array<char32_t, 256> kByteChars = detail::make_byte_chars();
inline constexpr char32_t kSpaceChar = kByteChars[' '];

inline char32_t byte_char(char byte) noexcept {
  return kByteChars[static_cast<std::uint8_t>(byte)];
}

inline void append_byte_chars(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) {
    append_utf8(byte_char(byte), out);
  }
}

}  // namespace asterism::tok
