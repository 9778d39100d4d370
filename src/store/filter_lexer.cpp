#include "store/filter_lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace asterism {
namespace {

// Of a long filter, this much of the line is shown on each side of the place.
constexpr std::size_t kContextSizeBytes = 60;

// Longer signs before their own beginnings.
constexpr std::array<std::string_view, 16> kSigns{"==", "!=", "<>", "<=", ">=", "&&", "||", "(",
                                                  ")",  "[",  "]",  ",",  ".",  "=",  "<",  ">"};

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_name_char(char c) noexcept {
  return is_digit(c) || is_plain_filter_name(std::string_view(&c, 1));
}

bool is_continuation_byte(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::unexpected<Error> filter_error(std::string_view text, std::size_t at, const std::string& what, std::string hint,
                                    ErrorCode code) {
  at = std::min(at, text.size());
  const std::size_t line_break = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  std::size_t begin = line_break == std::string_view::npos ? 0 : line_break + 1;
  begin = at - begin > kContextSizeBytes ? at - kContextSizeBytes : begin;
  std::size_t end = std::min({text.size(), text.find('\n', at), at + kContextSizeBytes});
  while (begin < at && is_continuation_byte(text[begin])) {
    ++begin;
  }
  while (end > at && end < text.size() && is_continuation_byte(text[end])) {
    --end;
  }
  // A caret stands under characters, not bytes; a tab stays one.
  std::string caret;
  for (const char c : text.substr(begin, at - begin)) {
    if (!is_continuation_byte(c)) {
      caret += c == '\t' ? '\t' : ' ';
    }
  }
  return fail(code,
              fmt::format("filter: at byte {}: {}\n  {}\n  {}^", at, what, text.substr(begin, end - begin), caret),
              std::move(hint));
}

Result<FilterToken> FilterLexer::next() {
  while (at_ < text_.size() && is_blank(text_[at_])) {
    ++at_;
  }
  FilterToken token;
  token.begin = at_;
  if (at_ == text_.size()) {
    return token;
  }
  const char c = text_[at_];
  if (c == '\'' || c == '"' || c == '`') {
    return quoted(std::move(token));
  }
  if (is_digit(c) || ((c == '-' || c == '+') && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
    return number(std::move(token));
  }
  if (c == '$' || is_name_char(c)) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_name_char(text_[end])) {
      ++end;
    }
    token.kind = c == '$' ? FilterTokenKind::kReserved : FilterTokenKind::kWord;
    token.spelling = text_.substr(at_, end - at_);
    at_ = end;
    return token;
  }
  const auto rest = text_.substr(at_);
  const auto* sign = std::ranges::find_if(kSigns, [&](std::string_view s) { return rest.starts_with(s); });
  if (sign == kSigns.end() && c != '!') {
    return filter_error(text_, at_, fmt::format("expected a name, a value or an operator, found '{}'", c),
                        c == ';' ? "a filter is one expression without an end mark"
                                 : "arithmetic is not part of filters; names with odd characters are `quoted`");
  }
  token.kind = FilterTokenKind::kSign;
  token.spelling = rest.substr(0, sign == kSigns.end() ? 1 : sign->size());
  at_ += token.spelling.size();
  return token;
}

Result<FilterToken> FilterLexer::quoted(FilterToken token) {
  const char quote = text_[at_];
  std::size_t at = at_ + 1;
  for (;; ++at) {
    at = text_.find(quote, at);
    if (at == std::string_view::npos) {
      return filter_error(text_, token.begin, fmt::format("expected a closing {}, found the end of the filter", quote),
                          "a quote inside quotes is written twice; a backslash does not escape it");
    }
    if (at + 1 == text_.size() || text_[at + 1] != quote) {
      break;
    }
    ++at;
  }
  token.kind = quote == '`' ? FilterTokenKind::kQuotedName : FilterTokenKind::kText;
  token.double_quoted = quote == '"';
  token.spelling = text_.substr(at_, at + 1 - at_);
  for (std::size_t i = 1; i + 1 < token.spelling.size(); ++i) {
    token.content += token.spelling[i];
    i += token.spelling[i] == quote ? 1U : 0U;
  }
  at_ = at + 1;
  return token;
}

std::size_t FilterLexer::digits_from(std::size_t at) const {
  while (at < text_.size() && is_digit(text_[at])) {
    ++at;
  }
  return at;
}

Result<FilterToken> FilterLexer::number(FilterToken token) {
  const std::size_t begin = at_ + (text_[at_] == '+' ? 1 : 0);
  std::size_t end = digits_from(at_ + 1);
  bool integer = true;
  if (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])) {
    integer = false;
    end = digits_from(end + 1);
  }
  if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
    const std::size_t sign = end + 1 < text_.size() && (text_[end + 1] == '-' || text_[end + 1] == '+') ? 1 : 0;
    if (const std::size_t past = digits_from(end + 1 + sign); past > end + 1 + sign) {
      integer = false;
      end = past;
    }
  }
  token.kind = FilterTokenKind::kNumber;
  token.spelling = text_.substr(at_, end - at_);
  const char* first = text_.data() + begin;
  const char* last = text_.data() + end;
  if (integer) {
    std::int64_t value = 0;
    if (std::from_chars(first, last, value).ec != std::errc()) {
      return filter_error(text_, at_, fmt::format("expected an integer of 64 bits, found {}", token.spelling),
                          "write it with a point to compare as a floating-point number");
    }
    token.number = value;
  } else {
    double value = 0;
    if (std::from_chars(first, last, value).ec != std::errc()) {
      return filter_error(text_, at_, fmt::format("expected a number that a double holds, found {}", token.spelling),
                          "the largest is about 1.8e308");
    }
    token.number = value;
  }
  at_ = end;
  return token;
}

}  // namespace asterism
