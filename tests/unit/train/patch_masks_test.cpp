#include "train/patch_masks.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace asterism {
namespace {

constexpr PatchGrid kGrid{8, 8};

TEST(PatchMasks, hide_exactly_the_count) {
  for (const PatchMasking masking : {PatchMasking::kRandom, PatchMasking::kBlocks}) {
    for (const std::int64_t count : {1, 5, 16, 48, 63}) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SeededRandom random({seed});
        const auto hidden = hidden_patches(kGrid, count, masking, random);
        EXPECT_EQ(hidden.size(), 64U);
        EXPECT_EQ(std::ranges::count(hidden, true), count);
      }
    }
  }
}

// Patches whose right neighbour is hidden like themselves.
double agreement(const std::vector<bool>& hidden) {
  int same = 0;
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    same += i % 8 != 7 && hidden[i] == hidden[i + 1] ? 1 : 0;
  }
  return same / 56.0;
}

TEST(PatchMasks, blocks_hang_together_and_random_ones_do_not) {
  double blocks = 0.0;
  double scattered = 0.0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom random({seed});
    blocks += agreement(hidden_patches(kGrid, 32, PatchMasking::kBlocks, random)) / 50.0;
    scattered += agreement(hidden_patches(kGrid, 32, PatchMasking::kRandom, random)) / 50.0;
  }
  EXPECT_NEAR(scattered, 31.0 / 63.0, 0.05);  // of the other 63, 31 are hidden alike
  EXPECT_GT(blocks, 0.7);
}

}  // namespace
}  // namespace asterism
