#include "index/exact_scan.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "base/thread_pool.hpp"
#include "support.hpp"

namespace asterism {
namespace {

constexpr Metric kMetrics[] = {Metric::kCosine, Metric::kDot, Metric::kEuclidean};
constexpr VectorType kTypes[] = {VectorType::kF32, VectorType::kF16, VectorType::kBF16, VectorType::kI8};

// All allowed positions, nearest first, by the definition.
std::vector<std::size_t> sorted_positions(std::span<const float> values, std::size_t dim, std::span<const float> query,
                                          Metric metric, const AllowedPositions& allowed) {
  std::vector<std::size_t> order;
  for (std::size_t r = 0; r < values.size() / dim; ++r) {
    if (allowed.contains(r)) {
      order.push_back(r);
    }
  }
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    const double x = true_value(values.subspan(a * dim, dim), query, metric);
    const double y = true_value(values.subspan(b * dim, dim), query, metric);
    return larger_is_nearer(metric) ? x > y : x < y;
  });
  return order;
}

TEST(ExactScan, equals_a_full_sort_for_every_metric_and_type) {
  const std::size_t dim = 37;
  const auto given = clustered_vectors(700, dim, 3, 4.0F);
  const auto query = random_vectors(dim, 4);
  for (const Metric metric : kMetrics) {
    for (const VectorType type : kTypes) {
      const KeptVectors kept = keep(given, dim, type);
      const auto order = sorted_positions(kept.values, dim, query, metric, {});
      const auto hits = scan_nearest(kept.rows, query, 20, {.metric = metric});
      ASSERT_TRUE(hits);
      ASSERT_EQ(hits->size(), 20U);
      for (std::size_t i = 0; i < hits->size(); ++i) {
        EXPECT_EQ((*hits)[i].position, order[i]) << metric_name(metric) << vector_type_name(type);
        const double value = true_value(std::span(kept.values).subspan(order[i] * dim, dim), query, metric);
        EXPECT_NEAR((*hits)[i].value, value, 1e-5 * (1.0 + std::abs(value)));
      }
    }
  }
}

TEST(ExactScan, a_batch_on_threads_is_each_query_alone) {
  const std::size_t dim = 64;
  const auto values = clustered_vectors(20000, dim, 5);
  const auto queries = random_vectors(7 * dim, 6);
  ThreadPool pool(3);
  for (const Metric metric : kMetrics) {
    const auto batch = scan_nearest(float_rows(values, dim), queries, 7, 11, {.metric = metric, .pool = &pool});
    ASSERT_TRUE(batch);
    for (std::size_t q = 0; q < 7; ++q) {
      const auto alone =
          scan_nearest(float_rows(values, dim), std::span(queries).subspan(q * dim, dim), 11, {.metric = metric});
      ASSERT_TRUE(alone);
      ASSERT_EQ((*batch)[q].size(), 11U);
      for (std::size_t i = 0; i < 11; ++i) {
        EXPECT_EQ((*batch)[q][i].position, (*alone)[i].position);
        EXPECT_NEAR((*batch)[q][i].value, (*alone)[i].value, 1e-6F * (1.0F + std::abs((*alone)[i].value)));
      }
    }
  }
}

TEST(ExactScan, bitmap_and_list_leave_out_all_others) {
  const std::size_t dim = 16;
  const std::size_t row_count = 5000;
  const auto values = random_vectors(row_count * dim, 7);
  const auto query = random_vectors(dim, 8);
  std::mt19937 random(9);
  for (const std::uint32_t one_in : {1U, 2U, 10U, 300U}) {
    std::vector<std::uint64_t> words(row_count / 64 + 5);  // words past the rows say nothing
    std::vector<std::uint32_t> list;
    for (std::uint32_t r = 0; r < row_count; ++r) {
      if (random() % one_in == 0) {
        words[r / 64] |= std::uint64_t{1} << (r % 64);
        list.push_back(r);
      }
    }
    words.back() = ~std::uint64_t{0};
    const auto bitmap = AllowedPositions::bitmap(words);
    const auto order = sorted_positions(values, dim, query, Metric::kDot, bitmap);
    const auto by_bitmap =
        scan_nearest(float_rows(values, dim), query, 50, {.metric = Metric::kDot, .allowed = bitmap});
    const auto by_list = scan_nearest(float_rows(values, dim), query, 50,
                                      {.metric = Metric::kDot, .allowed = AllowedPositions::list(list)});
    ASSERT_TRUE(by_bitmap && by_list);
    EXPECT_EQ(*by_bitmap, *by_list);
    ASSERT_EQ(by_bitmap->size(), std::min<std::size_t>(50, list.size()));
    for (std::size_t i = 0; i < by_bitmap->size(); ++i) {
      EXPECT_EQ((*by_bitmap)[i].position, order[i]);
    }
  }
  const auto none = scan_nearest(float_rows(values, dim), query, 5, {.allowed = AllowedPositions::list({})});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST(ExactScan, equal_values_come_by_position_and_nan_never) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{1, 0, nan, 1, 1, 0, 0, 0, 1, 0};
  const std::vector<float> query{2, 0};
  for (const Metric metric : kMetrics) {
    const auto hits = scan_nearest(float_rows(values, 2), query, 100, {.metric = metric});
    ASSERT_TRUE(hits);
    ASSERT_EQ(hits->size(), 4U);
    EXPECT_EQ((*hits)[0].position, 0U);
    EXPECT_EQ((*hits)[1].position, 2U);
    EXPECT_EQ((*hits)[2].position, 4U);
    EXPECT_EQ((*hits)[3].position, 3U);
  }
}

TEST(ExactScan, a_range_has_all_that_are_near_enough_best_first) {
  const std::vector<float> values{0, 3, 1, 5, 2, 4};  // one component a row
  const std::vector<float> query{1};
  const auto near = scan_range(float_rows(values, 1), query, 2.0F, 100, {.metric = Metric::kEuclidean});
  ASSERT_TRUE(near);
  EXPECT_EQ(*near, (std::vector<Hit>{{2, 0.0F}, {0, 1.0F}, {4, 1.0F}, {1, 2.0F}}));
  const auto large = scan_range(float_rows(values, 1), query, 3.0F, 2, {.metric = Metric::kDot});
  ASSERT_TRUE(large);
  EXPECT_EQ(*large, (std::vector<Hit>{{3, 5.0F}, {5, 4.0F}}));
  EXPECT_EQ(scan_range(float_rows(values, 1), query, -1.0F, 2, {.metric = Metric::kEuclidean}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(ExactScan, wrong_queries_and_stopping_are_errors) {
  const std::vector<float> values(60, 1.0F);
  std::vector<float> query(5, 1.0F);
  EXPECT_EQ(scan_nearest(float_rows(values, 6), query, 3, {}).error().code, ErrorCode::kInvalidArgument);
  query.resize(6, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(scan_nearest(float_rows(values, 6), query, 3, {}).error().code, ErrorCode::kInvalidArgument);
  CancelFlag cancel;
  cancel.request();
  query.assign(6, 1.0F);
  EXPECT_EQ(scan_nearest(float_rows(values, 6), query, 3, {.cancel = &cancel}).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(scan_nearest(float_rows(values, 6), query, 0, {})->size(), 0U);
}

}  // namespace
}  // namespace asterism
