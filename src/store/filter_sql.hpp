// What the two SQL forms of a filter share: filter_sqlite.hpp, filter_postgres.hpp.
//
// SQL knows a third answer, NULL; a filter has two. `and` and `or` of SQL are true exactly where those of a filter are
// if NULL counts as false, which WHERE does; and for `not` we write IS NOT TRUE, which is true of NULL. So a predicate
// may be NULL where it should be false, and whole filters still agree with filter_matcher.hpp.
#pragma once

#include <functional>
#include <string>

#include "store/filter_expression.hpp"

namespace asterism {

// SQL expressions of the item's parts, as they stand in the statement: trusted, never from a user. Id, kind and content
// must be of type TEXT, metadata a JSON object or NULL.
struct FilterSqlNames {
  std::string id = "id";
  std::string kind = "kind";
  std::string content = "content";
  std::string metadata = "metadata";

  // Of a path that is no metadata.
  const std::string& of(FilterSource source) const;
};

// Text in single quotes, those in it doubled: a literal of both SQLs (PostgreSQL's with standard_conforming_strings).
std::string sql_quoted(std::string_view text);

// Values as a JSON array.
std::string filter_values_json(const std::vector<FilterLiteral>& values);

// The tree with and, or, not written out, and each predicate by the function.
std::string filter_tree_sql(const FilterExpression& expression,
                            const std::function<std::string(const FilterNode&)>& predicate);

}  // namespace asterism
