#include <fmt/format.h>

#include "service/atlas_search.hpp"

namespace asterism::service {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n\r");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(" \t\n\r") + 1 - begin);
}

// Where the next " + " or " - " outside of quotes is; kInvalidArgument when a quote does not end.
Result<std::size_t> next_sign(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (text[i] == '+' || text[i] == '-') && i > 0 && text[i - 1] == ' ' &&
               (i + 1 == text.size() || text[i + 1] == ' ')) {
      return i;
    }
  }
  if (quoted) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("expression: expected '\"' at the end of {}", text));
  }
  return std::string_view::npos;
}

}  // namespace

Result<std::vector<ExpressionTerm>> parse_expression(std::string_view expression) {
  std::vector<ExpressionTerm> out;
  std::string_view rest = trimmed(expression);
  bool positive = true;
  if (rest.starts_with('+') || rest.starts_with('-')) {
    positive = rest.front() == '+';
    rest.remove_prefix(1);
  }
  for (;;) {
    const auto sign = next_sign(rest);
    if (!sign) {
      return std::unexpected(sign.error());
    }
    std::string_view term = trimmed(rest.substr(0, *sign));
    if (term.size() >= 2 && term.front() == '"' && term.find('"', 1) == term.size() - 1) {
      term = term.substr(1, term.size() - 2);
    }
    if (term.empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("expression: expected a word on both sides of each sign, found \"{}\"", expression),
                  "for example: king - man + woman");
    }
    if (out.size() == kExpressionTermCountMax) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("expression: expected at most {} terms, found more", kExpressionTermCountMax));
    }
    out.push_back({.text = std::string(term), .positive = positive});
    if (*sign == std::string_view::npos) {
      return out;
    }
    positive = rest[*sign] == '+';
    rest.remove_prefix(*sign + 1);
  }
}

}  // namespace asterism::service
