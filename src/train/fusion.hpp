// Fits a fusion: vectors of texts or pictures beside columns of their table, each part centred and scaled so that two
// rows differ as much by one as by the other, times the weights of the recipe. Nothing is learnt by gradient.
//
// Thread-safety: one thread. Cost: the encoder over at most kFusionRowsMax rows of the training split and as many of
// the split that is asked; memory their vectors.
#pragma once

#include <cstddef>
#include <filesystem>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

inline constexpr std::size_t kFusionRowsMax = 10'000;

struct FusionResult {
  std::size_t dim = 0;
  DataReport data;
  // "split"; "fused", "content", "columns", "concatenated" (both parts as they are): neighbour accuracy and linear
  // probe; "distances": of each part, the mean squared distance between two rows before.
  Json result;
};

// Writes the model's folder and report.html into `folder`. kInvalidArgument names a setting that does not fit and a
// part that is the same in all rows.
Result<FusionResult> train_fusion(const Recipe& recipe, const std::filesystem::path& folder, const TaskWatch& watch);

}  // namespace asterism
