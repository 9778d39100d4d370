#include "analysis/umap_pair_moves.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <vector>

#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr UmapCurve kCurve{.a = 1.577, .b = 0.895};

// Both directions of edges between rows drawn at random; the first row has an edge to every tenth.
SparseGraph random_graph(std::uint32_t row_count) {
  const CounterRandom random(41);
  std::vector<std::set<std::uint32_t>> others(row_count);
  const auto join = [&](std::uint32_t a, std::uint32_t b) {
    if (a != b) {
      others[a].insert(b);
      others[b].insert(a);
    }
  };
  for (std::uint32_t row = 0; row < row_count; ++row) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      join(row, random.below(row * 4 + i, row_count));
    }
    if (row % 10 == 0) {
      join(0, row);
    }
  }
  SparseGraph graph;
  for (std::uint32_t row = 0; row < row_count; ++row) {
    for (const std::uint32_t other : others[row]) {
      graph.columns.push_back(other);
      // The same in both directions, a few of them due rarely.
      const std::uint64_t edge = std::uint64_t{std::min(row, other)} * row_count + std::max(row, other);
      graph.weights.push_back(static_cast<float>(0.05 + 0.95 * random.uniform(100'000 + edge)));
    }
    graph.begin.push_back(graph.columns.size());
  }
  return graph;
}

TEST(EdgeRounds, hold_every_edge_once_and_no_row_twice_in_a_round) {
  const SparseGraph graph = random_graph(500);
  const EdgeRounds rounds = edge_rounds(graph);
  using Edge = std::tuple<std::uint32_t, std::uint32_t, float>;
  std::vector<Edge> expected;
  std::size_t degree_max = 0;
  for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
    degree_max = std::max(degree_max, graph.columns_of(row).size());
    for (std::size_t e = 0; e < graph.columns_of(row).size(); ++e) {
      expected.emplace_back(row, graph.columns_of(row)[e], graph.weights_of(row)[e]);
    }
  }
  std::vector<Edge> found;
  for (std::size_t round = 0; round < rounds.round_count(); ++round) {
    std::set<std::uint32_t> rows;
    EXPECT_LT(rounds.begin[round], rounds.begin[round + 1]) << round;
    for (std::size_t e = rounds.begin[round]; e < rounds.begin[round + 1]; ++e) {
      found.emplace_back(rounds.from[e], rounds.to[e], rounds.weights[e]);
      EXPECT_TRUE(rows.insert(rounds.from[e]).second) << round;
      EXPECT_TRUE(rows.insert(rounds.to[e]).second) << round;
    }
  }
  std::ranges::sort(found);
  EXPECT_EQ(found, expected);
  // Of both directions: each row has twice its edges.
  EXPECT_LT(rounds.round_count(), 4 * degree_max);
}

TEST(EdgeRounds, of_no_edges_are_none) {
  SparseGraph graph;
  graph.begin.assign(4, 0);
  EXPECT_EQ(edge_rounds(graph).round_count(), 0U);
  EXPECT_EQ(edge_rounds({}).round_count(), 0U);
}

std::vector<float> moved(const SparseGraph& graph, UmapLayoutOptions options, std::vector<float> places,
                         std::size_t threads) {
  options.density = {.weight = 2.0};
  options.epoch_count = 20;
  std::vector<double> radii(graph.row_count());
  for (std::size_t row = 0; row < radii.size(); ++row) {
    radii[row] = static_cast<double>(row % 7);
  }
  ThreadPool pool(threads);
  UmapDensity density(graph, radii, options.density, options.curve);
  UmapPairMoves moves(graph, options, density);
  for (std::size_t epoch = 15; epoch < 20; ++epoch) {
    density.measure(places, options.dim, pool);
    moves.move(epoch, places, pool);
  }
  return places;
}

std::vector<float> random_places(std::size_t value_count) {
  const CounterRandom random(42);
  std::vector<float> places(value_count);
  for (std::size_t i = 0; i < value_count; ++i) {
    places[i] = static_cast<float>(10.0 * random.uniform(i));
  }
  return places;
}

TEST(UmapPairMoves, same_bytes_at_any_thread_count) {
  const SparseGraph graph = random_graph(6000);  // rounds of more edges than one thread takes at a time
  for (const std::size_t dim : {2U, 5U}) {
    const auto places = random_places(graph.row_count() * dim);
    const auto expected = moved(graph, {.dim = dim, .curve = kCurve, .seed = 3}, places, 1);
    EXPECT_NE(expected, places);
    for (const std::size_t threads : {2U, 3U}) {
      EXPECT_EQ(moved(graph, {.dim = dim, .curve = kCurve, .seed = 3}, places, threads), expected) << threads;
    }
    EXPECT_NE(moved(graph, {.dim = dim, .curve = kCurve, .seed = 4}, places, 1), expected);
  }
}

TEST(UmapPairMoves, both_ends_move_as_far) {
  // One row between two: nothing pushes, so that the middle of all stays where it is.
  SparseGraph graph;
  graph.begin = {0, 1, 3, 4};
  graph.columns = {1, 0, 2, 1};
  graph.weights = {1.0F, 1.0F, 0.9F, 0.9F};
  const std::vector<float> places{0.0F, 0.0F, 2.0F, 1.0F, 3.0F, 5.0F};
  const auto found = moved(graph, {.curve = kCurve, .negative_sample_count = 0}, places, 1);
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_NE(found[c], places[c]);
    EXPECT_NE(found[2 + c], places[2 + c]);
    EXPECT_NE(found[4 + c], places[4 + c]);
    EXPECT_NEAR(found[c] + found[2 + c] + found[4 + c], places[c] + places[2 + c] + places[4 + c], 1e-5F);
  }
}

TEST(UmapPairMoves, rows_take_their_share_of_each_step) {
  const SparseGraph graph = random_graph(100);
  const auto places = random_places(200);
  std::vector<float> shares(100, 1.0F);
  shares[7] = 0.0F;
  const auto found = moved(graph, {.curve = kCurve, .step_shares = shares}, places, 1);
  for (std::size_t row = 0; row < 100; ++row) {
    EXPECT_EQ(std::equal(places.begin() + static_cast<std::ptrdiff_t>(2 * row),
                         places.begin() + static_cast<std::ptrdiff_t>(2 * row + 2),
                         found.begin() + static_cast<std::ptrdiff_t>(2 * row)),
              row == 7)
        << row;
  }
}

}  // namespace
}  // namespace asterism
