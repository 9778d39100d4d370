// What is asked of a snapshot's rows: items, neighbours, searches by anything, substrings.
//
// Answers are rows of the snapshot; items that came later are none and are left out. The collection answers as it is
// now. Thread-safety: any thread. Cost: one search or one get of the collection each; find_rows() reads every text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "service/atlas_snapshot.hpp"

namespace asterism::service {

// Limits; one past each is kLimitExceeded.
inline constexpr std::size_t kAtlasItemCountMax = 1000;  // of one get
inline constexpr std::size_t kAtlasNeighborCountMax = 1000;
inline constexpr std::size_t kFindCountMax = 100'000;

struct ScoredRow {
  std::uint32_t row = 0;
  float score = 0.0F;  // of the collection's metric
};

// {"items": [{"row", "id", "text", "image", "metadata", "gone"}]} in the order of `rows`. `text` is the text, of a
// picture its path or name; null where there is none. `gone`: deleted since the snapshot. kInvalidArgument names a row
// that is none.
Result<Json> atlas_items(const Collection& collection, const AtlasSnapshot& snapshot,
                         std::span<const std::uint32_t> rows);

// The `k` nearest others of a row in the original space, nearest first; fewer where items came later or there are
// fewer.
Result<std::vector<ScoredRow>> atlas_neighbors(const Collection& collection, const AtlasSnapshot& snapshot,
                                               std::uint32_t row, std::size_t k);

struct AtlasQuery {
  enum class Kind : std::uint8_t { kText, kImage, kExpression, kRow } kind = Kind::kText;
  std::string value = {};  // the text, the picture's file or the expression
  std::uint32_t row = 0;   // of kRow
};
// Of an expression's own items so many are left out at most; where there are more there may be fewer answers than k.
inline constexpr std::size_t kOwnItemCountMax = 64;

// Nearest first. An expression (arithmetic_expression.hpp) is the weighted sum of its terms' vectors, each at length 1
// (3CosAdd; Mikolov et al. 2013, "Linguistic Regularities in Continuous Space Word Representations"); its own items and
// texts are no answers. kUsage names the column where it does not parse, kInvalidArgument a picture's path: a client
// has no files here; kNotFound an id that is not there.
Result<std::vector<ScoredRow>> atlas_search(const Collection& collection, const AtlasSnapshot& snapshot,
                                            const AtlasQuery& query, std::size_t k);

// The rows of what was found, at most `k`; items that are none of the snapshot's are left out.
std::vector<ScoredRow> rows_of_hits(const AtlasSnapshot& snapshot, const SearchResult& result, std::size_t k);

// Rows whose text or id holds `text`, in their order, at most `limit`; ASCII letters in any case.
Result<std::vector<std::uint32_t>> find_rows(const Collection& collection, const AtlasSnapshot& snapshot,
                                             std::string_view text, std::size_t limit);

// The items of those rows as a new collection's, vectors copied. What is gone is left out. Returns how many there are.
Result<std::uint64_t> copy_rows(const Collection& from, const AtlasSnapshot& snapshot,
                                std::span<const std::uint32_t> rows, Collection& to);

}  // namespace asterism::service
