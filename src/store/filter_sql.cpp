#include "store/filter_sql.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace asterism {

const std::string& FilterSqlNames::of(FilterSource source) const {
  switch (source) {
    case FilterSource::kId:
      return id;
    case FilterSource::kKind:
      return kind;
    case FilterSource::kContent:
      return content;
    case FilterSource::kMetadata:
      break;
  }
  return metadata;
}

std::string sql_quoted(std::string_view text) {
  return filter_literal_text(std::string(text));
}

std::string filter_values_json(const std::vector<FilterLiteral>& values) {
  Json list = Json::array();
  for (const FilterLiteral& value : values) {
    std::visit([&](const auto& v) { list.push_back(v); }, value);
  }
  return list.dump();
}

std::string filter_tree_sql(const FilterExpression& expression,
                            const std::function<std::string(const FilterNode&)>& predicate) {
  const FilterNode& node = expression.node();
  if (node.children.empty()) {
    return predicate(node);
  }
  if (node.op == FilterOp::kNot) {
    return fmt::format("({} IS NOT TRUE)", filter_tree_sql(node.children[0], predicate));
  }
  std::string text = "(";
  for (const FilterExpression& child : node.children) {
    if (text.size() > 1) {
      text += node.op == FilterOp::kAnd ? " AND " : " OR ";
    }
    text += filter_tree_sql(child, predicate);
  }
  return text + ")";
}

}  // namespace asterism
