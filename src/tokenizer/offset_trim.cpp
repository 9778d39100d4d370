#include "tokenizer/offset_trim.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "tokenizer/byte_level.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::tok {
namespace {

bool is_space(char32_t c) {
  return c == kSpaceChar || unicode::has_flag(c, unicode::kWhitespace);
}

std::size_t count_leading(std::string_view token) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < token.size(); ++count) {
    const DecodedChar c = decode_utf8(token, i);
    if (!is_space(c.code_point)) {
      break;
    }
    i += c.size_bytes;
  }
  return count;
}

std::size_t count_trailing(std::string_view token) {
  std::size_t count = 0;
  for (std::size_t end = token.size(); end > 0; ++count) {
    std::size_t last = end - 1;
    while (last > 0 && is_continuation_byte(token[last])) {
      --last;
    }
    if (!is_space(decode_utf8(token, last).code_point)) {
      break;
    }
    end = last;
  }
  return count;
}

// `count` characters on from `begin`, at most to `end`.
std::uint32_t advance(std::string_view input, std::uint32_t begin, std::size_t count, std::uint32_t end) {
  while (count > 0 && begin < end) {
    begin += decode_utf8(input, begin).size_bytes;
    --count;
  }
  return std::min(begin, end);
}

std::size_t count_chars(std::string_view input, std::uint32_t begin, std::uint32_t end, std::size_t count_max) {
  std::size_t count = 0;
  while (begin < end && count < count_max) {
    begin += decode_utf8(input, begin).size_bytes;
    ++count;
  }
  return count;
}

}  // namespace

TokenOffset trim_offset(const OffsetTrim& trim, std::string_view token, TokenPlace place, std::string_view input,
                        TokenOffset offset) {
  std::size_t leading = count_leading(token);
  const std::size_t trailing = count_trailing(token);
  const TokenOffset whole = offset;
  if (leading == 1 && trim.add_prefix_space && (place == TokenPlace::kFirst || offset.begin == 0)) {
    leading = 0;
  }
  offset.begin = advance(input, whole.begin, leading, whole.end);
  if (trailing > 0 && count_chars(input, 0, whole.end, trailing) == trailing) {
    const std::size_t char_count = count_chars(input, whole.begin, whole.end, whole.end - whole.begin);
    const std::size_t kept = char_count - std::min(trailing, char_count);
    offset.end = std::max(advance(input, whole.begin, kept, whole.end), offset.begin);
  }
  return offset;
}

}  // namespace asterism::tok
