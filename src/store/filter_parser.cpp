#include "store/filter_parser.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "store/filter_like.hpp"
#include "store/filter_reader.hpp"
#include "store/filter_words.hpp"

namespace asterism {
namespace {

using Kind = FilterTokenKind;

// Parentheses and `not` in each other: what guards the stack. Deeper than kFilterDepthMax, since parentheses that
// change nothing leave no node.
constexpr std::size_t kNestingMax = 64;

constexpr std::array<std::string_view, 4> kFunctions{"array_contains", "array_contains_any", "array_contains_all",
                                                     "array_length"};
constexpr std::array<std::string_view, 7> kWordOperators{"and", "or", "not", "in", "like", "is", "between"};

struct Comparison {
  std::string_view sign;
  FilterOp op;
  bool negated;
  FilterOp flipped;  // with the value on the left
};
constexpr std::array<Comparison, 8> kComparisons{{
    {"=", FilterOp::kIn, false, FilterOp::kIn},
    {"==", FilterOp::kIn, false, FilterOp::kIn},
    {"!=", FilterOp::kIn, true, FilterOp::kIn},
    {"<>", FilterOp::kIn, true, FilterOp::kIn},
    {"<", FilterOp::kLess, false, FilterOp::kGreater},
    {"<=", FilterOp::kLessEqual, false, FilterOp::kGreaterEqual},
    {">", FilterOp::kGreater, false, FilterOp::kLess},
    {">=", FilterOp::kGreaterEqual, false, FilterOp::kLessEqual},
}};

bool is_number(const FilterLiteral& value) {
  return std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
}

bool is_text(const FilterLiteral& value) {
  return std::holds_alternative<std::string>(value);
}

// Levels of and, or and not.
std::size_t depth_of(const FilterExpression& expression) {
  std::size_t depth = 0;
  for (const FilterExpression& child : expression.node().children) {
    depth = std::max(depth, depth_of(child));
  }
  return expression.node().children.empty() ? 0 : depth + 1;
}

class FilterParser : private FilterReader {
 public:
  using FilterReader::FilterReader;

  Result<FilterExpression> parse() {
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
    if (token().kind == Kind::kEnd) {
      return unexpected_token("a comparison", "leave the filter out to take every item");
    }
    auto expression = parse_any(FilterOp::kOr);
    if (expression && token().kind != Kind::kEnd) {
      return unexpected_token("'and', 'or' or the end of the filter", word_hint(kWordOperators));
    }
    return expression;
  }

 private:
  Result<FilterExpression> parse_any(FilterOp op);
  Result<FilterExpression> parse_unary();
  Result<FilterExpression> parse_nested();
  Result<FilterExpression> parse_predicate();
  Result<FilterExpression> parse_value_first();
  Result<FilterExpression> parse_exists();
  Result<FilterExpression> parse_contains();
  Result<FilterExpression> parse_tail(FilterOperand operand, std::size_t begin);
  Result<FilterExpression> parse_null_test(FilterNode node);
  Result<FilterExpression> parse_between(FilterNode node);
  Result<FilterExpression> parse_like(FilterNode node);
  Result<FilterExpression> parse_comparison(FilterNode node, const Comparison& comparison);
  Result<FilterOperand> parse_operand();
  Result<void> check_ordered(const FilterLiteral& value, std::size_t begin) const;
  Result<FilterExpression> combine(FilterOp op, std::vector<FilterExpression> children) const;

