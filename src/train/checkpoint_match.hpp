// Whether a checkpoint is of this run: the same settings and the same data. Thread-safety: pure. Cost: the recipe's
// keys.
#pragma once

#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "train/checkpoint_store.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

// kMismatch where there are differences, such as those of settings_differences: the first few of them after `what`.
Result<void> expect_no_differences(std::vector<std::string> differences, const std::string& what);

// kCorrupt where it says neither, kMismatch with what differs.
Result<void> expect_own_checkpoint(const Checkpoint& checkpoint, const Recipe& recipe, const TrainingTask& task);

}  // namespace asterism
