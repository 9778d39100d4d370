// Which split a row falls into: a hash of its name decides, so that it stays there whatever rows come or go.
//
// Thread-safety: pure functions. Cost: one SHA-256 of the name.
#pragma once

#include <cstdint>
#include <string_view>

#include "train/task.hpp"

namespace asterism {

struct SplitShares {
  double validation = 0.1;
  double test = 0.1;
  std::uint64_t seed = 0;
};

// In [0, 1), evenly spread over names. `key`: the group of the row, or its own name.
double split_position(std::string_view key, std::uint64_t seed);
Split split_of(std::string_view key, const SplitShares& shares);

}  // namespace asterism
