#include "service/text_words.hpp"

#include <array>
#include <cstddef>

#include "base/utf8.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kWordLengthMin = 2;  // in characters

void append_lower(std::string& word, char32_t c) {
  const std::int32_t delta = unicode::char_record(c).lower_delta;
  // U+0130 alone becomes two characters: i and a dot above, of which a word keeps the i.
  const auto lower = delta == unicode::kLowerOfTwo ? U'i' : static_cast<char32_t>(static_cast<std::int32_t>(c) + delta);
  std::array<char, 4> bytes{};
  word.append(bytes.data(), encode_utf8(lower, bytes.data()));
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  std::size_t length = 0;
  const auto end_word = [&] {
    if (length >= kWordLengthMin) {
      words.push_back(word);
    }
    word.clear();
    length = 0;
  };
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text, i);
    i += c.size_bytes;
    if (unicode::has_flag(c.code_point, unicode::kWord)) {
      append_lower(word, c.code_point);
      ++length;
    } else {
      end_word();
    }
  }
  end_word();
  return words;
}

}  // namespace asterism::service
