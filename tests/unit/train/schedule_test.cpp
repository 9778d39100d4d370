#include "train/schedule.hpp"

#include <gtest/gtest.h>

namespace asterism {
namespace {

TrainingRecipe recipe(ScheduleKind kind) {
  TrainingRecipe made;
  made.epoch_count = 10;
  made.learning_rate = 1.0;
  made.schedule = kind;
  return made;
}

TEST(Schedule, warm_up_reaches_the_rate_at_its_last_step) {
  TrainingRecipe made = recipe(ScheduleKind::kConstant);
  made.warmup_epochs = 0.4;
  const RunLength length = run_length(made, 10);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 0), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 3), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 99), 1.0);
}

TEST(Schedule, cosine_falls_from_the_rate_to_its_end) {
  TrainingRecipe made = recipe(ScheduleKind::kCosine);
  made.learning_rate_min = 0.1;
  const RunLength length = run_length(made, 10);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 0), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 50), 0.55);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 100), 0.1);
}

TEST(Schedule, steps_multiply_where_their_epoch_begins) {
  TrainingRecipe made = recipe(ScheduleKind::kStep);
  made.step_epochs = {2.0, 4.5};
  const RunLength length = run_length(made, 10);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 19), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 20), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 44), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(made, length, 45), 0.01);
}

TEST(Schedule, average_decay_grows_over_its_ramp_and_stays) {
  TrainingRecipe made = recipe(ScheduleKind::kConstant);
  made.average_decay_start = 0.9;
  made.average_decay = 0.99;
  made.average_ramp_epochs = 2.0;
  const RunLength length = run_length(made, 10);
  EXPECT_DOUBLE_EQ(average_decay_at(made, length, 0), 0.9);
  EXPECT_DOUBLE_EQ(average_decay_at(made, length, 10), 0.945);
  EXPECT_DOUBLE_EQ(average_decay_at(made, length, 20), 0.99);
  EXPECT_DOUBLE_EQ(average_decay_at(made, length, 99), 0.99);
}

TEST(Schedule, accumulated_batches_are_one_step) {
  TrainingRecipe made = recipe(ScheduleKind::kConstant);
  made.accumulation_count = 4;
  EXPECT_EQ(run_length(made, 10).steps_per_epoch, 2);
  EXPECT_EQ(run_length(made, 3).steps_per_epoch, 1);
  EXPECT_EQ(run_length(made, 10).step_count, 20);
}

}  // namespace
}  // namespace asterism
