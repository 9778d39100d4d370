// Which split a row falls into: a hash of its name decides, so that it stays there whatever rows come or go.
//
// Thread-safety: pure functions. Cost: one SHA-256 of the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "train/task.hpp"

namespace asterism {

struct SplitShares {
  double validation = 0.1;
  double test = 0.1;
  std::uint64_t seed = 0;
};

// In [0, 1), evenly spread over names. `key`: the group of the row, or its own name.
double split_position(std::string_view key, std::uint64_t seed);
// Likewise, in another order than that of the splits: rows_max keeps the rows with the least.
double thinning_position(std::string_view key, std::uint64_t split_seed);
// The `most` rows of the least positions, in their order; all where there are no more.
std::vector<std::size_t> thinned_rows(std::span<const double> positions, std::size_t most);
Split split_of(std::string_view key, const SplitShares& shares);

}  // namespace asterism
