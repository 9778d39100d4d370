#include "train/patch_masks.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace asterism {
namespace {

constexpr double kBlockPatchCountMin = 16.0;
constexpr double kAspectMax = 10.0 / 3.0;
constexpr int kBlockAttemptCount = 1000;

std::vector<std::int64_t> shuffled(std::vector<std::int64_t> values, SeededRandom& random) {
  random.shuffle(values);
  return values;
}

// The patches of one rectangle that are not hidden yet.
std::vector<std::int64_t> new_block(const PatchGrid& grid, const std::vector<bool>& hidden, std::int64_t missing_count,
                                    SeededRandom& random) {
  const double most = std::max(kBlockPatchCountMin, static_cast<double>(missing_count));
  const double area = random.uniform(std::min(kBlockPatchCountMin, most), most);
  const double aspect = std::exp(random.uniform(-std::log(kAspectMax), std::log(kAspectMax)));
  const auto height = std::clamp<std::int64_t>(std::lround(std::sqrt(area * aspect)), 1, grid.height);
  const auto width = std::clamp<std::int64_t>(std::lround(std::sqrt(area / aspect)), 1, grid.width);
  const std::int64_t top = random.below(grid.height - height + 1);
  const std::int64_t left = random.below(grid.width - width + 1);
  std::vector<std::int64_t> out;
  for (std::int64_t y = top; y < top + height; ++y) {
    for (std::int64_t x = left; x < left + width; ++x) {
      if (!hidden[static_cast<std::size_t>(y * grid.width + x)]) {
        out.push_back(y * grid.width + x);
      }
    }
  }
  return out;
}

}  // namespace

std::vector<bool> hidden_patches(const PatchGrid& grid, std::int64_t hidden_count, PatchMasking masking,
                                 SeededRandom& random) {
  std::vector<bool> hidden(static_cast<std::size_t>(grid.height * grid.width), false);
  std::int64_t missing = hidden_count;
  const auto hide = [&](const std::vector<std::int64_t>& patches) {
    for (const std::int64_t patch : patches) {
      if (missing > 0) {
        hidden[static_cast<std::size_t>(patch)] = true;
        --missing;
      }
    }
  };
  for (int attempt = 0; masking == PatchMasking::kBlocks && missing > 0 && attempt < kBlockAttemptCount; ++attempt) {
    auto block = new_block(grid, hidden, missing, random);
    const bool is_too_large = static_cast<std::int64_t>(block.size()) > missing;
    hide(is_too_large ? shuffled(std::move(block), random) : block);
  }
  if (missing > 0) {
    std::vector<std::int64_t> rest;
    for (std::int64_t patch = 0; patch < grid.height * grid.width; ++patch) {
      if (!hidden[static_cast<std::size_t>(patch)]) {
        rest.push_back(patch);
      }
    }
    hide(shuffled(std::move(rest), random));
  }
  return hidden;
}

}  // namespace asterism
