// What is seen of rows from their neighbours and directions: outliers, dimension, hubs, anisotropy.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/anisotropy.hpp"
#include "analysis/hubness.hpp"
#include "analysis/intrinsic_dimension.hpp"
#include "analysis/local_outliers.hpp"
#include "analysis_support.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

NeighborGraph graph_of(const RowsView& rows, std::size_t neighbor_count) {
  ThreadPool pool(2);
  auto graph = neighbor_graph(rows, {.neighbor_count = neighbor_count}, {.pool = pool});
  EXPECT_TRUE(graph);
  return graph ? *std::move(graph) : NeighborGraph{};
}

TEST(StructureMeasures, equal_the_recorded_ones) {
  const Json golden_cases = structure_golden()["neighbors"];
  ASSERT_EQ(golden_cases.size(), 2U);
  ThreadPool pool(2);
  for (const Json& golden : golden_cases) {
    const auto data = golden["data"].get<std::vector<float>>();
    const RowsView rows = view_of(data, golden["dim"].get<std::size_t>());
    const NeighborGraph graph = graph_of(rows, golden["neighbors"].get<std::size_t>());
    const auto factors = golden["factors"].get<std::vector<double>>();
    const auto distances = golden["mean_distances"].get<std::vector<double>>();
    const auto our_factors = local_outlier_factors(graph);
    const auto our_distances = mean_neighbor_distances(graph);
    for (std::size_t r = 0; r < rows.row_count; ++r) {
      EXPECT_NEAR(our_factors[r], factors[r], 1e-6 * factors[r]);
      EXPECT_NEAR(our_distances[r], distances[r], 1e-6 * distances[r]);
    }
    const double two = golden["two_neighbor_dimension"].get<double>();
    const double likelihood = golden["likelihood_dimension"].get<double>();
    EXPECT_NEAR(two_neighbor_dimension(graph).value_or(0.0), two, 1e-5 * two);
    EXPECT_NEAR(likelihood_dimension(graph).value_or(0.0), likelihood, 1e-6 * likelihood);
    EXPECT_NEAR(hubness(graph, 1000).skewness, golden["occurrence_skewness"].get<double>(), 1e-6);
    const auto directions = anisotropy(rows, {.pool = pool});
    ASSERT_TRUE(directions);
    EXPECT_NEAR(directions->mean_cosine, golden["mean_cosine"].get<double>(), 1e-6);
    EXPECT_NEAR(directions->iso_score.value_or(0.0), golden["iso_score"].get<double>(), 1e-6);
  }
}

TEST(IntrinsicDimension, of_a_plane_in_many_dimensions_is_two) {
  const CounterRandom random(3);
  std::vector<float> data(2000 * 20);
  for (std::size_t r = 0; r < 2000; ++r) {
    const double x = random.uniform(2 * r);
    const double y = random.uniform(2 * r + 1);
    for (std::size_t d = 0; d < 20; ++d) {
      const auto turn = static_cast<double>(d);
      data[r * 20 + d] = static_cast<float>(x * std::cos(turn) + y * std::sin(turn * 1.7));
    }
  }
  const NeighborGraph graph = graph_of(view_of(data, 20), 20);
  EXPECT_NEAR(two_neighbor_dimension(graph).value_or(0.0), 2.0, 0.15);
  EXPECT_NEAR(likelihood_dimension(graph).value_or(0.0), 2.0, 0.15);
}

TEST(IntrinsicDimension, of_equal_rows_is_unknown) {
  const std::vector<float> data(300, 1.0F);
  const NeighborGraph graph = graph_of(view_of(data, 3), 5);
  EXPECT_FALSE(two_neighbor_dimension(graph));
  EXPECT_FALSE(likelihood_dimension(graph));
  EXPECT_TRUE(std::ranges::all_of(local_outlier_factors(graph), [](double f) { return std::abs(f - 1.0) < 1e-9; }));
}

TEST(LocalOutliers, the_row_that_lies_apart_has_the_largest_factor) {
  auto data = grouped_rows(2, 50, 4, 8.0);
  data.insert(data.end(), 4, 300.0F);
  const auto factors = local_outlier_factors(graph_of(view_of(data, 4), 10));
  EXPECT_EQ(std::ranges::max_element(factors) - factors.begin(), 100);
}

TEST(Hubness, a_row_in_the_middle_of_a_star_is_a_hub) {
  // Row 0 is everybody's nearest; the others are far from each other.
  std::vector<float> data(21 * 20);
  for (std::size_t r = 1; r <= 20; ++r) {
    data[r * 20 + r - 1] = 1.0F;
  }
  const Hubness found = hubness(graph_of(view_of(data, 20), 3), 1);
  EXPECT_EQ(found.neighbor_count, 1U);
  EXPECT_EQ(found.occurrences[0], 20U);
  EXPECT_GT(found.skewness, 3.0);
  EXPECT_NEAR(found.antihub_share, 19.0 / 21.0, 1e-12);
  EXPECT_NEAR(found.hub_share, 20.0 / 21.0, 1e-12);
}

TEST(Anisotropy, of_rows_in_one_direction_and_in_all) {
  ThreadPool pool(2);
  std::vector<float> line;
  for (std::size_t r = 1; r <= 50; ++r) {
    line.insert(line.end(), {static_cast<float>(r), 2.0F * static_cast<float>(r), 0.0F, 0.0F});
  }
  const auto narrow = anisotropy(view_of(line, 4), {.pool = pool});
  ASSERT_TRUE(narrow);
  EXPECT_NEAR(narrow->mean_cosine, 1.0, 1e-9);
  EXPECT_NEAR(narrow->variance_shares[0], 1.0, 1e-9);
  EXPECT_NEAR(narrow->iso_score.value_or(1.0), 0.0, 1e-6);
  const auto round = grouped_rows(1, 5000, 4, 0.0);
  const auto even = anisotropy(view_of(round, 4), {.pool = pool});
  ASSERT_TRUE(even);
  EXPECT_NEAR(even->mean_cosine, 0.0, 0.01);
  EXPECT_GT(even->iso_score.value_or(0.0), 0.98);
}

TEST(Anisotropy, of_one_row_and_of_equal_rows_has_no_variances) {
  ThreadPool pool(1);
  const std::vector<float> data(30, 1.0F);
  for (const std::size_t dim : {30U, 3U}) {
    const auto found = anisotropy(view_of(data, dim), {.pool = pool});
    ASSERT_TRUE(found) << found.error().to_string();
    EXPECT_FALSE(found->iso_score);
    EXPECT_TRUE(found->variance_shares.empty());
  }
}

}  // namespace
}  // namespace asterism
