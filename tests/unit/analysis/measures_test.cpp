// What recorded values do not show: threads, bad input, samples, and comparisons whose answer is known.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "analysis/binary_scores.hpp"
#include "analysis/bootstrap.hpp"
#include "analysis/correlation.hpp"
#include "analysis/measure.hpp"
#include "analysis/neighborhood_scores.hpp"
#include "analysis/row_distances.hpp"
#include "analysis/silhouette.hpp"
#include "analysis/tfidf.hpp"
#include "asterism/cancel.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

std::vector<float> normal_rows(std::size_t row_count, std::size_t dim, std::uint64_t seed) {
  const CounterRandom random(seed);
  std::vector<float> rows(row_count * dim);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = static_cast<float>(random.normal(i));
  }
  return rows;
}

double mean_of(std::span<const double> values, std::span<const std::uint32_t> rows) {
  double sum = 0.0;
  for (const std::uint32_t row : rows) {
    sum += values[row];
  }
  return sum / static_cast<double>(rows.size());
}

TEST(Correlation, constant_columns_have_none) {
  const std::vector<double> constant(5, 2.0);
  const std::vector<double> other{1, 2, 3, 4, 5};
  EXPECT_TRUE(std::isnan(pearson_correlation(constant, other)));
  EXPECT_TRUE(std::isnan(spearman_correlation(other, constant)));
  EXPECT_TRUE(std::isnan(kendall_correlation(other, constant)));
  EXPECT_TRUE(std::isnan(kendall_correlation({}, {})));
  EXPECT_DOUBLE_EQ(kendall_correlation(other, other), 1.0);
}

TEST(BinaryScores, one_kind_alone_has_none) {
  const std::vector<double> scores{0.1, 0.4, 0.9};
  const std::vector<double> ones(3, 1.0);
  EXPECT_TRUE(std::isnan(average_precision(scores, ones)));
  EXPECT_TRUE(std::isnan(roc_area(scores, ones)));
  EXPECT_TRUE(std::isnan(best_f1(scores, ones).score));
}

TEST(BinaryScores, threshold_lies_midway) {
  const ThresholdScore best =
      best_accuracy(std::vector<double>{0.1, 0.2, 0.6, 0.8}, std::vector<double>{0.0, 0.0, 1.0, 1.0});
  EXPECT_DOUBLE_EQ(best.score, 1.0);
  EXPECT_DOUBLE_EQ(best.threshold, 0.4);
}

TEST(Neighborhood, the_same_rows_lose_nothing) {
  const auto rows = normal_rows(50, 4, 1);
  ThreadPool pool(2);
  const auto scores = neighborhood_scores({rows, 50, 4}, {rows, 50, 4}, {}, {.neighbor_count = 7}, {.pool = pool});
  ASSERT_TRUE(scores);
  EXPECT_TRUE(scores->label_agreement_a.empty());
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(scores->overlap[i], 1.0);
    EXPECT_EQ(scores->trustworthiness[i], 1.0);
    EXPECT_EQ(scores->continuity[i], 1.0);
    EXPECT_EQ(scores->mrre_false[i], 0.0);
    EXPECT_EQ(scores->triplet_accuracy[i], 1.0);
    EXPECT_NEAR(scores->distance_rank_correlation[i], 1.0, 1e-12);
  }
}

TEST(Neighborhood, unrelated_rows_agree_by_chance) {
  const auto a = normal_rows(400, 5, 1);
  const auto b = normal_rows(400, 5, 2);
  ThreadPool pool(2);
  const auto scores = neighborhood_scores({a, 400, 5}, {b, 400, 5}, {}, {.neighbor_count = 20}, {.pool = pool});
  ASSERT_TRUE(scores);
  std::vector<std::uint32_t> all(400);
  std::iota(all.begin(), all.end(), 0U);
  EXPECT_NEAR(mean_of(scores->overlap, all), 20.0 / 399.0, 0.02);
  EXPECT_NEAR(mean_of(scores->triplet_accuracy, all), 0.5, 0.02);
  EXPECT_NEAR(mean_of(scores->distance_rank_correlation, all), 0.0, 0.08);
}

