// Which patches of a picture a masked network does not see.
//
// Thread-safety: pure functions. Cost: a few operations a patch.
#pragma once

#include <cstdint>
#include <vector>

#include "train/network.hpp"
#include "train/seeded_random.hpp"

namespace asterism {

struct PatchGrid {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

// Exactly `hidden_count` of the patches, numbered row by row: spread evenly (He et al. 2022), or in rectangles of at
// least 16 patches and an aspect of 0.3 to 3.3 (Bao et al. 2022, algorithm 1), the last of which is thinned to the
// count.
std::vector<bool> hidden_patches(const PatchGrid& grid, std::int64_t hidden_count, PatchMasking masking,
                                 SeededRandom& random);

}  // namespace asterism
