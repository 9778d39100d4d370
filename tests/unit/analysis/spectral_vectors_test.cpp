#include "analysis/spectral_vectors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// A ring: its eigenvectors are known, in pairs of one eigenvalue.
SparseGraph ring(std::size_t count, float gap_weight) {
  SparseGraph graph;
  for (std::uint32_t row = 0; row < count; ++row) {
    const auto last = static_cast<std::uint32_t>(count - 1);
    std::vector<std::pair<std::uint32_t, float>> edges;
    edges.emplace_back(row == 0 ? last : row - 1, row == 0 ? gap_weight : 1.0F);
    edges.emplace_back(row == last ? 0 : row + 1, row == last ? gap_weight : 1.0F);
    std::ranges::sort(edges);
    for (const auto& [column, weight] : edges) {
      graph.columns.push_back(column);
      graph.weights.push_back(weight);
    }
    graph.begin.push_back(graph.columns.size());
  }
  return graph;
}

TEST(SpectralVectors, lanczos_finds_what_the_dense_solver_does) {
  ThreadPool pool(2);
  // The weaker edge makes all eigenvalues distinct.
  const SparseGraph graph = ring(120, 0.5F);
  auto dense = spectral_vectors(graph, {.vector_count = 4, .dense_row_count_max = 1000}, {pool});
  auto lanczos = spectral_vectors(
      graph, {.vector_count = 4, .tolerance = 1e-9, .restart_count_max = 1000, .dense_row_count_max = 0}, {pool});
  ASSERT_TRUE(dense && lanczos);
  for (std::size_t v = 0; v < 4; ++v) {
    EXPECT_NEAR(lanczos->eigenvalues[v], dense->eigenvalues[v], 1e-10);
    double dot = 0.0;
    for (std::size_t row = 0; row < 120; ++row) {
      dot += lanczos->vectors[v * 120 + row] * dense->vectors[v * 120 + row];
    }
    EXPECT_NEAR(std::abs(dot), 1.0, 1e-9) << v;
  }
}

TEST(SpectralVectors, eigenvalues_of_a_ring_are_those_of_the_textbook) {
  ThreadPool pool(2);
  constexpr std::size_t kCount = 600;
  auto found = spectral_vectors(ring(kCount, 1.0F), {.vector_count = 2, .restart_count_max = 500}, {pool});
  ASSERT_TRUE(found);
  const double expected = 1.0 - std::cos(2.0 * std::numbers::pi / kCount);
  EXPECT_NEAR(found->eigenvalues[0], expected, 0.01 * expected);
  EXPECT_NEAR(found->eigenvalues[1], expected, 0.01 * expected);
}

TEST(SpectralVectors, same_bytes_at_any_thread_count) {
  const SparseGraph graph = ring(5000, 0.3F);
  ThreadPool one(1);
  auto expected = spectral_vectors(graph, {.vector_count = 3}, {one});
  ASSERT_TRUE(expected);
  for (const std::size_t threads : {2U, 3U}) {
    ThreadPool pool(threads);
    auto found = spectral_vectors(graph, {.vector_count = 3}, {pool});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->vectors, expected->vectors);
  }
}

}  // namespace
}  // namespace asterism
