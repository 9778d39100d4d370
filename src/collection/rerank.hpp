// What is done with hits after they were found, over any store. Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "store/filter_expression.hpp"

namespace asterism {

// Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): an item's score is the sum over rankings of
// 1 / (60 + rank), ranks from 1. Best first; equal scores in the order of the first ranking. Keeps at most `k`.
inline constexpr double kReciprocalRankConstant = 60.0;
std::vector<SearchHit> fuse_rankings(std::vector<SearchHit> first, std::vector<SearchHit> second, std::size_t k);

// The value at a path of an item as text that tells values apart; nothing counts as a value.
Result<std::string> group_value(const Item& item, const FilterPath& path);

// The first `group_size` hits of each value, in their order, at most `k` in all.
Result<std::vector<SearchHit>> limit_groups(std::vector<SearchHit> hits, const FilterPath& path, std::size_t group_size,
                                            std::size_t k);

// Maximal marginal relevance (Carbonell and Goldstein 1998) with lambda = 1 - diversity: one after the other, the hit
// with the largest lambda * relevance - (1 - lambda) * likeness to those chosen before. Relevance is the cosine to the
// query, likeness the cosine between hits, whatever the metric. Hits carry vectors; `query` is [dim]. Keeps at most
// `k`.
std::vector<SearchHit> diversify(std::vector<SearchHit> hits, std::span<const float> query, double diversity,
                                 std::size_t k);

}  // namespace asterism
