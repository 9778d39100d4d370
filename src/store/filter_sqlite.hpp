// A filter as a condition of SQLite 3.40 over a table of items, with parameters.
//
// Every value of metadata is read by column_expression(), in one spelling, so that an index on that expression serves
// comparisons, `between`, `in` and the beginning of a pattern:
//   CREATE INDEX item_price ON item(json_extract(metadata,'$."price"'))
// What json_extract() does not tell apart (true and 1, '[1]' and [1]) a second condition on json_type() does, after the
// index. Metadata must be what the store writes: a valid JSON object without \u0000, numbers within a double, and no
// escapes in keys but those that JSON needs; of a key given twice SQLite takes the first.
#pragma once

#include <string>
#include <vector>

#include "store/filter_expression.hpp"
#include "store/filter_sql.hpp"

namespace asterism {

struct FilterSqlite {
  std::string text;                   // "(json_extract(metadata,'$.\"price\"') < ? AND ...)"
  std::vector<FilterLiteral> values;  // one for each ?, in order; never a bool
};

// The value at a path of metadata, or the item's own text: what to declare an index on.
std::string column_expression(const FilterPath& path, const FilterSqlNames& names = {});

FilterSqlite to_sqlite(const FilterExpression& expression, const FilterSqlNames& names = {});

}  // namespace asterism
