// A filter as a condition of PostgreSQL over a table whose metadata is jsonb, with numbered parameters in text form.
//
// Numbers compare as jsonb compares them: as decimals, exactly. That differs from filter_matcher.hpp where a number of
// JSON is no double: 0.1000000000000000000001 equals 0.1 there and not here. Texts are ordered by their bytes (COLLATE
// "C"), whatever the database's language. Metadata cannot hold \u0000; of a key given twice jsonb keeps the last.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "store/filter_expression.hpp"
#include "store/filter_sql.hpp"

namespace asterism {

struct FilterPostgres {
  std::string text;                     // "(metadata -> 'price') < $3::jsonb AND ..."
  std::vector<std::string> parameters;  // in text format, for $first_parameter and on; the types stand in the text
};

// jsonb at a path of metadata: what to declare an index on, which then serves `=`, `in`, and the orders.
std::string postgres_column_expression(const FilterPath& path, const FilterSqlNames& names = {});

// `first_parameter`: the number of the first, 1 when there are no others before.
FilterPostgres to_postgres(const FilterExpression& expression, const FilterSqlNames& names = {},
                           std::size_t first_parameter = 1);

}  // namespace asterism
