#include "store/filter_expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/edit_distance.hpp"
#include "store/filter_words.hpp"

namespace asterism {
namespace {

// Longest name that is compared with the known ones: the distance costs the product of the lengths.
constexpr std::size_t kHintNameSizeBytesMax = 64;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_name_start(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::string_view source_name(FilterSource source) {
  switch (source) {
    case FilterSource::kId:
      return "$id";
    case FilterSource::kKind:
      return "$kind";
    case FilterSource::kContent:
      return "$content";
    case FilterSource::kMetadata:
      break;
  }
  return "";
}

void append_step(std::string& text, const FilterStep& step) {
  if (const auto* index = std::get_if<std::uint32_t>(&step)) {
    text += fmt::format("[{}]", *index);
    return;
  }
  const auto& name = std::get<std::string>(step);
  text += is_plain_filter_name(name) ? "." + name : fmt::format("[\"{}\"]", name);
}

std::string list_text(const std::vector<FilterLiteral>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const FilterLiteral& value : values) {
    parts.push_back(filter_literal_text(value));
  }
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

std::string operand_text(const FilterOperand& operand) {
  return operand.is_length ? fmt::format("array_length({})", operand.path.to_text()) : operand.path.to_text();
}

std::string contains_text(const FilterNode& node) {
  const std::string path = node.operand.path.to_text();
  if (node.values.size() == 1 && node.op == FilterOp::kContainsAny) {
    return fmt::format("array_contains({}, {})", path, filter_literal_text(node.values[0]));
  }
  return fmt::format("array_contains_{}({}, {})", node.op == FilterOp::kContainsAny ? "any" : "all", path,
                     list_text(node.values));
}

std::string predicate_text(const FilterNode& node) {
  const std::string operand = operand_text(node.operand);
  const std::string_view negation = node.negated ? "not " : "";
  switch (node.op) {
    case FilterOp::kIn:
      if (node.values.size() == 1) {
        return fmt::format("{} {} {}", operand, node.negated ? "!=" : "=", filter_literal_text(node.values[0]));
      }
      return fmt::format("{} {}in {}", operand, negation, list_text(node.values));
    case FilterOp::kBetween:
      return fmt::format("{} {}between {} and {}", operand, negation, filter_literal_text(node.values[0]),
                         filter_literal_text(node.values[1]));
    case FilterOp::kLike:
      return fmt::format("{} {}like {}", operand, negation, filter_literal_text(node.values[0]));
    case FilterOp::kNull:
      return fmt::format("{} is {}null", operand, negation);
    case FilterOp::kContainsAny:
    case FilterOp::kContainsAll:
      return contains_text(node);
    default:
      return fmt::format("{} {} {}", operand, order_sign(node.op), filter_literal_text(node.values[0]));
  }
}

// A child of `and`, `or` or `not`: in parentheses where it is one itself.
std::string child_text(const FilterExpression& child) {
  return child.node().children.empty() ? child.to_text() : fmt::format("({})", child.to_text());
}

void collect_paths(const FilterExpression& expression, std::vector<FilterPath>& paths) {
  const FilterNode& node = expression.node();
  if (node.children.empty()) {
    if (std::ranges::find(paths, node.operand.path) == paths.end()) {
      paths.push_back(node.operand.path);
    }
    return;
  }
  for (const FilterExpression& child : node.children) {
    collect_paths(child, paths);
  }
}

std::unexpected<Error> unknown_column(std::string_view subject, std::string_view name,
                                      std::span<const std::string> known) {
  const std::set<std::string_view> words(known.begin(), known.end());
  const std::string nearest = nearest_word_hint(name, std::vector(words.begin(), words.end()));
  return fail(ErrorCode::kNotFound, fmt::format("{}: expected a column of the collection, found '{}'", subject, name),
              !nearest.empty() ? nearest
              : words.empty()  ? "its items have no metadata"
                               : fmt::format("columns: {}", fmt::join(words, ", ")));
}

}  // namespace

std::string_view order_sign(FilterOp op) {
  switch (op) {
    case FilterOp::kLess:
      return "<";
    case FilterOp::kLessEqual:
      return "<=";
    case FilterOp::kGreater:
      return ">";
    default:
      return ">=";
  }
}

bool is_plain_filter_name(std::string_view name) {
  return !name.empty() && is_name_start(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_name_start(c) || is_digit(c); });
}

std::string FilterPath::to_text() const {
  if (source != FilterSource::kMetadata) {
    return std::string(source_name(source));
  }
  const auto& first = std::get<std::string>(steps[0]);
  const bool plain = is_plain_filter_name(first) && !is_filter_keyword(first);
  std::string text = plain ? first : "`";
  if (!plain) {
    for (const char c : first) {
      text.append(c == '`' ? 2 : 1, c);
    }
    text += '`';
  }
  for (const FilterStep& step : std::span(steps).subspan(1)) {
    append_step(text, step);
  }
  return text;
}

bool FilterNode::operator==(const FilterNode&) const = default;

std::string filter_literal_text(const FilterLiteral& value) {
  if (const auto* truth = std::get_if<bool>(&value)) {
    return *truth ? "true" : "false";
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return fmt::format("{}", *integer);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    std::string text = fmt::format("{}", *real);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }
  std::string text = "'";
  for (const char c : std::get<std::string>(value)) {
    text.append(c == '\'' ? 2 : 1, c);
  }
  return text + "'";
}

std::string FilterExpression::to_text() const {
  const FilterNode& node = *node_;
  if (node.op == FilterOp::kNot) {
    return "not " + child_text(node.children[0]);
  }
  if (node.children.empty()) {
    return predicate_text(node);
  }
  std::vector<std::string> parts;
  for (const FilterExpression& child : node.children) {
    parts.push_back(child_text(child));
  }
  return fmt::format("{}", fmt::join(parts, node.op == FilterOp::kAnd ? " and " : " or "));
}

std::vector<FilterPath> FilterExpression::referenced_paths() const {
  std::vector<FilterPath> paths;
  collect_paths(*this, paths);
  return paths;
}

std::string nearest_word_hint(std::string_view found, std::span<const std::string_view> known) {
  if (found.size() > kHintNameSizeBytesMax) {
    return {};
  }
  std::string_view nearest;
  std::size_t distance = found.size() / 3 + 2;  // more edits than this make another word
  for (const std::string_view word : known) {
    if (word.size() > kHintNameSizeBytesMax) {
      continue;
    }
    if (const std::size_t edits = edit_distance(found, word); edits < distance) {
      distance = edits;
      nearest = word;
    }
  }
  return nearest.empty() ? std::string() : fmt::format("did you mean '{}'?", nearest);
}

Result<void> check_columns(const FilterExpression& expression, std::span<const std::string> known,
                           std::string_view subject) {
  for (const FilterPath& path : expression.referenced_paths()) {
    if (path.source != FilterSource::kMetadata) {
      continue;
    }
    const auto& name = std::get<std::string>(path.steps[0]);
    if (std::ranges::find(known, name) == known.end()) {
      return unknown_column(subject, name, known);
    }
  }
  return {};
}

}  // namespace asterism
