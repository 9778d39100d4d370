#include "store/filter_milvus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/json.hpp"

namespace asterism {
namespace {

constexpr const char* kHint = "leave it out, or keep the collection in a folder or in PostgreSQL";

std::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorCode::kUnsupported, fmt::format("filter: Milvus cannot express {}", what), kHint);
}

std::string literal(const FilterLiteral& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return Json(*text).dump();
  }
  return filter_literal_text(value);
}

std::string list(const std::vector<FilterLiteral>& values) {
  std::vector<std::string> parts;
  for (const FilterLiteral& value : values) {
    parts.push_back(literal(value));
  }
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

struct OrderSign {
  FilterOp op;
  std::string_view sign;
  std::string_view opposite;
};
constexpr std::array<OrderSign, 4> kOrderSigns{{{FilterOp::kLess, "<", ">="},
                                                {FilterOp::kLessEqual, "<=", ">"},
                                                {FilterOp::kGreater, ">", "<="},
                                                {FilterOp::kGreaterEqual, ">=", "<"}}};

class MilvusWriter {
 public:
  explicit MilvusWriter(const FilterSqlNames& names) : names_(names) {}

  // `wanted` false: the opposite.
  Result<std::string> write(const FilterExpression& expression, bool wanted) const;

 private:
  // Milvus has no constants: ids are never empty.
  std::string constant(bool truth) const {
    return truth ? fmt::format("{} != \"\"", names_.id) : fmt::format("{} == \"\"", names_.id);
  }
  std::string path_text(const FilterPath& path) const;
  Result<std::string> predicate(const FilterNode& node, bool wanted) const;
  std::string positive(const FilterNode& node, const std::string& value) const;
  std::string complement(const FilterNode& node, const std::string& value) const;
  std::string in_values(const FilterNode& node, const std::string& value) const;
  std::string contains(const FilterNode& node, const std::string& value) const;

  const FilterSqlNames& names_;
};

Result<std::string> MilvusWriter::write(const FilterExpression& expression, bool wanted) const {
  const FilterNode& node = expression.node();
  if (node.children.empty()) {
    return predicate(node, wanted);
  }
  if (node.op == FilterOp::kNot) {
    return write(node.children[0], !wanted);
  }
  std::vector<std::string> parts;
  for (const FilterExpression& child : node.children) {
    auto part = write(child, wanted);
    if (!part) {
      return part;
    }
    parts.push_back(std::move(*part));
  }
  const bool is_and = (node.op == FilterOp::kAnd) == wanted;
  return fmt::format("({})", fmt::join(parts, is_and ? " and " : " or "));
}

std::string MilvusWriter::path_text(const FilterPath& path) const {
  std::string text = names_.of(path.source);
  for (const FilterStep& step : path.steps) {
    if (const auto* index = std::get_if<std::uint32_t>(&step)) {
      text += fmt::format("[{}]", *index);
    } else {
      text += fmt::format("[{}]", Json(std::get<std::string>(step)).dump());
    }
  }
  return text;
}

std::string MilvusWriter::in_values(const FilterNode& node, const std::string& value) const {
  const bool is_field = node.operand.path.source != FilterSource::kMetadata;
  std::vector<FilterLiteral> wanted;
  std::ranges::copy_if(node.values, std::back_inserter(wanted), [&](const FilterLiteral& literal_value) {
    const bool is_text = std::holds_alternative<std::string>(literal_value);
    const bool is_boolean = std::holds_alternative<bool>(literal_value);
    return is_field ? is_text : !node.operand.is_length || (!is_text && !is_boolean);
  });
  if (wanted.empty()) {
    return constant(false);
  }
  if (wanted.size() > 1 && (is_field || wanted.size() > kMilvusChainCountMax)) {
    return fmt::format("{} in {}", value, list(wanted));
  }
  std::vector<std::string> parts;
  for (const FilterLiteral& one : wanted) {
    parts.push_back(fmt::format("{} == {}", value, literal(one)));
  }
  return parts.size() == 1 ? parts[0] : fmt::format("({})", fmt::join(parts, " or "));
}

std::string MilvusWriter::positive(const FilterNode& node, const std::string& value) const {
  if (node.op == FilterOp::kIn) {
    return in_values(node, value);
  }
  const bool is_field = node.operand.path.source != FilterSource::kMetadata;
  if ((is_field || node.operand.is_length) && std::holds_alternative<std::string>(node.values[0]) != is_field) {
    return constant(false);
  }
  if (node.op == FilterOp::kLike) {
    return fmt::format("{} like {}", value, literal(node.values[0]));
  }
  if (node.op == FilterOp::kBetween) {
    return fmt::format("({0} >= {1} and {0} <= {2})", value, literal(node.values[0]), literal(node.values[1]));
  }
  const auto* order = std::ranges::find(kOrderSigns, node.op, &OrderSign::op);
  return fmt::format("{} {} {}", value, order->sign, literal(node.values[0]));
}

// What has a value for which the predicate is false. An ordering of another kind is neither true nor false in
// milvus-lite, so kinds are told apart by what is true of them.
std::string MilvusWriter::complement(const FilterNode& node, const std::string& value) const {
  const bool is_field = node.operand.path.source != FilterSource::kMetadata;
  const std::string is_text = value + " like \"%\"";
  const std::string is_number = fmt::format("({0} < 0 or {0} >= 0)", value);
  const std::string is_boolean = fmt::format("({0} == true or {0} == false)", value);
  if (node.op == FilterOp::kIn || node.op == FilterOp::kLike) {
    const std::string condition = fmt::format("not ({})", positive(node, value));
    // Of an array, `not in` is false and `not (in)` is true.
    return is_field || !node.negated
               ? condition
               : fmt::format("(({} or {} or {}) and {})", is_text, is_number, is_boolean, condition);
  }
  const bool wants_text = std::holds_alternative<std::string>(node.values[0]);
  if (is_field && !wants_text) {
    return constant(true);
  }
  const auto* order = std::ranges::find(kOrderSigns, node.op, &OrderSign::op);
  const std::string outside =
      node.op == FilterOp::kBetween
          ? fmt::format("{0} < {1} or {0} > {2}", value, literal(node.values[0]), literal(node.values[1]))
          : fmt::format("{} {} {}", value, order->opposite, literal(node.values[0]));
  // The last part keeps a 1 in milvus-lite from being taken as true.
  return is_field ? fmt::format("({})", outside)
                  : fmt::format("({} or {} or ({} and not {}))", outside, wants_text ? is_number : is_text, is_boolean,
                                positive(node, value));
}

std::string MilvusWriter::contains(const FilterNode& node, const std::string& value) const {
  const bool all = node.op == FilterOp::kContainsAll;
  if (node.operand.path.source != FilterSource::kMetadata || (node.values.empty() && !all)) {
    return constant(false);
  }
  if (node.values.size() == 1) {
    return fmt::format("json_contains({}, {})", value, literal(node.values[0]));
  }
  return fmt::format("json_contains_{}({}, {})", all ? "all" : "any", value, list(node.values));
}

Result<std::string> MilvusWriter::predicate(const FilterNode& node, bool wanted) const {
  const FilterSource source = node.operand.path.source;
  std::string value = path_text(node.operand.path);
  if (node.operand.is_length) {
    if (node.op == FilterOp::kNull || node.op == FilterOp::kLike || node.negated || !wanted ||
        source != FilterSource::kMetadata) {
      return unsupported("a negated array_length(), or one that is compared with null or a pattern");
    }
    value = fmt::format("array_length({})", value);
  }
  // What says that there is a value at all; nothing where there always is.
  const std::string present = source == FilterSource::kMetadata  ? "exists " + value
                              : source == FilterSource::kContent ? value + " is not null"
                                                                 : std::string();
  if (node.op == FilterOp::kNull) {
    const bool want_present = node.negated == wanted;
    if (present.empty()) {
      return constant(want_present);
    }
    return want_present ? present : fmt::format("not ({})", present);
  }
  if (node.op == FilterOp::kContainsAny || node.op == FilterOp::kContainsAll) {
    const std::string condition = contains(node, value);
    return wanted ? condition : fmt::format("not ({})", condition);
  }
  // not (not in) and the like: nothing, or what `in` takes.
  const std::string condition = wanted == node.negated ? complement(node, value) : positive(node, value);
  if (wanted || present.empty()) {
    const bool may_be_nothing = node.negated && source == FilterSource::kContent;
    return may_be_nothing ? fmt::format("({} and {})", present, condition) : condition;
  }
  return fmt::format("(not ({}) or {})", present, condition);
}

}  // namespace

Result<std::string> to_milvus(const FilterExpression& expression, const FilterSqlNames& names) {
  return MilvusWriter(names).write(expression, true);
}

}  // namespace asterism
