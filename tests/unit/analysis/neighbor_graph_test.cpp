#include "analysis/neighbor_graph.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

using Search = NeighborGraphOptions::Search;

// Clusters of unequal width: some rows have near neighbours, some none.
std::vector<float> clustered(std::size_t row_count, std::size_t dim, std::uint64_t seed, float shift = 0.0F) {
  constexpr std::size_t kClusters = 12;
  const CounterRandom centre(seed, 1);
  const CounterRandom noise(seed, 2);
  std::vector<float> values(row_count * dim);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t cluster = i / dim % kClusters;
    const double width = 0.2 + 0.1 * static_cast<double>(cluster);
    values[i] = shift + static_cast<float>(3.0 * centre.normal(cluster * dim + i % dim) + width * noise.normal(i));
  }
  return values;
}

double distance_in_double(std::span<const float> a, std::span<const float> b, Metric metric) {
  double square = 0.0;
  double dot = 0.0;
  double length_a = 0.0;
  double length_b = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    const double x = a[d];
    const double y = b[d];
    square += (x - y) * (x - y);
    dot += x * y;
    length_a += x * x;
    length_b += y * y;
  }
  const double length = std::sqrt(length_a) * std::sqrt(length_b);
  return metric == Metric::kEuclidean ? std::sqrt(square) : 1.0 - (length > 0.0 ? dot / length : 0.0);
}

// Every pair in double: distances of the k nearest of each row.
std::vector<double> oracle_distances(const RowsView& rows, std::size_t k, Metric metric) {
  std::vector<double> all;
  for (std::size_t a = 0; a < rows.row_count; ++a) {
    std::vector<double> found;
    for (std::size_t b = 0; b < rows.row_count; ++b) {
      if (b != a) {
        found.push_back(distance_in_double(rows.row(a), rows.row(b), metric));
      }
    }
    std::ranges::sort(found);
    all.insert(all.end(), found.begin(), found.begin() + static_cast<std::ptrdiff_t>(k));
  }
  return all;
}

void expect_well_formed(const NeighborGraph& graph) {
  const std::size_t k = graph.neighbor_count;
  ASSERT_EQ(graph.neighbors.size(), graph.row_count * k);
  ASSERT_EQ(graph.distances.size(), graph.row_count * k);
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    for (std::size_t i = 0; i < k; ++i) {
      ASSERT_NE(graph.neighbors[r * k + i], r);
      ASSERT_LT(graph.neighbors[r * k + i], graph.row_count);
      if (i > 0) {
        const auto before = std::pair(graph.distances[r * k + i - 1], graph.neighbors[r * k + i - 1]);
        ASSERT_LT(before, std::pair(graph.distances[r * k + i], graph.neighbors[r * k + i])) << "row " << r;
      }
    }
  }
}

TEST(NeighborGraph, exact_equals_every_pair_in_double) {
  ThreadPool pool(2);
  for (const Metric metric : {Metric::kEuclidean, Metric::kCosine}) {
    // Far from the origin products alone would be noise.
    for (const float shift : {0.0F, 300.0F}) {
      SCOPED_TRACE(std::string(metric_name(metric)) + " shifted by " + std::to_string(shift));
      const auto values = clustered(600, 21, 3, shift);
      const RowsView rows{.values = values, .row_count = 600, .dim = 21};
      auto graph = neighbor_graph(rows, {.neighbor_count = 10, .metric = metric, .search = Search::kExact}, {pool});
      ASSERT_TRUE(graph) << graph.error().to_string();
      expect_well_formed(*graph);
      const auto expected = oracle_distances(rows, 10, metric);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(graph->distances[i], expected[i], 1e-5 * expected[i] + 1e-7) << i;
      }
    }
  }
}

TEST(NeighborGraph, approximate_finds_nearly_all) {
  ThreadPool pool(2);
  const auto values = clustered(5000, 32, 5);
  const RowsView rows{.values = values, .row_count = 5000, .dim = 32};
  for (const Metric metric : {Metric::kEuclidean, Metric::kCosine}) {
    auto exact = neighbor_graph(rows, {.neighbor_count = 15, .metric = metric, .search = Search::kExact}, {pool});
    auto near = neighbor_graph(rows, {.neighbor_count = 15, .metric = metric, .search = Search::kApproximate}, {pool});
    ASSERT_TRUE(exact);
    ASSERT_TRUE(near);
    expect_well_formed(*near);
    std::size_t hits = 0;
    for (std::size_t r = 0; r < 5000; ++r) {
      const auto of_row = std::span(near->neighbors).subspan(r * 15, 15);
      for (const std::uint32_t id : std::span(exact->neighbors).subspan(r * 15, 15)) {
        hits += std::ranges::find(of_row, id) != of_row.end() ? 1U : 0U;
      }
    }
    EXPECT_GT(static_cast<double>(hits) / (5000 * 15), 0.97) << metric_name(metric);
  }
}

