#include "tokenizer/word_pattern.hpp"

#include <array>
#include <utility>

#include "base/utf8.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::tok {
namespace {

constexpr std::array<std::pair<std::string_view, WordPattern>, 5> kPatterns{{
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", WordPattern::kGpt2},
    {R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)", WordPattern::kClip},
    {R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",
     WordPattern::kClipMarked},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     WordPattern::kLlama3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     WordPattern::kQwen2},
}};

constexpr std::array<std::string_view, 2> kClipMarkers{"<|startoftext|>", "<|endoftext|>"};
constexpr std::size_t kLlama3DigitCountMax = 3;

enum class Kind : std::uint8_t { kLetter, kNumber, kSpace, kOther, kEnd };

struct Char {
  Kind kind = Kind::kEnd;
  std::size_t end = 0;
};

Kind kind_of(char32_t c) noexcept {
  const std::uint16_t flags = unicode::char_record(c).flags;
  return (flags & unicode::kLetter) != 0       ? Kind::kLetter
         : (flags & unicode::kNumber) != 0     ? Kind::kNumber
         : (flags & unicode::kWhitespace) != 0 ? Kind::kSpace
                                               : Kind::kOther;
}

constexpr std::array<Kind, 128> kAsciiKinds = [] {
  std::array<Kind, 128> kinds{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    kinds[c] = letter ? Kind::kLetter : c >= '0' && c <= '9' ? Kind::kNumber : space ? Kind::kSpace : Kind::kOther;
  }
  return kinds;
}();

// The character at `i`, or the end.
Char char_at(std::string_view text, std::size_t i) noexcept {
  if (i >= text.size()) {
    return {Kind::kEnd, i};
  }
  const auto byte = static_cast<std::uint8_t>(text[i]);
  if (byte < 128) {
    return {kAsciiKinds[byte], i + 1};
  }
  const DecodedChar c = decode_utf8(text, i);
  return {kind_of(c.code_point), i + c.size_bytes};
}

std::size_t run_end(std::string_view text, std::size_t i, Kind kind) noexcept {
  for (Char c = char_at(text, i); c.kind == kind; c = char_at(text, i)) {
    i = c.end;
  }
  return i;
}

bool is_newline(char byte) noexcept {
  return byte == '\r' || byte == '\n';
}

enum class Case : std::uint8_t { kExact, kIgnored };

// Lower case where case is ignored; U+017F is the only character beyond ASCII that folds to one of the letters.
char folded(std::string_view text, std::size_t i, Case letters, std::size_t& size_bytes) noexcept {
  size_bytes = 1;
  if (i >= text.size()) {
    return '\0';
  }
  const char byte = text[i];
  if (letters == Case::kExact) {
    return byte;
  }
  if (byte >= 'A' && byte <= 'Z') {
    return static_cast<char>(byte - 'A' + 'a');
  }
  if (text.substr(i).starts_with("\u017F")) {
    size_bytes = 2;
    return 's';
  }
  return byte;
}

// 's|'t|'re|'ve|'m|'ll|'d; `begin` where there is none.
std::size_t contraction_end(std::string_view text, std::size_t begin, Case letters) noexcept {
  if (text[begin] != '\'') {
    return begin;
  }
  std::size_t first_size_bytes = 0;
  const char first = folded(text, begin + 1, letters, first_size_bytes);
  const std::size_t after_first = begin + 1 + first_size_bytes;
  if (first == 's' || first == 't' || first == 'm' || first == 'd') {
    return after_first;
  }
  std::size_t second_size_bytes = 0;
  const char second = folded(text, after_first, letters, second_size_bytes);
  const bool matches = ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l');
  return matches ? after_first + second_size_bytes : begin;
}

