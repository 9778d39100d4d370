#include "train/evaluation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_training.hpp"

namespace asterism {
namespace {

TEST(Evaluation, large_split_is_thinned_to_batches_from_its_beginning_to_its_end) {
  const FakeTask task;  // 100 rows in 13 batches of 8
  FakeLearner learner;
  const auto some = encode_split(task, learner, WeightsOf::kTrained, Split::kTrain, 30, nullptr);
  ASSERT_TRUE(some) << some.error().to_string();
  // Every fourth batch: the first, and the last with its 4 rows.
  EXPECT_EQ(some->rows.size(), 28U);
  EXPECT_EQ(some->rows.front(), 0);
  EXPECT_EQ(some->rows.back(), 99);
  const auto raw = raw_split(task, Split::kTrain, 30, nullptr);
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->rows, some->rows);
  EXPECT_EQ(raw->vectors.labels, some->vectors.labels);
  for (std::size_t i = 0; i < some->rows.size(); ++i) {
    EXPECT_EQ(some->vectors.labels[i], task.labels(Split::kTrain)[static_cast<std::size_t>(some->rows[i])]);
  }
  EXPECT_EQ(raw->vectors.values[1], task.raw_vector(Split::kTrain, 0).value()[1]);
}

TEST(Evaluation, quality_of_one_split_leaves_each_row_out_and_has_no_probe) {
  const FakeTask task;
  const auto rows = raw_split(task, Split::kTrain, 1000, nullptr);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->rows.size(), 100U);
  const auto alone = measure_quality(*rows, {});
  ASSERT_TRUE(alone) << alone.error().to_string();
  EXPECT_GT(alone->neighbour_accuracy.value(), 0.9);
  EXPECT_FALSE(alone->probe_accuracy);
  EXPECT_EQ(alone->query_count, 100);
}

TEST(Evaluation, both_sides_are_whitened_by_the_rows_that_are_learnt_from) {
  const FakeTask task;
  FakeLearner learner;
  const EvaluationOptions options{.whitening = 2};
  const auto encoded = encode_rows(task, learner, WeightsOf::kTrained, Split::kTest, options);
  ASSERT_TRUE(encoded) << encoded.error().to_string();
  ASSERT_TRUE(encoded->whitening);
  EXPECT_EQ(encoded->bank.vectors.dim, 2U);
  EXPECT_EQ(encoded->queries.vectors.values.size(), 2 * encoded->queries.rows.size());
  double square = 0.0;
  for (const float value : encoded->bank.vectors.values) {
    square += static_cast<double>(value) * static_cast<double>(value);
  }
  EXPECT_NEAR(square / static_cast<double>(2 * (encoded->bank.rows.size() - 1)), 1.0, 1e-4);
  const auto plain = encode_rows(task, learner, WeightsOf::kTrained, Split::kTest, {}).value();
  EXPECT_FALSE(plain.whitening);
  const RowsView rows{
      .values = plain.queries.vectors.values, .row_count = plain.queries.rows.size(), .dim = plain.queries.vectors.dim};
  EXPECT_EQ(encoded->whitening->transform(rows).value(), encoded->queries.vectors.values);
  const auto quality = evaluate_encoder(task, learner, WeightsOf::kTrained, Split::kTest, options).value();
  EXPECT_EQ(quality.neighbour_accuracy, measure_quality(encoded->bank, encoded->queries)->neighbour_accuracy);
}

TEST(Evaluation, whitening_keeps_as_many_directions_as_vary) {
  const FakeTask task;  // four scores of three values
  FakeLearner learner;
  const auto encoded = encode_rows(task, learner, WeightsOf::kTrained, Split::kTest, {.whitening = 4});
  ASSERT_TRUE(encoded) << encoded.error().to_string();
  EXPECT_EQ(encoded->bank.vectors.dim, 3U);
}

TEST(Evaluation, rows_of_one_class_have_no_accuracy) {
  SplitVectors one;
  one.vectors.values = {0, 1, 1, 0};
  one.vectors.dim = 2;
  one.vectors.labels = {3, 3};
  one.rows = {0, 1};
  const auto quality = measure_quality(one, one);
  ASSERT_TRUE(quality);
  EXPECT_FALSE(quality->neighbour_accuracy);
  EXPECT_FALSE(quality->probe_accuracy);
}

TEST(Evaluation, quality_is_read_back_from_its_json) {
  const Quality quality{
      .neighbour_accuracy = 0.5, .probe_accuracy = std::nullopt, .class_accuracy = 0.25, .query_count = 7};
  const Quality again = quality_from_json(to_json(quality));
  EXPECT_EQ(again.neighbour_accuracy, quality.neighbour_accuracy);
  EXPECT_EQ(again.probe_accuracy, quality.probe_accuracy);
  EXPECT_EQ(again.class_accuracy, quality.class_accuracy);
  EXPECT_EQ(again.query_count, 7);
}

TEST(Evaluation, held_out_loss_is_the_mean_over_rows) {
  const FakeTask whole(40);
  const FakeTask small(7);
  FakeLearner learner;
  // 40 rows at once, and in batches of 7 of which the last has 5.
  EXPECT_NEAR(held_out_loss(whole, learner, nullptr).value().value(),
              held_out_loss(small, learner, nullptr).value().value(), 1e-6);
}

TEST(Evaluation, request_to_stop_is_heard_between_batches) {
  const FakeTask task;
  FakeLearner learner;
  CancelFlag cancel;
  cancel.request();
  EXPECT_EQ(encode_split(task, learner, WeightsOf::kTrained, Split::kTrain, 30, &cancel).error().code,
            ErrorCode::kCancelled);
}

}  // namespace
}  // namespace asterism
