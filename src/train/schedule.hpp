// Learning rate and decay of the average as functions of the step: a resumed run asks for the same numbers.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>

#include "train/recipe.hpp"

namespace asterism {

struct RunLength {
  std::int64_t steps_per_epoch = 1;
  std::int64_t step_count = 1;
};

RunLength run_length(const TrainingRecipe& recipe, std::int64_t batch_count);

// Of step `step` (from 0): a linear warm-up that reaches the recipe's rate at its last step, then constant, half a
// cosine down to learning_rate_min (Loshchilov and Hutter 2017, without restarts), or steps by step_factor.
double learning_rate_at(const TrainingRecipe& recipe, const RunLength& length, std::int64_t step);

// Grows linearly from average_decay_start to average_decay over average_ramp_epochs, then stays (Baevski et al. 2022).
double average_decay_at(const TrainingRecipe& recipe, const RunLength& length, std::int64_t step);

}  // namespace asterism
