// A filter as an expression of Milvus, over fields id, kind, content (VarChar) and metadata (JSON).
//
// Milvus does not promise that `not` of a comparison with a missing key is true, so `not` is carried down to the
// comparisons and written out there: not (a = 1) is `(not exists metadata["a"] or metadata["a"] != 1)`. What it cannot
// say exactly as filter_matcher.hpp means it is refused, never approximated.
#pragma once

#include <string>

#include "store/filter_expression.hpp"
#include "store/filter_sql.hpp"

namespace asterism {

// kUnsupported names the construct: lists that mix texts, numbers and booleans, `$content is null`, array_length in
// other places than a comparison. `names` are fields of the collection, not SQL.
Result<std::string> to_milvus(const FilterExpression& expression, const FilterSqlNames& names = {});

}  // namespace asterism
