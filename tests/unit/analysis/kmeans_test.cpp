#include "analysis/kmeans.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <vector>

#include "analysis_support.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

TEST(KMeans, from_the_same_start_it_ends_where_scikit_learn_does) {
  const Json golden_cases = structure_golden()["kmeans"];
  ASSERT_EQ(golden_cases.size(), 2U);
  ThreadPool pool(2);
  for (const Json& golden : golden_cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const auto data = golden["data"].get<std::vector<float>>();
    const RowsView rows = view_of(data, golden["dim"].get<std::size_t>());
    const auto clusters = golden["clusters"].get<std::size_t>();
    const auto fitted = KMeans::fit(
        rows, {.cluster_count = clusters, .initial_centers = rows.values.first(clusters * rows.dim)}, {.pool = pool});
    ASSERT_TRUE(fitted) << fitted.error().to_string();
    const auto labels = golden["labels"].get<std::vector<std::uint32_t>>();
    EXPECT_TRUE(std::ranges::equal(fitted->labels(), labels));
    const double inertia = golden["inertia"].get<double>();
    EXPECT_NEAR(fitted->inertia(), inertia, 1e-6 * inertia);
    EXPECT_TRUE(fitted->converged());
  }
}

TEST(KMeans, its_own_starts_find_what_scikit_learns_twenty_find) {
  ThreadPool pool(2);
  for (const Json& golden : structure_golden()["kmeans"]) {
    const auto data = golden["data"].get<std::vector<float>>();
    const RowsView rows = view_of(data, golden["dim"].get<std::size_t>());
    const auto fitted =
        KMeans::fit(rows, {.cluster_count = golden["clusters"].get<std::size_t>(), .start_count = 10}, {.pool = pool});
    ASSERT_TRUE(fitted);
    EXPECT_LE(fitted->inertia(), 1.01 * golden["best_inertia"].get<double>());
  }
}

TEST(KMeans, mini_batches_come_close_to_all_rows) {
  const auto data = grouped_rows(10, 2000, 16, 3.0);
  ThreadPool pool(2);
  const RowsView rows = view_of(data, 16);
  const auto all = KMeans::fit(rows, {.cluster_count = 10, .method = KMeansOptions::Method::kLloyd}, {.pool = pool});
  const auto some = KMeans::fit(
      rows, {.cluster_count = 10, .method = KMeansOptions::Method::kMiniBatch, .batch_row_count = 512}, {.pool = pool});
  ASSERT_TRUE(all && some);
  EXPECT_LE(some->inertia(), 1.05 * all->inertia());
  EXPECT_TRUE(some->converged());
}

TEST(KMeans, the_number_of_threads_changes_no_byte) {
  const auto data = grouped_rows(12, 301, 70, 0.7);
  const RowsView rows = view_of(data, 70);
  for (const auto method : {KMeansOptions::Method::kLloyd, KMeansOptions::Method::kMiniBatch}) {
    const KMeansOptions options{
        .cluster_count = 9, .start_count = 2, .seed = 5, .method = method, .batch_row_count = 300};
    ThreadPool one(1);
    const auto expected = KMeans::fit(rows, options, {.pool = one});
    ASSERT_TRUE(expected);
    for (const std::size_t threads : {2U, 3U}) {
      ThreadPool pool(threads);
      const auto again = KMeans::fit(rows, options, {.pool = pool});
      ASSERT_TRUE(again);
      EXPECT_EQ(std::memcmp(again->centers().data(), expected->centers().data(), expected->centers().size_bytes()), 0);
      EXPECT_TRUE(std::ranges::equal(again->labels(), expected->labels()));
      EXPECT_EQ(again->inertia(), expected->inertia());
    }
    KMeansOptions other = options;
    other.seed = 6;
    const auto differs = KMeans::fit(rows, other, {.pool = one});
    ASSERT_TRUE(differs);
    EXPECT_FALSE(std::ranges::equal(differs->centers(), expected->centers()));
  }
}

