#include "store/filter_sqlite.hpp"

#include <fmt/format.h>

#include <utility>

#include "store/filter_like.hpp"

namespace asterism {
namespace {

// No predicate can be true: SQLite's false.
constexpr const char* kFalse = "0";

// json_each()'s types of an element and of a wanted value, 'real' being 'integer'.
constexpr const char* kSameKind =
    "replace(element.type, 'real', 'integer') = replace(wanted.type, 'real', 'integer') AND element.value = "
    "wanted.value";

bool is_text(const FilterLiteral& value) {
  return std::holds_alternative<std::string>(value);
}

std::string json_path(const FilterPath& path) {
  std::string text = "$";
  for (const FilterStep& step : path.steps) {
    if (const auto* index = std::get_if<std::uint32_t>(&step)) {
      text += fmt::format("[{}]", *index);
    } else {
      text += fmt::format(".\"{}\"", std::get<std::string>(step));
    }
  }
  return sql_quoted(text);
}

// What all texts that begin with `prefix` lie below, bytewise. UTF-8 has no byte 0xFF that could overflow.
std::string past_prefix(std::string prefix) {
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

class SqliteWriter {
 public:
  explicit SqliteWriter(const FilterSqlNames& names) : names_(names) {}

  std::string predicate(const FilterNode& node);
  std::vector<FilterLiteral> take_values() { return std::move(values_); }

 private:
  // What an operand reads, and the conditions that tell its kinds apart: empty where it has no other kind, kFalse where
  // it never has this one.
  struct Column {
    std::string value;
    std::string is_number;
    std::string is_text;
    std::string is_true;
    std::string is_false;
    std::string is_scalar;
  };

  Column column_of(const FilterOperand& operand) const;
  std::string positive(const FilterNode& node, const Column& column);
  std::string in_values(const FilterNode& node, const Column& column);
  std::string like(const FilterNode& node, const Column& column);
  std::string contains(const FilterNode& node);
  // One parameter, or several: "?, ?".
  std::string place(const FilterLiteral& value);
  std::string equals(const Column& column, const std::vector<FilterLiteral>& values);

  const FilterSqlNames& names_;
  std::vector<FilterLiteral> values_;
};

// `condition` where the operand is of the kind that `kind` tests.
std::string guarded(const std::string& condition, const std::string& kind) {
  if (kind.empty()) {
    return fmt::format("({})", condition);
  }
  return fmt::format("({} AND {})", condition, kind);
}

SqliteWriter::Column SqliteWriter::column_of(const FilterOperand& operand) const {
  if (operand.path.source != FilterSource::kMetadata) {
    const std::string value = operand.is_length ? "NULL" : column_expression(operand.path, names_);
    return {value, kFalse, "", kFalse, kFalse, value + " IS NOT NULL"};
  }
  const std::string path = json_path(operand.path);
  const std::string type = fmt::format("json_type({},{})", names_.metadata, path);
  if (operand.is_length) {
    const std::string value =
        fmt::format("CASE WHEN {} = 'array' THEN json_array_length({},{}) END", type, names_.metadata, path);
    return {fmt::format("({})", value), "", kFalse, kFalse, kFalse, type + " = 'array'"};
  }
  return {column_expression(operand.path, names_),
          type + " IN ('integer', 'real')",
          type + " = 'text'",
          type + " = 'true'",
          type + " = 'false'",
          type + " IN ('integer', 'real', 'text', 'true', 'false')"};
}

std::string SqliteWriter::place(const FilterLiteral& value) {
  values_.push_back(value);
  return "?";
}

std::string SqliteWriter::equals(const Column& column, const std::vector<FilterLiteral>& values) {
  if (values.size() == 1) {
    return fmt::format("{} = {}", column.value, place(values[0]));
  }
  std::string list;
  for (const FilterLiteral& value : values) {
    list += (list.empty() ? "" : ", ") + place(value);
  }
  return fmt::format("{} IN ({})", column.value, list);
}

std::string SqliteWriter::in_values(const FilterNode& node, const Column& column) {
  std::vector<FilterLiteral> numbers;
  std::vector<FilterLiteral> texts;
  bool any_true = false;
  bool any_false = false;
  for (const FilterLiteral& value : node.values) {
    if (const auto* truth = std::get_if<bool>(&value)) {
      (*truth ? any_true : any_false) = true;
    } else {
      (is_text(value) ? texts : numbers).push_back(value);
    }
  }
  std::vector<std::string> parts;
  const auto add = [&](bool wanted, const std::string& kind, const auto& condition) {
    if (wanted && kind != kFalse) {
      parts.push_back(guarded(condition(), kind));
    }
  };
  add(!numbers.empty(), column.is_number, [&] { return equals(column, numbers); });
  add(!texts.empty(), column.is_text, [&] { return equals(column, texts); });
  add(any_true, column.is_true, [&] { return column.value + " = 1"; });
  add(any_false, column.is_false, [&] { return column.value + " = 0"; });
  if (parts.empty()) {
    return kFalse;
  }
  return parts.size() == 1 ? parts[0] : fmt::format("({})", fmt::join(parts, " OR "));
}

std::string SqliteWriter::like(const FilterNode& node, const Column& column) {
  const auto& text = std::get<std::string>(node.values[0]);
  // The parser took this pattern; a tree made by hand with another matches nothing.
  const auto pattern = LikePattern::parse(text);
  if (!pattern || column.is_text == kFalse) {
    return kFalse;
  }
  std::string condition;
  if (const std::string prefix = pattern->prefix(); !prefix.empty()) {
    // Places in the order of the text.
    condition = fmt::format("{} >= {} AND ", column.value, place(prefix));
    condition += fmt::format("{} < {} AND ", column.value, place(past_prefix(prefix)));
  }
  condition += fmt::format("{} GLOB {}", column.value, place(pattern->to_glob()));
  return guarded(condition, column.is_text);
}

// With the values as one JSON list, so that any number of them is one parameter.
std::string SqliteWriter::contains(const FilterNode& node) {
  if (node.operand.path.source != FilterSource::kMetadata) {
    return kFalse;
  }
  const std::string path = json_path(node.operand.path);
  const std::string wanted = place(filter_values_json(node.values));
  const std::string element = fmt::format("json_each({},{}) AS element", names_.metadata, path);
  const std::string is_array = fmt::format("json_type({},{}) = 'array'", names_.metadata, path);
  if (node.op == FilterOp::kContainsAny) {
    return fmt::format("({} AND EXISTS (SELECT 1 FROM {}, json_each({}) AS wanted WHERE {}))", is_array, element,
                       wanted, kSameKind);
  }
  return fmt::format(
      "({} AND NOT EXISTS (SELECT 1 FROM json_each({}) AS wanted WHERE NOT EXISTS (SELECT 1 FROM {} WHERE {})))",
      is_array, wanted, element, kSameKind);
}

std::string SqliteWriter::positive(const FilterNode& node, const Column& column) {
  if (node.op == FilterOp::kIn) {
    return in_values(node, column);
  }
  if (node.op == FilterOp::kLike) {
    return like(node, column);
  }
  const std::string& kind = is_text(node.values[0]) ? column.is_text : column.is_number;
  if (kind == kFalse) {
    return kFalse;
  }
  if (node.op == FilterOp::kBetween) {
    const std::string low = place(node.values[0]);
    return guarded(fmt::format("{} BETWEEN {} AND {}", column.value, low, place(node.values[1])), kind);
  }
  return guarded(fmt::format("{} {} {}", column.value, order_sign(node.op), place(node.values[0])), kind);
}

std::string SqliteWriter::predicate(const FilterNode& node) {
  if (node.op == FilterOp::kContainsAny || node.op == FilterOp::kContainsAll) {
    return contains(node);
  }
  const Column column = column_of(node.operand);
  if (node.op == FilterOp::kNull) {
    return fmt::format("({} IS {}NULL)", column.value, node.negated ? "NOT " : "");
  }
  const std::string condition = positive(node, column);
  return node.negated ? fmt::format("({} AND {} IS NOT TRUE)", column.is_scalar, condition) : condition;
}

}  // namespace

std::string column_expression(const FilterPath& path, const FilterSqlNames& names) {
  if (path.source != FilterSource::kMetadata) {
    return names.of(path.source);
  }
  return fmt::format("json_extract({},{})", names.metadata, json_path(path));
}

FilterSqlite to_sqlite(const FilterExpression& expression, const FilterSqlNames& names) {
  SqliteWriter writer(names);
  FilterSqlite sql;
  sql.text = filter_tree_sql(expression, [&](const FilterNode& node) { return writer.predicate(node); });
  sql.values = writer.take_values();
  return sql;
}

}  // namespace asterism
