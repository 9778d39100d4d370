#include "store/filter_postgres.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace asterism {
namespace {

constexpr const char* kFalse = "false";

bool is_text(const FilterLiteral& value) {
  return std::holds_alternative<std::string>(value);
}

std::string filter_json(const FilterLiteral& value) {
  const std::string list = filter_values_json({value});
  return list.substr(1, list.size() - 2);
}

class PostgresWriter {
 public:
  PostgresWriter(const FilterSqlNames& names, std::size_t first_parameter)
      : names_(names), first_parameter_(first_parameter) {}

  std::string predicate(const FilterNode& node) {
    return node.operand.path.source == FilterSource::kMetadata ? of_metadata(node) : of_field(node);
  }
  std::vector<std::string> take_parameters() { return std::move(parameters_); }

 private:
  std::string of_metadata(const FilterNode& node);
  std::string positive(const FilterNode& node, const std::string& value);
  std::string of_field(const FilterNode& node);
  std::string contains(const FilterNode& node, const std::string& value);
  std::string place(std::string parameter, std::string_view type);
  std::string place_json(const std::vector<FilterLiteral>& values) {
    return place(filter_values_json(values), "jsonb");
  }
  // ` < $1` and the like; BETWEEN with both ends.
  std::string order(const FilterNode& node, std::string_view type);

  const FilterSqlNames& names_;
  std::size_t first_parameter_;
  std::vector<std::string> parameters_;
};

std::string PostgresWriter::place(std::string parameter, std::string_view type) {
  parameters_.push_back(std::move(parameter));
  return fmt::format("${}::{}", first_parameter_ + parameters_.size() - 1, type);
}

std::string PostgresWriter::order(const FilterNode& node, std::string_view type) {
  const auto placed = [&](const FilterLiteral& value) {
    const auto* text = std::get_if<std::string>(&value);
    return place(text != nullptr ? *text : filter_literal_text(value), type);
  };
  if (node.op == FilterOp::kBetween) {
    const std::string low = placed(node.values[0]);
    return fmt::format("BETWEEN {} AND {}", low, placed(node.values[1]));
  }
  return fmt::format("{} {}", order_sign(node.op), placed(node.values[0]));
}

std::string PostgresWriter::contains(const FilterNode& node, const std::string& value) {
  const std::string is_array = fmt::format("jsonb_typeof({}) = 'array'", value);
  if (node.op == FilterOp::kContainsAll || node.values.size() == 1) {
    return fmt::format("({} AND {} @> {})", is_array, value, place_json(node.values));
  }
  // An element by itself is contained in the list of wanted ones when it is one of them; arrays are not asked for.
  return fmt::format(
      "({} AND EXISTS (SELECT 1 FROM jsonb_array_elements(CASE WHEN {} THEN {} END) AS element(value) WHERE "
      "jsonb_typeof(element.value) IN ('number', 'string', 'boolean') AND {} @> element.value))",
      is_array, is_array, value, place_json(node.values));
}

std::string PostgresWriter::positive(const FilterNode& node, const std::string& value) {
  if (node.op == FilterOp::kIn) {
    // Equality of jsonb minds kinds. Both forms can use an index.
    if (node.values.size() == 1) {
      return fmt::format("({} = {})", value, place(filter_json(node.values[0]), "jsonb"));
    }
    return fmt::format("({} = ANY (ARRAY(SELECT jsonb_array_elements({}))))", value, place_json(node.values));
  }
  if (node.op == FilterOp::kLike) {
    return fmt::format("(jsonb_typeof({0}) = 'string' AND ({0} #>> '{{}}') LIKE {1})", value,
                       place(std::get<std::string>(node.values[0]), "text"));
  }
  if (is_text(node.values[0])) {
    return fmt::format("(jsonb_typeof({0}) = 'string' AND ({0} #>> '{{}}') COLLATE \"C\" {1})", value,
                       order(node, "text"));
  }
  return fmt::format("(jsonb_typeof({0}) = 'number' AND {0} {1})", value, order(node, "jsonb"));
}

std::string PostgresWriter::of_metadata(const FilterNode& node) {
  std::string value = postgres_column_expression(node.operand.path, names_);
  if (node.op == FilterOp::kContainsAny || node.op == FilterOp::kContainsAll) {
    return contains(node, value);
  }
  if (node.operand.is_length) {
    value = fmt::format("to_jsonb(CASE WHEN jsonb_typeof({0}) = 'array' THEN jsonb_array_length({0}) END)", value);
  }
  if (node.op == FilterOp::kNull) {
    return fmt::format("(coalesce(jsonb_typeof({}), 'null') {} 'null')", value, node.negated ? "<>" : "=");
  }
  const std::string condition = positive(node, value);
  return node.negated
             ? fmt::format("(jsonb_typeof({}) IN ('number', 'string', 'boolean') AND {} IS NOT TRUE)", value, condition)
             : condition;
}

// A column of type text: no other kind equals it, and only NULL is nothing.
std::string PostgresWriter::of_field(const FilterNode& node) {
  const std::string value =
      node.operand.is_length ? "NULL::text" : fmt::format("({})", names_.of(node.operand.path.source));
  if (node.op == FilterOp::kNull) {
    return fmt::format("({} IS {}NULL)", value, node.negated ? "NOT " : "");
  }
  std::string condition = kFalse;
  if (node.op == FilterOp::kIn) {
    std::vector<FilterLiteral> texts;
    for (const FilterLiteral& wanted : node.values) {
      if (is_text(wanted)) {
        texts.push_back(wanted);
      }
    }
    if (texts.size() == 1) {
      condition = fmt::format("({} = {})", value, place(std::get<std::string>(texts[0]), "text"));
    } else if (!texts.empty()) {
      condition = fmt::format("({} = ANY (ARRAY(SELECT jsonb_array_elements_text({}))))", value, place_json(texts));
    }
  } else if (node.op == FilterOp::kLike) {
    condition = fmt::format("({} LIKE {})", value, place(std::get<std::string>(node.values[0]), "text"));
  } else if (node.op != FilterOp::kContainsAny && node.op != FilterOp::kContainsAll && is_text(node.values[0])) {
    condition = fmt::format("({} COLLATE \"C\" {})", value, order(node, "text"));
  }
  return node.negated ? fmt::format("({} IS NOT NULL AND {} IS NOT TRUE)", value, condition) : condition;
}

}  // namespace

