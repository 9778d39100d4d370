#include "encoder/word_case.hpp"

#include "base/ascii_case.hpp"
#include "base/utf8.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism {

bool is_lower_case(std::string_view word) noexcept {
  for (std::size_t i = 0; i < word.size();) {
    if (static_cast<signed char>(word[i]) >= 0) {
      if (word[i] >= 'A' && word[i] <= 'Z') {
        return false;
      }
      ++i;
      continue;
    }
    const DecodedChar c = decode_utf8(word, i);
    if (unicode::char_record(c.code_point).lower_delta != 0) {
      return false;
    }
    i += c.size_bytes;
  }
  return true;
}

std::string to_lower_case(std::string_view word) {
  std::string out;
  out.reserve(word.size());
  for (std::size_t i = 0; i < word.size();) {
    if (static_cast<signed char>(word[i]) >= 0) {
      out.push_back(ascii_lower(word[i++]));
      continue;
    }
    const DecodedChar c = decode_utf8(word, i);
    const std::int32_t delta = unicode::char_record(c.code_point).lower_delta;
    if (delta == unicode::kLowerOfTwo) {
      append_utf8(U'i', out);
      append_utf8(unicode::kCombiningDotAbove, out);
    } else {
      append_utf8(static_cast<char32_t>(static_cast<std::int32_t>(c.code_point) + delta), out);
    }
    i += c.size_bytes;
  }
  return out;
}

}  // namespace asterism