TEST(KMeans, an_empty_cluster_takes_the_farthest_row) {
  // Two means start at one place: the second never gets a row.
  const std::vector<float> data{0.0F, 0.1F, 10.0F, 10.1F, 50.0F};
  const std::vector<float> start{0.0F, 0.0F, 10.0F};
  ThreadPool pool(1);
  const auto fitted = KMeans::fit(view_of(data, 1), {.cluster_count = 3, .initial_centers = start}, {.pool = pool});
  ASSERT_TRUE(fitted);
  EXPECT_EQ(std::set(fitted->labels().begin(), fitted->labels().end()).size(), 3U);
  EXPECT_NEAR(fitted->inertia(), 0.01, 1e-5);
}

TEST(KMeans, predicts_the_labels_it_was_fitted_with) {
  const auto data = grouped_rows(5, 100, 6, 2.0);
  ThreadPool pool(2);
  const RowsView rows = view_of(data, 6);
  const auto fitted = KMeans::fit(rows, {.cluster_count = 5}, {.pool = pool});
  ASSERT_TRUE(fitted);
  const auto predicted = fitted->predict(rows, {.pool = pool});
  ASSERT_TRUE(predicted);
  EXPECT_TRUE(std::ranges::equal(*predicted, fitted->labels()));
  EXPECT_EQ(fitted->predict(view_of(data, 5), {.pool = pool}).error().code, ErrorCode::kInvalidArgument);
}

TEST(KMeans, equal_rows_are_one_cluster) {
  const std::vector<float> data(3000, 1.5F);
  ThreadPool pool(2);
  for (const auto method : {KMeansOptions::Method::kLloyd, KMeansOptions::Method::kMiniBatch}) {
    const auto fitted = KMeans::fit(view_of(data, 3), {.cluster_count = 4, .method = method}, {.pool = pool});
    ASSERT_TRUE(fitted);
    EXPECT_TRUE(std::ranges::all_of(fitted->labels(), [](std::uint32_t label) { return label == 0; }));
    EXPECT_EQ(fitted->inertia(), 0.0);
  }
}

TEST(KMeans, rows_far_from_zero_are_told_apart) {
  auto data = grouped_rows(4, 50, 3, 20.0);
  std::ranges::for_each(data, [](float& value) { value += 10'000.0F; });
  ThreadPool pool(1);
  const auto fitted = KMeans::fit(view_of(data, 3), {.cluster_count = 4, .start_count = 3}, {.pool = pool});
  ASSERT_TRUE(fitted);
  for (std::size_t r = 4; r < 200; ++r) {
    EXPECT_EQ(fitted->labels()[r], fitted->labels()[r % 4]);
  }
}

TEST(KMeans, names_what_is_wrong) {
  std::vector<float> data{1.0F, 2.0F, 3.0F, 4.0F};
  ThreadPool pool(1);
  const AnalysisRun run{.pool = pool};
  const auto too_many = KMeans::fit(view_of(data, 2), {.cluster_count = 3}, run);
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().message, "k-means: expected 1 to 2 clusters of 2 rows, found 3");
  EXPECT_FALSE(KMeans::fit(view_of(data, 2), {.cluster_count = 0}, run));
  EXPECT_TRUE(KMeans::fit({.values = std::span(data).first(2), .row_count = 1, .dim = 2}, {.cluster_count = 1}, run));
  data[3] = std::numeric_limits<float>::quiet_NaN();
  const auto broken = KMeans::fit(view_of(data, 2), {.cluster_count = 2}, run);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "k-means: row 1 (the first is 0), value 1: expected a finite number, found nan");
}

TEST(KMeans, stops_when_asked_to) {
  const auto data = grouped_rows(3, 10, 2, 1.0);
  ThreadPool pool(1);
  CancelFlag cancel;
  cancel.request();
  const auto stopped = KMeans::fit(view_of(data, 2), {.cluster_count = 3}, {.pool = pool, .cancel = &cancel});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace asterism