TEST(NeighborGraph, same_bytes_at_any_thread_count) {
  const auto values = clustered(3000, 24, 7);
  const RowsView rows{.values = values, .row_count = 3000, .dim = 24};
  for (const Search search : {Search::kExact, Search::kApproximate}) {
    ThreadPool one(1);
    const auto expected = neighbor_graph(rows, {.neighbor_count = 12, .search = search}, {one});
    ASSERT_TRUE(expected);
    for (const std::size_t threads : {2U, 3U}) {
      ThreadPool pool(threads);
      const auto graph = neighbor_graph(rows, {.neighbor_count = 12, .search = search}, {pool});
      ASSERT_TRUE(graph);
      EXPECT_EQ(graph->neighbors, expected->neighbors);
      EXPECT_EQ(graph->distances, expected->distances);
    }
  }
}

TEST(NeighborGraph, copies_are_at_zero_in_row_order) {
  ThreadPool pool(2);
  auto values = clustered(2500, 16, 9, 50.0F);
  // Rows 1000 to 1999 are one point.
  for (std::size_t r = 1001; r < 2000; ++r) {
    std::copy_n(values.begin() + 1000 * 16, 16, values.begin() + static_cast<std::ptrdiff_t>(r * 16));
  }
  const RowsView rows{.values = values, .row_count = 2500, .dim = 16};
  for (const Search search : {Search::kExact, Search::kApproximate}) {
    auto graph = neighbor_graph(rows, {.neighbor_count = 5, .search = search}, {pool});
    ASSERT_TRUE(graph);
    expect_well_formed(*graph);
    for (std::size_t r = 1000; r < 2000; ++r) {
      EXPECT_EQ(graph->distances[r * 5 + 4], 0.0F) << r;
      if (search == Search::kExact) {
        EXPECT_EQ(graph->neighbors[r * 5], r == 1000 ? 1001U : 1000U);
      }
    }
  }
}

TEST(NeighborGraph, nothing_but_copies_and_constant_columns) {
  ThreadPool pool(2);
  const std::vector<float> same(900 * 4, 7.0F);
  for (const Search search : {Search::kExact, Search::kApproximate}) {
    for (const Metric metric : {Metric::kEuclidean, Metric::kCosine}) {
      auto graph = neighbor_graph({.values = same, .row_count = 900, .dim = 4},
                                  {.neighbor_count = 7, .metric = metric, .search = search}, {pool});
      ASSERT_TRUE(graph);
      expect_well_formed(*graph);
      EXPECT_TRUE(std::ranges::all_of(graph->distances, [](float d) { return d == 0.0F; }));
    }
  }
}

TEST(NeighborGraph, zero_rows_have_no_direction) {
  ThreadPool pool(1);
  const std::vector<float> values{0.0F, 0.0F, 1.0F, 0.0F, -1.0F, 0.1F, 0.0F, 0.0F};
  auto graph = neighbor_graph({.values = values, .row_count = 4, .dim = 2},
                              {.neighbor_count = 3, .metric = Metric::kCosine}, {pool});
  ASSERT_TRUE(graph);
  expect_well_formed(*graph);
  EXPECT_TRUE(std::ranges::all_of(std::span(graph->distances).first(3), [](float d) { return d == 1.0F; }));
  EXPECT_GT(graph->distances[1 * 3 + 2], 1.9F);
}

TEST(NeighborGraph, what_a_query_finds_depends_on_it_alone) {
  ThreadPool pool(2);
  const auto values = clustered(700, 19, 11);
  const RowsView rows{.values = values, .row_count = 600, .dim = 19};
  const RowsView queries{.values = std::span(values).subspan(600 * 19), .row_count = 100, .dim = 19};
  auto all = neighbors_among(queries, rows, {.neighbor_count = 6}, {pool});
  ASSERT_TRUE(all);
  for (const std::size_t q : {0U, 37U, 99U}) {
    auto one =
        neighbors_among({.values = queries.row(q), .row_count = 1, .dim = 19}, rows, {.neighbor_count = 6}, {pool});
    ASSERT_TRUE(one);
    EXPECT_TRUE(std::ranges::equal(one->neighbors, std::span(all->neighbors).subspan(q * 6, 6)));
    EXPECT_TRUE(std::ranges::equal(one->distances, std::span(all->distances).subspan(q * 6, 6)));
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(one->distances[i],
                  distance_in_double(queries.row(q), rows.row(one->neighbors[i]), Metric::kEuclidean), 1e-5);
    }
  }
}

