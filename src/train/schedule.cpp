#include "train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace asterism {

RunLength run_length(const TrainingRecipe& recipe, std::int64_t batch_count) {
  // Batches that do not fill a step wait for the next epoch's shuffle.
  const std::int64_t steps = std::max<std::int64_t>(1, batch_count / recipe.accumulation_count);
  return {.steps_per_epoch = steps, .step_count = steps * recipe.epoch_count};
}

double learning_rate_at(const TrainingRecipe& recipe, const RunLength& length, std::int64_t step) {
  const auto steps_per_epoch = static_cast<double>(length.steps_per_epoch);
  const auto now = static_cast<double>(step);
  const double warmup = std::round(recipe.warmup_epochs * steps_per_epoch);
  if (now < warmup) {
    return recipe.learning_rate * (now + 1.0) / warmup;
  }
  switch (recipe.schedule) {
    case ScheduleKind::kConstant:
      return recipe.learning_rate;
    case ScheduleKind::kCosine: {
      const double left = std::max(1.0, static_cast<double>(length.step_count) - warmup);
      const double share = std::clamp((now - warmup) / left, 0.0, 1.0);
      return recipe.learning_rate_min +
             (recipe.learning_rate - recipe.learning_rate_min) * 0.5 * (1.0 + std::cos(std::numbers::pi * share));
    }
    case ScheduleKind::kStep: {
      double rate = recipe.learning_rate;
      for (const double epoch : recipe.step_epochs) {
        if (now >= epoch * steps_per_epoch) {
          rate *= recipe.step_factor;
        }
      }
      return rate;
    }
  }
  return recipe.learning_rate;
}

double average_decay_at(const TrainingRecipe& recipe, const RunLength& length, std::int64_t step) {
  const double ramp = recipe.average_ramp_epochs * static_cast<double>(length.steps_per_epoch);
  if (static_cast<double>(step) >= ramp) {
    return recipe.average_decay;
  }
  return recipe.average_decay_start +
         (recipe.average_decay - recipe.average_decay_start) * static_cast<double>(step) / ramp;
}

}  // namespace asterism