  std::size_t nesting_ = 0;
  std::size_t predicate_count_ = 0;
};

// Of children of the same op, their children: (a and b) and c is a and b and c.
Result<FilterExpression> FilterParser::combine(FilterOp op, std::vector<FilterExpression> children) const {
  FilterNode node;
  node.op = op;
  for (FilterExpression& child : children) {
    if (child.node().op == op && op != FilterOp::kNot) {
      node.children.insert(node.children.end(), child.node().children.begin(), child.node().children.end());
    } else {
      node.children.push_back(std::move(child));
    }
  }
  FilterExpression expression(std::move(node));
  if (depth_of(expression) > kFilterDepthMax) {
    return limit_error("levels of and, or, not", kFilterDepthMax);
  }
  return expression;
}

// `or` over `and` over unary.
Result<FilterExpression> FilterParser::parse_any(FilterOp op) {
  const bool is_or = op == FilterOp::kOr;
  std::vector<FilterExpression> children;
  for (;;) {
    auto child = is_or ? parse_any(FilterOp::kAnd) : parse_unary();
    if (!child) {
      return child;
    }
    children.push_back(std::move(*child));
    if (!at_word(is_or ? "or" : "and") && !at_sign(is_or ? "||" : "&&")) {
      break;
    }
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
  }
  return children.size() == 1 ? Result<FilterExpression>(std::move(children[0])) : combine(op, std::move(children));
}

Result<FilterExpression> FilterParser::parse_unary() {
  if (!at_word("not") && !at_sign("!") && !at_sign("(")) {
    return parse_predicate();
  }
  if (++nesting_ > kNestingMax) {
    return limit_error("parentheses and 'not' inside each other", kNestingMax);
  }
  auto expression = parse_nested();
  --nesting_;
  return expression;
}

Result<FilterExpression> FilterParser::parse_nested() {
  const bool parenthesis = at_sign("(");
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  auto inner = parenthesis ? parse_any(FilterOp::kOr) : parse_unary();
  if (!inner || !parenthesis) {
    return inner ? combine(FilterOp::kNot, {std::move(*inner)}) : std::move(inner);
  }
  if (!at_sign(")")) {
    return unexpected_token("'and', 'or' or ')'", word_hint(kWordOperators));
  }
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  return inner;
}

Result<FilterExpression> FilterParser::parse_predicate() {
  if (++predicate_count_ > kFilterPredicatesMax) {
    return limit_error("comparisons", kFilterPredicatesMax, "many values of one column: use in [...]");
  }
  if (token().kind == Kind::kText || token().kind == Kind::kNumber || at_word("true") || at_word("false")) {
    return parse_value_first();
  }
  if (at_word("exists")) {
    return parse_exists();
  }
  if (at_word("array_contains") || at_word("array_contains_any") || at_word("array_contains_all")) {
    return parse_contains();
  }
  const std::size_t begin = token().begin;
  auto operand = parse_operand();
  if (!operand) {
    return std::unexpected(operand.error());
  }
  return parse_tail(std::move(*operand), begin);
}

Result<FilterExpression> FilterParser::parse_value_first() {
  const std::size_t begin = token().begin;
  const bool double_quoted = token().double_quoted;
  auto value = parse_value();
  if (!value) {
    return std::unexpected(value.error());
  }
  const auto* comparison = std::ranges::find_if(kComparisons, [&](const Comparison& c) { return at_sign(c.sign); });
  if (comparison == kComparisons.end()) {
    return unexpected_token("a comparison sign after a value",
                            double_quoted ? "\"...\" is a text; a name with odd characters is written `name`" : "");
  }
  if (comparison->op != FilterOp::kIn) {
    if (auto ordered = check_ordered(*value, begin); !ordered) {
      return std::unexpected(ordered.error());
    }
  }
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  if (token().kind == Kind::kText || token().kind == Kind::kNumber) {
    return unexpected_token("a name: one side of a comparison is a column",
                            double_quoted ? "\"...\" is a text; a name with odd characters is written `name`" : "");
  }
  auto operand = parse_operand();
  if (!operand) {
    return std::unexpected(operand.error());
  }
  FilterNode node;
  node.op = comparison->flipped;
  node.negated = comparison->negated;
  node.operand = std::move(*operand);
  node.values.push_back(std::move(*value));
  return FilterExpression(std::move(node));
}

Result<FilterExpression> FilterParser::parse_exists() {
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  auto path = at_sign("(") ? parse_path_argument(")") : parse_path();
  if (!path) {
    return std::unexpected(path.error());
  }
  FilterNode node;
  node.op = FilterOp::kNull;
  node.negated = true;
  node.operand.path = std::move(*path);
  return FilterExpression(std::move(node));
}

Result<FilterExpression> FilterParser::parse_contains() {
  FilterNode node;
  node.op = at_word("array_contains_all") ? FilterOp::kContainsAll : FilterOp::kContainsAny;
  const bool single = at_word("array_contains");
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  auto path = parse_path_argument(",");
  if (!path) {
    return std::unexpected(path.error());
  }
  node.operand.path = std::move(*path);
  if (single) {
    auto value = parse_value();
    if (!value) {
      return std::unexpected(value.error());
    }
    node.values.push_back(std::move(*value));
  } else if (auto values = parse_list()) {
    node.values = std::move(*values);
  } else {
    return std::unexpected(values.error());
  }
  if (auto closed = expect_sign(")"); !closed) {
    return std::unexpected(closed.error());
  }
  return FilterExpression(std::move(node));
}

Result<FilterExpression> FilterParser::parse_tail(FilterOperand operand, std::size_t begin) {
  FilterNode node;
  node.operand = std::move(operand);
  const auto* comparison = std::ranges::find_if(kComparisons, [&](const Comparison& c) { return at_sign(c.sign); });
  if (comparison != kComparisons.end()) {
    return parse_comparison(std::move(node), *comparison);
  }
  if (at_word("is")) {
    return parse_null_test(std::move(node));
  }
  if (at_word("not")) {
    node.negated = true;
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
  }
  if (at_word("in")) {
    node.op = FilterOp::kIn;
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
    auto values = parse_list();
    if (!values) {
      return std::unexpected(values.error());
    }
    node.values = std::move(*values);
    return FilterExpression(std::move(node));
  }
  if (at_word("like")) {
    return parse_like(std::move(node));
  }
  if (at_word("between")) {
    return parse_between(std::move(node));
  }
  if (node.negated) {
    return unexpected_token("'in', 'like' or 'between' after 'not'");
  }
  // A bare path. What follows it must be able to: `pric 5` is a missing sign, not a bare path and something.
  const bool ends =
      token().kind == Kind::kEnd || at_sign(")") || at_word("and") || at_word("or") || at_sign("&&") || at_sign("||");
  if (!ends) {
    return unexpected_token("a comparison", at_sign("(")
                                                ? "functions: " + fmt::format("{}", fmt::join(kFunctions, ", "))
                                                : word_hint(kWordOperators));
  }
  if (node.operand.is_length || node.operand.path.source != FilterSource::kMetadata) {
    return filter_error(text(), begin,
                        fmt::format("expected a comparison, found {} alone",
                                    node.operand.is_length ? "array_length(...)" : node.operand.path.to_text()),
                        "only a column of true and false stands alone");
  }
  node.op = FilterOp::kIn;
  node.values.emplace_back(true);
  return FilterExpression(std::move(node));
}

Result<FilterExpression> FilterParser::parse_comparison(FilterNode node, const Comparison& comparison) {
  node.op = comparison.op;
  node.negated = comparison.negated;
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  if (at_word("null")) {
    return unexpected_token("a value", "nothing equals null: write 'is null' or 'is not null'");
  }
  const std::size_t begin = token().begin;
  auto value = parse_value();
  if (!value) {
    return std::unexpected(value.error());
  }
  if (comparison.op != FilterOp::kIn) {
    if (auto ordered = check_ordered(*value, begin); !ordered) {
      return std::unexpected(ordered.error());
    }
  }
  node.values.push_back(std::move(*value));
  if (std::ranges::any_of(kComparisons, [&](const Comparison& c) { return at_sign(c.sign); })) {
    return unexpected_token("'and', 'or' or the end of the filter", "for a range write between ... and ...");
  }
  return FilterExpression(std::move(node));
}

Result<FilterExpression> FilterParser::parse_null_test(FilterNode node) {
  node.op = FilterOp::kNull;
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  if (at_word("not")) {
    node.negated = true;
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
  }
  if (!at_word("null")) {
    return unexpected_token(node.negated ? "'null'" : "'null' or 'not null'", "other values are compared with =");
  }
  return advanced(FilterExpression(std::move(node)));
}

Result<FilterExpression> FilterParser::parse_between(FilterNode node) {
  node.op = FilterOp::kBetween;
  std::size_t begin = 0;
  for (int i = 0; i < 2; ++i) {
    if (i == 1 && !at_word("and")) {
      return unexpected_token("'and' and the upper end of 'between'");
    }
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
    begin = token().begin;
    auto value = parse_value();
    if (!value) {
      return std::unexpected(value.error());
    }
    if (auto ordered = check_ordered(*value, begin); !ordered) {
      return std::unexpected(ordered.error());
    }
    node.values.push_back(std::move(*value));
  }
  if (is_text(node.values[0]) != is_text(node.values[1])) {
    return filter_error(text(), begin, "expected two numbers or two texts, found one of each", {});
  }
  return FilterExpression(std::move(node));
}

Result<FilterExpression> FilterParser::parse_like(FilterNode node) {
  node.op = FilterOp::kLike;
  if (auto read = advance(); !read) {
    return std::unexpected(read.error());
  }
  if (token().kind != Kind::kText) {
    return unexpected_token("a pattern in quotes after 'like'");
  }
  if (auto pattern = LikePattern::parse(token().content); !pattern) {
    return filter_error(text(), token().begin, pattern.error().message, pattern.error().hint, pattern.error().code);
  }
  auto value = parse_value();
  if (!value) {
    return std::unexpected(value.error());
  }
  node.values.push_back(std::move(*value));
  return FilterExpression(std::move(node));
}

Result<void> FilterParser::check_ordered(const FilterLiteral& value, std::size_t begin) const {
  if (!is_number(value) && !is_text(value)) {
    return filter_error(text(), begin, "expected a number or a text, found true or false",
                        "true and false have no order: compare them with = or !=");
  }
  return {};
}

Result<FilterOperand> FilterParser::parse_operand() {
  FilterOperand operand;
  operand.is_length = at_word("array_length");
  if (operand.is_length) {
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
  }
  auto path = operand.is_length ? parse_path_argument(")") : parse_path();
  if (!path) {
    return std::unexpected(path.error());
  }
  operand.path = std::move(*path);
  return operand;
}

}  // namespace

Result<FilterExpression> parse_filter(std::string_view text) {
  if (text.size() > kFilterSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("filter: expected at most {} bytes, found {}", kFilterSizeBytesMax, text.size()));
  }
  if (!simdjson::validate_utf8(text.data(), text.size()) || text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kUsage, "filter: expected UTF-8 text without NUL, found other bytes");
  }
  return FilterParser(text).parse();
}

}  // namespace asterism