// One pass over the rows for a few, products for many.
TEST(NeighborGraph, few_queries_find_what_many_find_to_the_byte) {
  ThreadPool pool(3);
  constexpr std::size_t kCount = 40'000;  // more than one step of the pass
  auto values = clustered(kCount + 40, 7, 21, 3.0F);
  std::fill_n(values.begin() + 5 * 7, 7, 0.0F);  // a row without a direction
  std::fill_n(values.begin() + (kCount + 2) * 7, 7, 0.0F);
  for (const std::size_t copy : {100U, 20'000U, 39'999U}) {  // the same row again, near a query
    std::copy_n(values.begin() + (kCount + 1) * 7, 7, values.begin() + static_cast<std::ptrdiff_t>(copy * 7));
  }
  const RowsView rows{.values = values, .row_count = kCount, .dim = 7};
  const auto queries = [&](std::size_t first, std::size_t count) {
    return RowsView{.values = std::span(values).subspan((kCount + first) * 7, count * 7), .row_count = count, .dim = 7};
  };
  for (const Metric metric : {Metric::kEuclidean, Metric::kCosine}) {
    const auto many = neighbors_among(queries(0, 40), rows, {.neighbor_count = 12, .metric = metric}, {pool});
    ASSERT_TRUE(many);
    for (const std::size_t count : {1U, 3U, 16U}) {
      const auto few = neighbors_among(queries(0, count), rows, {.neighbor_count = 12, .metric = metric}, {pool});
      ASSERT_TRUE(few);
      EXPECT_TRUE(std::ranges::equal(few->neighbors, std::span(many->neighbors).first(count * 12)));
      EXPECT_TRUE(std::ranges::equal(few->distances, std::span(many->distances).first(count * 12)));
    }
  }
  const auto copies = neighbors_among(queries(1, 1), rows, {.neighbor_count = 3}, {pool});
  ASSERT_TRUE(copies);
  EXPECT_EQ(copies->neighbors, (std::vector<std::uint32_t>{100, 20'000, 39'999}));
  values[35'000 * 7 + 2] = std::numeric_limits<float>::infinity();
  const auto bad = neighbors_among(queries(0, 1), rows, {.neighbor_count = 3}, {pool});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("row 35000, component 2"), std::string::npos) << bad.error().message;
}

TEST(NeighborGraph, bad_input_is_an_error) {
  ThreadPool pool(1);
  auto values = clustered(10, 3, 13);
  const RowsView rows{.values = values, .row_count = 10, .dim = 3};
  EXPECT_FALSE(neighbor_graph(rows, {.neighbor_count = 0}, {pool}));
  EXPECT_FALSE(neighbor_graph(rows, {.neighbor_count = 10}, {pool}));
  EXPECT_TRUE(neighbor_graph(rows, {.neighbor_count = 9}, {pool}));
  EXPECT_FALSE(neighbor_graph({.values = {}, .row_count = 0, .dim = 3}, {.neighbor_count = 1}, {pool}));
  EXPECT_FALSE(neighbors_among({.values = values, .row_count = 5, .dim = 2}, rows, {.neighbor_count = 1}, {pool}));
  auto dot = neighbor_graph(rows, {.neighbor_count = 3, .metric = Metric::kDot}, {pool});
  ASSERT_FALSE(dot);
  EXPECT_EQ(dot.error().code, ErrorCode::kUnsupported);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 2e15F}) {
    values[3 * 3 + 1] = bad;
    auto graph = neighbor_graph(rows, {.neighbor_count = 3}, {pool});
    ASSERT_FALSE(graph);
    EXPECT_EQ(graph.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(graph.error().message.find("row 3, component 1"), std::string::npos) << graph.error().message;
  }
}

TEST(NeighborGraph, stops_when_asked) {
  ThreadPool pool(2);
  const auto values = clustered(2000, 8, 15);
  CancelFlag cancel;
  cancel.request();
  for (const Search search : {Search::kExact, Search::kApproximate}) {
    auto graph = neighbor_graph({.values = values, .row_count = 2000, .dim = 8}, {.search = search},
                                {.pool = pool, .cancel = &cancel});
    ASSERT_FALSE(graph);
    EXPECT_EQ(graph.error().code, ErrorCode::kCancelled);
  }
  const RowsView rows{.values = values, .row_count = 2000, .dim = 8};
  const auto few =
      neighbors_among({.values = rows.row(0), .row_count = 1, .dim = 8}, rows, {}, {.pool = pool, .cancel = &cancel});
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace asterism
