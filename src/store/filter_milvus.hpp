// A filter as an expression of Milvus, over fields id, kind, content (VarChar) and metadata (JSON).
//
// Milvus counts `not` of a comparison with a missing key as false, so `not` is carried down to the comparisons and
// written out there: not (a < 1) is "no a, or a >= 1, or a of another kind". Only what milvus-lite 3 takes too is used,
// apart from array_length() of a JSON path, negative numbers sought in arrays, and long lists.
// Known differences from filter_matcher.hpp: an array or an object is not taken by `not` of an ordering, nor by `not`
// of a negated operator; milvus-lite, written in Python, takes true for 1 and false for 0.
#pragma once

#include <cstddef>
#include <string>

#include "store/filter_expression.hpp"
#include "store/filter_sql.hpp"

namespace asterism {

// milvus-lite knows `in` for fields alone: up to this many values of a path are a chain of `or`.
inline constexpr std::size_t kMilvusChainCountMax = 100;

// `names` are fields of the collection, and ids are not empty. kUnsupported names what Milvus cannot express: the
// length of an array in a negation or a test for null, whose answer for values that are no arrays it leaves open.
Result<std::string> to_milvus(const FilterExpression& expression, const FilterSqlNames& names = {});

}  // namespace asterism