TEST(Neighborhood, the_same_bits_with_any_number_of_threads) {
  const auto a = normal_rows(90, 6, 3);
  const auto b = normal_rows(90, 2, 4);
  std::vector<std::vector<double>> found;
  for (const std::size_t thread_count : {1U, 2U, 3U}) {
    ThreadPool pool(thread_count);
    const auto scores = neighborhood_scores({a, 90, 6}, {b, 90, 2}, {}, {.metric_a = Metric::kCosine}, {.pool = pool});
    ASSERT_TRUE(scores);
    found.push_back(scores->trustworthiness);
    found.back().insert(found.back().end(), scores->triplet_accuracy.begin(), scores->triplet_accuracy.end());
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

TEST(Neighborhood, a_thousand_equal_rows_stand_in_their_order) {
  const std::vector<float> equal(1000 * 3, 0.5F);
  ThreadPool pool(2);
  const auto scores = neighborhood_scores({equal, 1000, 3}, {equal, 1000, 3}, {}, {}, {.pool = pool});
  ASSERT_TRUE(scores);
  EXPECT_EQ(scores->overlap[500], 1.0);
  EXPECT_EQ(scores->triplet_accuracy[500], 1.0);
  EXPECT_TRUE(std::isnan(scores->distance_rank_correlation[500]));
}

TEST(Neighborhood, a_sample_gives_the_values_of_its_rows) {
  const auto a = normal_rows(80, 4, 5);
  const auto b = normal_rows(80, 2, 6);
  ThreadPool pool(1);
  const auto all = neighborhood_scores({a, 80, 4}, {b, 80, 2}, {}, {.neighbor_count = 5}, {.pool = pool});
  const auto some =
      neighborhood_scores({a, 80, 4}, {b, 80, 2}, {}, {.neighbor_count = 5, .query_row_count_max = 9}, {.pool = pool});
  ASSERT_TRUE(all && some);
  ASSERT_EQ(some->rows.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(some->trustworthiness[i], all->trustworthiness[some->rows[i]]);
    EXPECT_EQ(some->triplet_accuracy[i], all->triplet_accuracy[some->rows[i]]);
  }
}

// Of each row the same bits as neighborhood_scores(), which sorts and measures every distance.
void expect_same_trust(const RowsView& a, const RowsView& b, const NeighborhoodOptions& options) {
  for (const std::size_t thread_count : {1U, 2U, 3U}) {
    ThreadPool pool(thread_count);
    const auto all = neighborhood_scores(a, b, {}, options, {.pool = pool});
    const auto trust = neighborhood_trust(a, b, options, {.pool = pool});
    ASSERT_TRUE(all && trust);
    EXPECT_EQ(trust->rows, all->rows);
    EXPECT_EQ(trust->trustworthiness, all->trustworthiness);
    EXPECT_EQ(trust->continuity, all->continuity);
  }
}

TEST(NeighborhoodTrust, is_that_of_the_scores) {
  const auto a = normal_rows(700, 24, 11);
  const auto b = normal_rows(700, 2, 12);
  expect_same_trust({a, 700, 24}, {b, 700, 2}, {});
  expect_same_trust({a, 700, 24}, {b, 700, 2}, {.metric_a = Metric::kCosine, .query_row_count_max = 50, .seed = 9});
  expect_same_trust({b, 700, 2}, {a, 700, 24}, {.neighbor_count = 1, .query_row_count_max = 150});
  // The first two components of the rows themselves: near in both.
  std::vector<float> projected;
  for (std::size_t row = 0; row < 700; ++row) {
    projected.insert(projected.end(), {a[row * 24], a[row * 24 + 1]});
  }
  expect_same_trust({a, 700, 24}, {projected, 700, 2}, {.neighbor_count = 40, .query_row_count_max = 150});
}

TEST(NeighborhoodTrust, equal_distances_far_rows_and_tiny_ones_stand_as_in_the_scores) {
  auto grid = normal_rows(600 * 3, 1, 13);  // few different places, many equal distances
  for (float& value : grid) {
    value = std::round(value);
  }
  const auto b = normal_rows(600, 2, 14);
  expect_same_trust({grid, 600, 3}, {b, 600, 2}, {.query_row_count_max = 150});
  expect_same_trust({grid, 600, 3}, {grid, 600, 3}, {.metric_a = Metric::kCosine, .query_row_count_max = 150});
  auto far = normal_rows(600, 3, 15);  // one row far away: products of the others say nothing
  far[0] = 1e8F;
  expect_same_trust({far, 600, 3}, {b, 600, 2}, {.query_row_count_max = 150});
  auto tiny = normal_rows(600, 3, 16);  // squares are no floats
  for (float& value : tiny) {
    value *= 1e-25F;
  }
  expect_same_trust({tiny, 600, 3}, {b, 600, 2}, {.query_row_count_max = 150});
}

TEST(NeighborhoodTrust, bad_input_is_named_and_stopping_stops) {
  const auto rows = normal_rows(10, 2, 17);
  ThreadPool pool(1);
  CancelFlag cancel;
  cancel.request();
  EXPECT_EQ(neighborhood_trust({rows, 10, 2}, {rows, 5, 4}, {.neighbor_count = 2}, {.pool = pool}).error().code,
            ErrorCode::kMismatch);
  EXPECT_EQ(neighborhood_trust({rows, 10, 2}, {rows, 10, 2}, {.neighbor_count = 2}, {.pool = pool, .cancel = &cancel})
                .error()
                .code,
            ErrorCode::kCancelled);
}

TEST(Neighborhood, rows_without_label_have_no_agreement) {
  const auto rows = normal_rows(12, 2, 7);
  std::vector<std::int32_t> labels(12, 0);
  labels[3] = -1;
  ThreadPool pool(1);
  const auto scores = neighborhood_scores({rows, 12, 2}, {rows, 12, 2}, labels, {.neighbor_count = 2}, {.pool = pool});
  ASSERT_TRUE(scores);
  EXPECT_TRUE(std::isnan(scores->label_agreement_a[3]));
  EXPECT_FALSE(std::isnan(scores->label_agreement_a[4]));
}

TEST(Neighborhood, bad_input_is_named) {
  auto rows = normal_rows(10, 2, 8);
  ThreadPool pool(1);
  const AnalysisRun run{.pool = pool};
  EXPECT_EQ(neighborhood_scores({rows, 10, 2}, {rows, 5, 4}, {}, {.neighbor_count = 2}, run).error().code,
            ErrorCode::kMismatch);
  const auto few = neighborhood_scores({rows, 10, 2}, {rows, 10, 2}, {}, {.neighbor_count = 5}, run);
  EXPECT_NE(few.error().message.find("less than half of the 10 rows, found 5"), std::string::npos);
  rows[5] = std::numeric_limits<float>::quiet_NaN();
  const auto broken = neighborhood_scores({rows, 10, 2}, {rows, 10, 2}, {}, {.neighbor_count = 2}, run);
  EXPECT_NE(broken.error().message.find("row 2"), std::string::npos) << broken.error().message;
}

TEST(Silhouette, needs_two_groups_and_company) {
  const auto rows = normal_rows(6, 2, 9);
  ThreadPool pool(1);
  const std::vector<std::int32_t> one(6, 0);
  EXPECT_FALSE(silhouette({rows, 6, 2}, one, {}, {.pool = pool}));
  const std::vector<std::int32_t> alone{0, 1, 2, 3, 4, 5};
  EXPECT_FALSE(silhouette({rows, 6, 2}, alone, {}, {.pool = pool}));
  const std::vector<std::int32_t> left_out{0, 0, 1, 1, -1, -1};
  const auto four = silhouette({rows, 6, 2}, left_out, {}, {.pool = pool});
  ASSERT_TRUE(four);
  EXPECT_EQ(four->rows, (std::vector<std::uint32_t>{0, 1, 2, 3}));
}

TEST(SampleRows, are_different_rows_in_order) {
  const auto rows = sample_rows(1000, 100, 5);
  ASSERT_EQ(rows.size(), 100U);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_LT(rows[i - 1], rows[i]);
  }
  EXPECT_EQ(sample_rows(1000, 100, 5), rows);
  EXPECT_NE(sample_rows(1000, 100, 6), rows);
  EXPECT_EQ(sample_rows(3, 100, 5), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST(Bootstrap, intervals_hold_the_mean_as_often_as_they_say) {
  ThreadPool pool(2);
  int held = 0;
  constexpr int kTrials = 300;
  for (int trial = 0; trial < kTrials; ++trial) {
    const CounterRandom random(static_cast<std::uint64_t>(trial), 77);
    std::vector<double> values(40);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = random.normal(i);
    }
    const auto interval =
        bootstrap_interval(values.size(), [&](auto rows) { return mean_of(values, rows); },
                           {.replicate_count = 300, .seed = static_cast<std::uint64_t>(trial)}, {.pool = pool});
    ASSERT_TRUE(interval);
    held += interval->low <= 0.0 && 0.0 <= interval->high ? 1 : 0;
  }
  // 95 %, within three deviations of a count of 300 and the narrowness of intervals from 40 rows.
  EXPECT_GE(held, 0.89 * kTrials);
  EXPECT_LE(held, 0.99 * kTrials);
}

TEST(Bootstrap, the_same_bits_with_any_number_of_threads) {
  const std::vector<double> values{0.1, 0.5, 0.3, 0.9, 0.7, 0.2, 0.8};
  std::vector<std::vector<double>> found;
  std::vector<double> chances;
  for (const std::size_t thread_count : {1U, 2U, 3U}) {
    ThreadPool pool(thread_count);
    const auto replicates = bootstrap_replicates(values.size(), [&](auto rows) { return mean_of(values, rows); },
                                                 {.seed = 3}, {.pool = pool});
    ASSERT_TRUE(replicates);
    found.push_back(*replicates);
    const auto chance = permutation_p_value(values.size(),
                                            [&](auto swapped) {
                                              double sum = 0.0;
                                              for (std::size_t i = 0; i < swapped.size(); ++i) {
                                                sum += swapped[i] != 0 ? -values[i] : values[i];
                                              }
                                              return sum;
                                            },
                                            {.seed = 3}, {.pool = pool});
    ASSERT_TRUE(chance);
    chances.push_back(*chance);
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
  EXPECT_EQ(chances[0], chances[1]);
  EXPECT_EQ(chances[0], chances[2]);
  // All of one sign: of 2^7 sign patterns two are as far from 0.
  EXPECT_NEAR(chances[0], 2.0 / 128.0, 0.012);
}

TEST(Bootstrap, no_difference_is_no_more_than_chance) {
  ThreadPool pool(1);
  const auto chance = permutation_p_value(10, [](auto) { return 0.0; }, {}, {.pool = pool});
  ASSERT_TRUE(chance);
  EXPECT_EQ(*chance, 1.0);
  EXPECT_EQ(bootstrap_p_value(std::vector<double>(100, 0.0)), 1.0);
  EXPECT_NEAR(bootstrap_p_value(std::vector<double>(99, 0.5)), 0.02, 1e-12);
}

TEST(Bootstrap, replicates_without_value_leave_no_interval) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(percentile_interval(std::vector<double>{kNan, kNan, kNan, 1.0}, 0.9).low));
  EXPECT_DOUBLE_EQ(percentile_interval(std::vector<double>{kNan, 1.0, 1.0}, 0.9).high, 1.0);
  ThreadPool pool(1);
  EXPECT_FALSE(bootstrap_replicates(0, [](auto) { return 0.0; }, {}, {.pool = pool}));
  EXPECT_FALSE(bootstrap_replicates(3, [](auto) { return 0.0; }, {.level = 1.0}, {.pool = pool}));
}

// Rows of 4 groups, of which 7 in 10 are put where they belong and the others anywhere.
std::vector<MeasureColumn> noisy_groups(std::size_t row_count, std::uint64_t seed) {
  const CounterRandom random(seed, 5);
  std::vector<MeasureColumn> columns{{"label", {}}, {"cluster", {}}};
  for (std::size_t i = 0; i < row_count; ++i) {
    const auto label = static_cast<double>(random.below(3 * i, 4));
    const bool is_right = random.uniform(3 * i + 1) < 0.7;
    columns[0].values.push_back(label);
    columns[1].values.push_back(is_right ? label : static_cast<double>(random.below(3 * i + 2, 4)));
  }
  return columns;
}

TEST(Jackknife, intervals_of_group_agreement_hold_the_true_value_as_often_as_they_say) {
  ThreadPool pool(2);
  for (const char* name : {"ari", "v_measure"}) {
    const Measure measure = find_measure(name);
    ASSERT_FALSE(measure.is_resampled);
    const auto many = noisy_groups(200'000, 1);
    std::vector<std::uint32_t> all(200'000);
    std::iota(all.begin(), all.end(), 0U);
    const double truth = measure_over(measure, *columns_of(measure, many), all);
    int held = 0;
    constexpr int kTrials = 200;
    for (int trial = 0; trial < kTrials; ++trial) {
      const auto columns = noisy_groups(500, static_cast<std::uint64_t>(trial) + 2);
      const auto used = columns_of(measure, columns);
      const auto estimate =
          jackknife_estimate(500, [&](auto rows) { return measure_over(measure, *used, rows); }, 0, {.pool = pool});
      ASSERT_TRUE(estimate);
      const Interval interval = estimate->interval(0.95);
      held += interval.low <= truth && truth <= interval.high ? 1 : 0;
    }
    EXPECT_GE(held, 0.9 * kTrials) << name;
    EXPECT_LE(held, 0.99 * kTrials) << name;
  }
}

TEST(Jackknife, one_row_has_no_deviation) {
  ThreadPool pool(1);
  const auto estimate = jackknife_estimate(1, [](auto) { return 0.5; }, 0, {.pool = pool});
  ASSERT_TRUE(estimate);
  EXPECT_TRUE(std::isnan(estimate->interval(0.95).low));
}

TEST(Measure, is_found_by_name_or_is_a_mean) {
  const std::vector<MeasureColumn> columns{{"label", {0, 1, 1, 0}}, {"predicted", {0, 1, 0, 0}}, {"hit", {1, 0, 1, 0}}};
  const std::vector<std::uint32_t> rows{0, 1, 2, 3};
  const Measure accuracy = find_measure("accuracy");
  const auto used = columns_of(accuracy, columns);
  ASSERT_TRUE(used);
  EXPECT_DOUBLE_EQ(measure_over(accuracy, *used, rows), 0.75);
  EXPECT_DOUBLE_EQ(measure_over(accuracy, *used, std::vector<std::uint32_t>{2, 2}), 0.0);
  const Measure hit = find_measure("hit");
  EXPECT_DOUBLE_EQ(measure_over(hit, *columns_of(hit, columns), rows), 0.5);
  const auto missing = columns_of(find_measure("ari"), columns);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("'cluster'"), std::string::npos);
}

TEST(Tfidf, unknown_words_and_no_words) {
  const std::vector<std::vector<std::string>> texts{{"a", "b"}, {}};
  const auto tfidf = Tfidf::fit(texts, 10);
  ASSERT_TRUE(tfidf);
  const std::vector<std::vector<std::string>> other{{"c"}};
  EXPECT_EQ(tfidf->transform(other), (std::vector<float>{0.0F, 0.0F}));
  EXPECT_FALSE(Tfidf::fit(std::vector<std::vector<std::string>>{{}, {}}, 10));
}

}  // namespace
}  // namespace asterism
