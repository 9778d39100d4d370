#include "analysis/pacmap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "analysis/pacmap_descent.hpp"
#include "analysis/pacmap_pairs.hpp"
#include "base/thread_pool.hpp"
#include "map_quality.hpp"

namespace asterism {
namespace {

Result<Pacmap::Fit> fit(const RowsView& rows, const PacmapOptions& options = {}, std::span<const float> initial = {},
                        std::size_t threads = 2) {
  ThreadPool pool(threads);
  return Pacmap::fit(rows, options, initial, {.pool = pool});
}

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

TEST(PacmapPairs, counts_follow_the_reference_and_fit_few_rows) {
  const PairCounts usual = pair_counts(10, 0.5, 2.0, 1000);
  EXPECT_EQ(usual.near, 10U);
  EXPECT_EQ(usual.mid, 5U);
  EXPECT_EQ(usual.far, 20U);
  // pacmap 0.9 for 30 rows: int(30 / 3.5) near, half and twice as many.
  const PairCounts few = pair_counts(10, 0.5, 2.0, 30);
  EXPECT_EQ(few.near, 8U);
  EXPECT_EQ(few.mid, 4U);
  EXPECT_EQ(few.far, 16U);
  for (std::size_t rows = 2; rows < 40; ++rows) {
    const PairCounts counts = pair_counts(10, 0.5, 2.0, rows);
    EXPECT_GE(counts.near, 1U);
    EXPECT_LE(counts.near + counts.far, rows - 1);
    EXPECT_LT(counts.mid, rows);
  }
}

TEST(PacmapPairs, near_ones_are_of_least_scaled_distance) {
  // Distances of row 0 to 1, 2, 3; row 1 lies where rows are wide apart, so that it counts as the nearest.
  const NeighborGraph graph{4,
                            3,
                            {3, 2, 1, 3, 2, 0, 3, 1, 0, 2, 1, 0},
                            {1.0F, 2.0F, 2.5F, 50.0F, 60.0F, 70.0F, 1.0F, 2.0F, 3.0F, 1.0F, 2.0F, 3.0F}};
  ThreadPool pool(1);
  const auto pairs = near_pairs(graph, 2, pool);
  // Widths are 2.5, 70, 3 and 3: of row 0 the scaled squares are 6.25 / 70, 4 / 3 and 1 / 3.
  EXPECT_EQ(pairs[0], 1U);
  EXPECT_EQ(pairs[1], 3U);
}

TEST(PacmapPairs, drawn_ones_are_others_once_and_further_ones_not_near) {
  const Blobs blobs = make_blobs(60, 4, 3);
  ThreadPool pool(3);
  const auto graph = neighbor_graph(blobs.view(), {.neighbor_count = 30}, {.pool = pool});
  ASSERT_TRUE(graph);
  const auto near = near_pairs(*graph, 10, pool);
  const auto mid = mid_pairs(blobs.view(), 5, 7, pool);
  const auto far = far_pairs(60, near, 20, 7, pool);
  for (std::uint32_t row = 0; row < 60; ++row) {
    const auto of = [row](const std::vector<std::uint32_t>& pairs) {
      const auto count = static_cast<std::ptrdiff_t>(pairs.size() / 60);
      return std::set<std::uint32_t>(pairs.begin() + row * count, pairs.begin() + (row + 1) * count);
    };
    EXPECT_EQ(of(near).size(), 10U);
    EXPECT_EQ(of(mid).size(), 5U);
    EXPECT_EQ(of(far).size(), 20U);
    EXPECT_FALSE(of(near).contains(row) || of(mid).contains(row) || of(far).contains(row));
    for (const std::uint32_t other : of(far)) {
      EXPECT_FALSE(of(near).contains(other));
    }
  }
  // The second nearest of six: nearer than a row drawn alone would be, on the mean.
  double of_mid = 0.0;
  double of_far = 0.0;
  for (std::size_t i = 0; i < mid.size(); ++i) {
    of_mid += std::sqrt(square_between(blobs.values, 4, i / 5, mid[i])) / static_cast<double>(mid.size());
  }
  for (std::size_t i = 0; i < far.size(); ++i) {
    of_far += std::sqrt(square_between(blobs.values, 4, i / 20, far[i])) / static_cast<double>(far.size());
  }
  EXPECT_LT(of_mid, 0.8 * of_far);
  EXPECT_NE(mid, mid_pairs(blobs.view(), 5, 8, pool));
}

TEST(PacmapPairs, lists_hold_both_ends) {
  const std::vector<std::uint32_t> pairs{1, 2, 2, 0, 0, 1};  // two of each of three rows
  const PairLists lists = pair_lists(3, pairs);
  EXPECT_TRUE(std::ranges::equal(lists.of(0), std::vector<std::uint32_t>{1, 2, 1, 2}));
  EXPECT_TRUE(std::ranges::equal(lists.of(2), std::vector<std::uint32_t>{0, 1, 0, 1}));
}

// The reference's loss, whose slope the gradient must be.
double loss_of(const std::vector<std::uint32_t>& near, const std::vector<std::uint32_t>& mid,
               const std::vector<std::uint32_t>& far, std::size_t rows, std::span<const float> places,
               const PacmapWeights& weights) {
  const auto sum = [&](const std::vector<std::uint32_t>& pairs, auto term) {
    double total = 0.0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      total += term(1.0 + square_between(places, 2, i / (pairs.size() / rows), pairs[i]));
    }
    return total;
  };
  return static_cast<double>(weights.near) * sum(near, [](double d) { return d / (10.0 + d); }) +
         static_cast<double>(weights.mid) * sum(mid, [](double d) { return d / (10000.0 + d); }) +
         static_cast<double>(weights.far) * sum(far, [](double d) { return 1.0 / (1.0 + d); });
}

TEST(PacmapDescent, gradient_is_the_slope_of_the_references_loss) {
  const Blobs blobs = make_blobs(40, 2, 3);
  ThreadPool pool(1);
  const auto graph = neighbor_graph(blobs.view(), {.neighbor_count = 20}, {.pool = pool});
  ASSERT_TRUE(graph);
  const auto near = near_pairs(*graph, 6, pool);
  const auto mid = mid_pairs(blobs.view(), 3, 1, pool);
  const auto far = far_pairs(40, near, 8, 1, pool);
  const PacmapPairs pairs{.near = pair_lists(40, near), .mid = pair_lists(40, mid), .far = pair_lists(40, far)};
  std::vector<float> places = blobs.values;
  for (const std::size_t step : {0U, 60U, 150U, 300U}) {
    const PacmapWeights weights = pacmap_weights(step);
    std::vector<float> planes(80);
    for (std::size_t i = 0; i < 80; ++i) {
      planes[i % 2 * 40 + i / 2] = places[i];
    }
    for (std::size_t row = 0; row < 40; row += 7) {
      const Place gradient = pacmap_gradient(pairs, {.values = planes.data(), .count = 40, .dim = 2}, row, weights);
      for (std::size_t c = 0; c < 2; ++c) {
        const float kept = places[row * 2 + c];
        places[row * 2 + c] = kept + 0.01F;
        const double up = loss_of(near, mid, far, 40, places, weights);
        places[row * 2 + c] = kept - 0.01F;
        const double down = loss_of(near, mid, far, 40, places, weights);
        places[row * 2 + c] = kept;
        const double slope = (up - down) / 0.02;
        EXPECT_NEAR(gradient[c], slope, 2e-3 * (1.0 + std::abs(slope))) << "step " << step;
      }
    }
  }
}

TEST(PacmapDescent, weights_are_the_references) {
  EXPECT_EQ(pacmap_weights(0).mid, 1000.0F);
  EXPECT_NEAR(pacmap_weights(50).mid, 501.5F, 1e-3);
  EXPECT_EQ(pacmap_weights(99).near, 2.0F);
  EXPECT_EQ(pacmap_weights(100).mid, 3.0F);
  EXPECT_EQ(pacmap_weights(199).near, 3.0F);
  EXPECT_EQ(pacmap_weights(200).mid, 0.0F);
  EXPECT_EQ(pacmap_weights(200).near, 1.0F);
}

TEST(Pacmap, blobs_come_apart_in_one_to_three_dimensions) {
  const Blobs blobs = make_blobs(400, 10, 5);
  for (std::size_t components = 1; components <= 3; ++components) {
    const auto fitted = fit(blobs.view(), {.component_count = components});
    ASSERT_TRUE(fitted) << fitted.error().to_string();
    EXPECT_GT(blob_agreement(blobs, fitted->places), components == 1 ? 0.95 : 0.999) << components;
    EXPECT_GT(trustworthiness(blobs.view(), fitted->places, 15), components == 1 ? 0.85 : 0.92) << components;
  }
}

TEST(Pacmap, wide_rows_and_cosine_go_through_principal_components) {
  const Blobs blobs = make_blobs(300, 130, 4);
  for (const Metric metric : {Metric::kEuclidean, Metric::kCosine}) {
    const auto fitted = fit(blobs.view(), {.metric = metric});
    ASSERT_TRUE(fitted) << fitted.error().to_string();
    EXPECT_EQ(blob_agreement(blobs, fitted->places), 1.0);
  }
  Blobs scaled = blobs;
  std::ranges::transform(scaled.values, scaled.values.begin(), [](float v) { return 1024.0F * v; });
  const auto one = fit(blobs.view());
  const auto other = fit(scaled.view());
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->places, other->places) << "the unit of the rows must not count";
}

