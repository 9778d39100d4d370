// UTF-8 in and out. Ill-formed input: each maximal subpart of a sequence reads as one U+FFFD (Unicode 15, section 3.9,
// table 3-8).
//
// Thread-safety: pure functions. Cost: constant per character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace asterism {

struct DecodedChar {
  char32_t code_point;
  std::uint32_t size_bytes;  // of the input
  bool well_formed;
};

namespace detail {

inline std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(text[i]);
}

// Smallest and largest second byte that may follow a lead byte: excludes overlong forms, surrogates and past U+10FFFF.
inline bool second_byte_fits(std::uint8_t lead, std::uint8_t second) noexcept {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return second >= 0x80 && second <= 0xBF;
  }
}

}  // namespace detail

// The character at `i`, which must be inside `text`.
inline DecodedChar decode_utf8(std::string_view text, std::size_t i) noexcept {
  constexpr char32_t kReplacement = 0xFFFD;
  const std::uint8_t lead = detail::byte_at(text, i);
  if (lead < 0x80) {
    return {lead, 1, true};
  }
  const std::uint32_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) {
    return {kReplacement, 1, false};
  }
  if (i + 1 >= text.size() || !detail::second_byte_fits(lead, detail::byte_at(text, i + 1))) {
    return {kReplacement, 1, false};
  }
  char32_t code_point = ((lead & (0x7FU >> length)) << 6U) | (detail::byte_at(text, i + 1) & 0x3FU);
  for (std::uint32_t k = 2; k < length; ++k) {
    if (i + k >= text.size() || (detail::byte_at(text, i + k) & 0xC0U) != 0x80) {
      return {kReplacement, k, false};
    }
    code_point = (code_point << 6U) | (detail::byte_at(text, i + k) & 0x3FU);
  }
  return {code_point, length, true};
}

// Writes up to four bytes and returns how many.
inline std::size_t encode_utf8(char32_t c, char* out) noexcept {
  const auto put = [&](std::size_t k, std::uint32_t byte) { out[k] = static_cast<char>(byte); };
  if (c < 0x80) {
    put(0, c);
    return 1;
  }
  if (c < 0x800) {
    put(0, 0xC0U | (c >> 6U));
    put(1, 0x80U | (c & 0x3FU));
    return 2;
  }
  if (c < 0x10000) {
    put(0, 0xE0U | (c >> 12U));
    put(1, 0x80U | ((c >> 6U) & 0x3FU));
    put(2, 0x80U | (c & 0x3FU));
    return 3;
  }
  put(0, 0xF0U | (c >> 18U));
  put(1, 0x80U | ((c >> 12U) & 0x3FU));
  put(2, 0x80U | ((c >> 6U) & 0x3FU));
  put(3, 0x80U | (c & 0x3FU));
  return 4;
}

inline void append_utf8(char32_t c, std::string& out) {
  char bytes[4];
  out.append(bytes, encode_utf8(c, bytes));
}

inline bool is_continuation_byte(char byte) noexcept {
  return (static_cast<std::uint8_t>(byte) & 0xC0U) == 0x80;
}

// Shortest forms only, no surrogates, nothing past U+10FFFF. Cost: eight bytes of ASCII at once.
inline bool is_well_formed_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    std::uint64_t word = 0;
    if (i + sizeof word <= text.size()) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080808080808080U) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const DecodedChar c = decode_utf8(text, i);
    if (!c.well_formed) {
      return false;
    }
    i += c.size_bytes;
  }
  return true;
}

}  // namespace asterism
