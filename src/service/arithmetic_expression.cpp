#include "service/arithmetic_expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace asterism::service {
namespace {

constexpr std::size_t kShownSizeBytesMax = 40;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

class ArithmeticParser {
 public:
  explicit ArithmeticParser(std::string_view text) : text_(text) {}

  Result<std::vector<ArithmeticTerm>> parse() {
    std::vector<ArithmeticTerm> terms;
    skip_space();
    while (terms.empty() || at_ < text_.size()) {
      if (terms.size() == kArithmeticTermCountMax) {
        return fail(ErrorCode::kLimitExceeded,
                    fmt::format("expression: expected at most {} terms, found more", kArithmeticTermCountMax));
      }
      const auto sign = take_sign(terms.empty());
      if (!sign) {
        return std::unexpected(sign.error());
      }
      auto term = take_term(*sign);
      if (!term) {
        return std::unexpected(std::move(term.error()));
      }
      terms.push_back(*std::move(term));
      skip_space();
    }
    return terms;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) {
      ++at_;
    }
  }

  // Characters before the present place, from 1: what a person counts.
  std::size_t column(std::size_t at) const {
    return 1 + static_cast<std::size_t>(
                   std::ranges::count_if(text_.substr(0, at), [](char c) { return !is_continuation(c); }));
  }

  std::string found(std::size_t at) const {
    if (at >= text_.size()) {
      return "the end";
    }
    std::string_view rest = text_.substr(at);
    const auto end = std::ranges::find_if(rest, is_space);
    rest = rest.substr(0, std::max<std::size_t>(1, static_cast<std::size_t>(end - rest.begin())));
    std::size_t size = std::min(rest.size(), kShownSizeBytesMax);
    while (size < rest.size() && is_continuation(rest[size])) {
      ++size;
    }
    return fmt::format("'{}'", rest.substr(0, size));
  }

  std::unexpected<Error> expected(std::size_t at, std::string_view what, std::string hint = {}) const {
    return fail(ErrorCode::kUsage,
                fmt::format("expression: column {}: expected {}, found {}", column(at), what, found(at)),
                std::move(hint));
  }

  Result<double> take_sign(bool first) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '+' || c == '-') {
      ++at_;
      skip_space();
      return c == '+' ? 1.0 : -1.0;
    }
    if (first) {
      return 1.0;
    }
    return expected(at_, "+ or - before another term",
                    "several words that are one text stand in quotes: \"ice cream\"");
  }

  // The weight in front of "*", where there is one; the place stays where there is none.
  Result<double> take_weight() {
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    double weight = 0.0;
    const auto parsed = std::from_chars(begin, end, weight);
    std::size_t after = at_ + static_cast<std::size_t>(parsed.ptr - begin);
    while (after < text_.size() && is_space(text_[after])) {
      ++after;
    }
    if (parsed.ptr == begin || after >= text_.size() || text_[after] != '*') {
      return 1.0;
    }
    if (parsed.ec != std::errc{} || !(weight > 0.0) || weight > kArithmeticWeightMax) {
      return expected(at_, fmt::format("a weight above 0 and of at most {:.0f}", kArithmeticWeightMax));
    }
    at_ = after + 1;
    skip_space();
    return weight;
  }

  Result<ArithmeticTerm> take_term(double sign) {
    const auto weight = take_weight();
    if (!weight) {
      return std::unexpected(weight.error());
    }
    ArithmeticTerm term{.weight = sign * *weight};
    if (at_ < text_.size() && (text_[at_] == '@' || text_[at_] == '#')) {
      term.kind = text_[at_] == '@' ? OperandKind::kImage : OperandKind::kId;
      ++at_;
    }
    auto value = at_ < text_.size() && text_[at_] == '"' ? take_quoted() : take_word(term.kind);
    if (!value) {
      return std::unexpected(std::move(value.error()));
    }
    term.value = *std::move(value);
    return term;
  }

  Result<std::string> take_quoted() {
    const std::size_t begin = at_++;
    std::string value;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') {
        ++at_;
        if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\\')) {
          return expected(at_, "\\\" or \\\\ after a backslash");
        }
      }
      value.push_back(text_[at_++]);
    }
    if (at_ >= text_.size()) {
      return fail(ErrorCode::kUsage, fmt::format("expression: column {}: expected a closing quote for the one here, "
                                                 "found the end",
                                                 column(begin)));
    }
    ++at_;
    if (value.empty()) {
      return fail(ErrorCode::kUsage,
                  fmt::format("expression: column {}: expected something in the quotes, found nothing", column(begin)));
    }
    if (at_ < text_.size() && !is_space(text_[at_])) {
      return expected(at_, "a space after the closing quote");
    }
    return value;
  }

  Result<std::string> take_word(OperandKind kind) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_space(text_[at_])) {
      if (text_[at_] == '"' || (text_[at_] == '*' && kind == OperandKind::kText)) {
        return expected(at_, text_[at_] == '"' ? "a space before a quote" : "a number before *",
                        text_[at_] == '*' ? "weights stand in front: 0.5*word" : "");
      }
      ++at_;
    }
    const std::string_view word = text_.substr(begin, at_ - begin);
    const std::string_view what = kind == OperandKind::kText    ? "a word, a quoted text, @file or #id"
                                  : kind == OperandKind::kImage ? "the path of a picture after @"
                                                                : "an id after #";
    // A sign alone is no word: "a + - b".
    if (word.empty() || (kind == OperandKind::kText && (word == "+" || word == "-"))) {
      return expected(begin, what);
    }
    return std::string(word);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// Whether `value` reads as itself without quotes.
bool is_bare(const ArithmeticTerm& term) {
  const std::string text = term.kind == OperandKind::kImage ? "@" + term.value
                           : term.kind == OperandKind::kId  ? "#" + term.value
                                                            : term.value;
  const auto alone = ArithmeticParser(text).parse();
  return alone && alone->size() == 1 && alone->front().weight == 1.0 && alone->front().kind == term.kind &&
         alone->front().value == term.value;
}

std::string in_quotes(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

Result<std::vector<ArithmeticTerm>> parse_arithmetic(std::string_view expression) {
  if (expression.size() > kArithmeticSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("expression: expected at most {} bytes, found {}",
                                                       kArithmeticSizeBytesMax, expression.size()));
  }
  return ArithmeticParser(expression).parse();
}

std::string arithmetic_text(const std::vector<ArithmeticTerm>& terms) {
  std::string out;
  for (const ArithmeticTerm& term : terms) {
    out += out.empty() ? (term.weight < 0.0 ? "- " : "") : (term.weight < 0.0 ? " - " : " + ");
    if (std::abs(term.weight) != 1.0) {
      out += fmt::format("{}*", std::abs(term.weight));
    }
    const std::string_view mark = term.kind == OperandKind::kImage ? "@" : term.kind == OperandKind::kId ? "#" : "";
    out += fmt::format("{}{}", mark, is_bare(term) ? term.value : in_quotes(term.value));
  }
  return out;
}

}  // namespace asterism::service