TEST(Pacmap, same_bytes_at_any_thread_count_and_others_for_another_seed) {
  const Blobs blobs = make_blobs(900, 6, 4);
  const auto first = fit(blobs.view(), {}, {}, 1);
  ASSERT_TRUE(first);
  for (const std::size_t threads : {2U, 3U}) {
    const auto other = fit(blobs.view(), {}, {}, threads);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->places, first->places);
  }
  const auto reseeded = fit(blobs.view(), {.seed = 1});
  ASSERT_TRUE(reseeded);
  EXPECT_NE(reseeded->places, first->places);
}

TEST(Pacmap, few_equal_and_constant_rows_are_placed) {
  for (const std::size_t count : {2U, 3U, 4U, 9U}) {
    const Blobs blobs = make_blobs(count, 3, 2);
    const auto fitted = fit(blobs.view());
    ASSERT_TRUE(fitted) << count << ": " << fitted.error().to_string();
    EXPECT_TRUE(all_finite(fitted->places));
  }
  const std::vector<float> equal(200 * 4, 3.0F);
  const auto all_equal = fit({.values = equal, .row_count = 200, .dim = 4});
  ASSERT_TRUE(all_equal) << all_equal.error().to_string();
  EXPECT_TRUE(all_finite(all_equal->places));
  const std::vector<float> zeros(200 * 4, 0.0F);
  const auto all_zero = fit({.values = zeros, .row_count = 200, .dim = 4}, {.metric = Metric::kCosine});
  ASSERT_TRUE(all_zero) << all_zero.error().to_string();
  EXPECT_TRUE(all_finite(all_zero->places));
}