// -> with a text goes into objects alone. With a number it takes a scalar for an array of one, so a path with places is
// written as a jsonpath, which in strict mode does not.
std::string postgres_column_expression(const FilterPath& path, const FilterSqlNames& names) {
  const bool has_place = std::ranges::any_of(
      path.steps, [](const FilterStep& step) { return std::holds_alternative<std::uint32_t>(step); });
  std::string text = has_place ? "strict $" : names.of(path.source);
  for (const FilterStep& step : path.steps) {
    if (const auto* index = std::get_if<std::uint32_t>(&step)) {
      text += fmt::format("[{}]", *index);
    } else if (has_place) {
      text += fmt::format(".\"{}\"", std::get<std::string>(step));
    } else {
      text += " -> " + sql_quoted(std::get<std::string>(step));
    }
  }
  return has_place ? fmt::format("jsonb_path_query_first({}, {}, '{{}}', true)", names.metadata, sql_quoted(text))
                   : fmt::format("({})", text);
}

FilterPostgres to_postgres(const FilterExpression& expression, const FilterSqlNames& names,
                           std::size_t first_parameter) {
  PostgresWriter writer(names, first_parameter);
  FilterPostgres sql;
  sql.text = filter_tree_sql(expression, [&](const FilterNode& node) { return writer.predicate(node); });
  sql.parameters = writer.take_parameters();
  return sql;
}

}  // namespace asterism
