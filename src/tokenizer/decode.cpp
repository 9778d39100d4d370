#include "tokenizer/decode.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/utf8.hpp"
#include "tokenizer/byte_level.hpp"

namespace asterism::tok {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, begin)) {
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  if (begin != 0) {
    text = out.append(text, begin);
  }
}

// English as it is written, from words with a space before every mark; what tokenizers calls cleanup.
void close_up_marks(std::string& text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules{{{" .", "."},
                                                                                  {" ?", "?"},
                                                                                  {" !", "!"},
                                                                                  {" ,", ","},
                                                                                  {" ' ", "'"},
                                                                                  {" n't", "n't"},
                                                                                  {" 'm", "'m"},
                                                                                  {" do not", " don't"},
                                                                                  {" 's", "'s"},
                                                                                  {" 've", "'ve"},
                                                                                  {" 're", "'re"}}};
  for (const auto& [from, to] : kRules) {
    replace_all(text, from, to);
  }
}

std::string decode_word_pieces(const std::string& prefix, const std::vector<std::string_view>& tokens) {
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::string piece;
    if (i != 0 && !prefix.empty() && tokens[i].starts_with(prefix)) {
      piece = tokens[i].substr(prefix.size());
    } else {
      if (i != 0) {
        piece.push_back(' ');
      }
      piece.append(tokens[i]);
    }
    close_up_marks(piece);  // a token at a time, as the original
    out += piece;
  }
  return out;
}

// The byte that a character of the vocabulary stands for; nothing for any other character.
std::optional<char> byte_of(char32_t code_point) {
  const auto* const found = std::ranges::find(kByteChars, code_point);
  return found == kByteChars.end() ? std::nullopt : std::optional(static_cast<char>(found - kByteChars.begin()));
}

std::size_t sequence_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// One well-formed sequence of one or two bytes; the characters that stand for bytes have no more.
char32_t short_code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  return sequence.size() == 1 ? first : ((first & 0x1FU) << 6U) | (static_cast<unsigned char>(sequence[1]) & 0x3FU);
}

void append_bytes(std::string_view token, std::string& out) {
  std::string bytes;
  for (std::size_t i = 0; i < token.size();) {
    const std::size_t length = std::min(sequence_length(token[i]), token.size() - i);
    const auto byte = length > 2 ? std::nullopt : byte_of(short_code_point(token.substr(i, length)));
    if (!byte) {
      out += token;  // an added token with other characters is text already
      return;
    }
    bytes.push_back(*byte);
    i += length;
  }
  out += bytes;
}

std::string decode_byte_level(const std::string& suffix, const std::vector<std::string_view>& tokens) {
  std::string out;
  for (std::string_view token : tokens) {
    const bool ends_word = !suffix.empty() && token.ends_with(suffix);
    if (ends_word) {
      token.remove_suffix(suffix.size());
    }
    append_bytes(token, out);
    if (ends_word) {
      out.push_back(' ');
    }
  }
  if (!suffix.empty() && out.ends_with(' ')) {
    out.pop_back();
  }
  return out;
}

// "<0x0A>", as byte fallback spells a byte.
std::optional<char> fallback_byte(std::string_view token) {
  unsigned value = 0;
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) {
    return std::nullopt;
  }
  const auto parsed = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  return parsed.ec == std::errc() && parsed.ptr == token.data() + 5 ? std::optional(static_cast<char>(value))
                                                                    : std::nullopt;
}

std::string decode_metaspace(const MetaspaceStep& step, const std::vector<std::string_view>& tokens) {
  std::string replacement;
  append_utf8(step.replacement, replacement);
  std::string out;
  for (const std::string_view token : tokens) {
    if (const auto byte = fallback_byte(token)) {
      out.push_back(*byte);
    } else {
      std::string piece(token);
      replace_all(piece, replacement, " ");
      out += piece;
    }
  }
  if (step.prepend != MetaspaceStep::Prepend::kNever && out.starts_with(' ')) {
    out.erase(0, 1);
  }
  return out;
}

}  // namespace

std::string decode_tokens(const TokenizerParts& parts, const std::vector<std::string_view>& tokens) {
  if (const auto* const pieces = std::get_if<WordPiece>(&parts.model)) {
    return decode_word_pieces(pieces->options().continuing_prefix, tokens);
  }
  for (const PreTokenizerStep& step : parts.pre_tokenizer) {
    if (const auto* const metaspace = std::get_if<MetaspaceStep>(&step)) {
      return decode_metaspace(*metaspace, tokens);
    }
    if (std::holds_alternative<ByteLevelStep>(step)) {
      const auto* const bpe = std::get_if<Bpe>(&parts.model);
      return decode_byte_level(bpe == nullptr ? std::string() : bpe->options().word_suffix, tokens);
    }
  }
  return decode_word_pieces({}, tokens);
}

}  // namespace asterism::tok