TEST(Pacmap, bad_input_is_named) {
  Blobs blobs = make_blobs(20, 3, 2);
  EXPECT_EQ(fit(blobs.view(), {.component_count = 4}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fit(blobs.view(), {.near_count = 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fit({.values = blobs.values, .row_count = 1, .dim = 3}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fit(blobs.view(), {}, std::vector<float>(10, 0.0F)).error().code, ErrorCode::kInvalidArgument);
  blobs.values[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(fit(blobs.view()).error().code, ErrorCode::kInvalidArgument);
}

TEST(Pacmap, new_rows_go_to_their_blob_and_a_map_is_gone_on_from) {
  const Blobs blobs = make_blobs(400, 8, 4);
  const auto before = fit({.values = blobs.values, .row_count = 360, .dim = 8});
  ASSERT_TRUE(before);
  ThreadPool pool(2);
  const auto places = before->pacmap.transform(
      {.values = std::span(blobs.values).subspan(2880), .row_count = 40, .dim = 8}, {.pool = pool});
  ASSERT_TRUE(places);
  std::vector<float> all = before->places;
  all.insert(all.end(), places->begin(), places->end());
  EXPECT_GE(blob_agreement(blobs, all), 0.99);
  std::vector<float> initial = before->places;
  initial.resize(800, std::numeric_limits<float>::quiet_NaN());
  const auto after = fit(blobs.view(), {}, initial);
  ASSERT_TRUE(after);
  EXPECT_GE(blob_agreement(blobs, after->places), 0.99);
  double moved = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < before->places.size(); ++i) {
    moved += std::pow(static_cast<double>(after->places[i] - before->places[i]), 2.0);
    size += std::pow(static_cast<double>(before->places[i]), 2.0);
  }
  EXPECT_LT(std::sqrt(moved / size), 0.4);
}

}  // namespace
}  // namespace asterism