// \s+(?!\S)|\s+ at white space: all of it, but for the last character if a word follows.
std::size_t space_end(std::string_view text, std::size_t begin) noexcept {
  std::size_t end = begin;
  std::size_t last = begin;
  for (Char c = char_at(text, end); c.kind == Kind::kSpace; c = char_at(text, end)) {
    last = end;
    end = c.end;
  }
  return end == text.size() || last == begin ? end : last;
}

std::size_t gpt2_end(std::string_view text, std::size_t begin) noexcept {
  if (const std::size_t end = contraction_end(text, begin, Case::kExact); end > begin) {
    return end;
  }
  Char c = char_at(text, begin);
  if (text[begin] == ' ') {
    if (const Char next = char_at(text, c.end); next.kind != Kind::kSpace && next.kind != Kind::kEnd) {
      c = next;
    }
  }
  return c.kind == Kind::kSpace ? space_end(text, begin) : run_end(text, c.end, c.kind);
}

std::size_t clip_end(std::string_view text, std::size_t begin) noexcept {
  if (const std::size_t end = contraction_end(text, begin, Case::kExact); end > begin) {
    return end;
  }
  const Char c = char_at(text, begin);
  return c.kind == Kind::kSpace ? begin : c.kind == Kind::kNumber ? c.end : run_end(text, c.end, c.kind);
}

std::size_t marked_clip_end(std::string_view text, std::size_t begin) noexcept {
  for (const std::string_view marker : kClipMarkers) {
    if (text.substr(begin).starts_with(marker)) {
      return begin + marker.size();
    }
  }
  return clip_end(text, begin);
}

// \s*[\r\n]+: up to the last line break of the white space; `begin` where there is none.
std::size_t line_break_end(std::string_view text, std::size_t begin) noexcept {
  std::size_t end = begin;
  std::size_t i = begin;
  for (Char c = char_at(text, i); c.kind == Kind::kSpace; c = char_at(text, i)) {
    end = is_newline(text[i]) ? c.end : end;
    i = c.end;
  }
  return end;
}

std::size_t llama_end(std::string_view text, std::size_t begin, std::size_t digit_count_max) noexcept {
  if (const std::size_t end = contraction_end(text, begin, Case::kIgnored); end > begin) {
    return end;
  }
  Char c = char_at(text, begin);
  if (c.kind == Kind::kLetter) {
    return run_end(text, c.end, Kind::kLetter);
  }
  if (c.kind == Kind::kNumber) {
    std::size_t end = c.end;
    for (std::size_t count = 1; count < digit_count_max; ++count) {
      c = char_at(text, end);
      if (c.kind != Kind::kNumber) {
        break;
      }
      end = c.end;
    }
    return end;
  }
  const Char next = char_at(text, c.end);
  if (next.kind == Kind::kLetter && !is_newline(text[begin])) {
    return run_end(text, next.end, Kind::kLetter);
  }
  if (c.kind == Kind::kOther || (text[begin] == ' ' && next.kind == Kind::kOther)) {
    std::size_t end = run_end(text, c.end, Kind::kOther);
    while (end < text.size() && is_newline(text[end])) {
      ++end;
    }
    return end;
  }
  const std::size_t end = line_break_end(text, begin);
  return end > begin ? end : space_end(text, begin);
}

}  // namespace

std::optional<WordPattern> find_word_pattern(std::string_view regex) noexcept {
  for (const auto& [text, pattern] : kPatterns) {
    if (text == regex) {
      return pattern;
    }
  }
  return std::nullopt;
}

std::size_t match_end(WordPattern pattern, std::string_view text, std::size_t begin) noexcept {
  switch (pattern) {
    case WordPattern::kGpt2:
      return gpt2_end(text, begin);
    case WordPattern::kClip:
      return clip_end(text, begin);
    case WordPattern::kClipMarked:
      return marked_clip_end(text, begin);
    case WordPattern::kLlama3:
      return llama_end(text, begin, kLlama3DigitCountMax);
    case WordPattern::kQwen2:
      return llama_end(text, begin, 1);
  }
  return begin;
}

}  // namespace asterism::tok
