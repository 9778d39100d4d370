#include "analysis/spanning_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/disjoint_sets.hpp"
#include "analysis/spanning_tree_of_boxes.hpp"
#include "analysis_support.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

double distance(const RowsView& rows, std::size_t a, std::size_t b) {
  double square = 0.0;
  for (std::size_t d = 0; d < rows.dim; ++d) {
    const double apart = static_cast<double>(rows.row(a)[d]) - static_cast<double>(rows.row(b)[d]);
    square += apart * apart;
  }
  return std::sqrt(square);
}

std::vector<double> core_distances(const RowsView& rows, std::size_t min_samples) {
  std::vector<double> cores;
  for (std::size_t a = 0; a < rows.row_count; ++a) {
    std::vector<double> distances;
    for (std::size_t b = 0; b < rows.row_count; ++b) {
      distances.push_back(distance(rows, a, b));
    }
    std::ranges::sort(distances);
    cores.push_back(distances[min_samples - 1]);
  }
  return cores;
}

// Lengths tell a minimum spanning tree: all of them have the same (Kruskal 1956).
std::vector<double> sorted_lengths(const std::vector<TreeEdge>& edges) {
  std::vector<double> lengths;
  for (const TreeEdge& edge : edges) {
    lengths.push_back(edge.length);
  }
  std::ranges::sort(lengths);
  return lengths;
}

void expect_tree_of_all_pairs(const std::vector<float>& values, std::size_t dim, std::size_t min_samples) {
  const RowsView rows = view_of(values, dim);
  const std::vector<double> cores = core_distances(rows, min_samples);
  ThreadPool pool(2);
  const auto found = spanning_tree_of_boxes(rows, min_samples, {.pool = pool});
  const auto expected = spanning_tree(rows, cores, {.pool = pool});
  ASSERT_TRUE(found && expected);
  ASSERT_EQ(found->size(), rows.row_count - 1);
  DisjointSets sets(rows.row_count);
  for (const TreeEdge& edge : *found) {
    EXPECT_TRUE(sets.unite(edge.a, edge.b));
    EXPECT_NEAR(edge.length, std::max({distance(rows, edge.a, edge.b), cores[edge.a], cores[edge.b]}), 1e-12);
  }
  const auto ours = sorted_lengths(*found);
  const auto theirs = sorted_lengths(*expected);
  for (std::size_t e = 0; e < ours.size(); ++e) {
    EXPECT_NEAR(ours[e], theirs[e], 1e-5 * theirs.back()) << e;  // the other measures in float
  }
}

TEST(SpanningTreeOfBoxes, is_as_short_as_that_of_all_pairs) {
  for (const std::size_t dim : {1U, 2U, 5U, 12U}) {
    for (const std::size_t min_samples : {1U, 5U, 40U}) {
      SCOPED_TRACE(testing::Message() << dim << " dimensions, " << min_samples << " samples");
      expect_tree_of_all_pairs(grouped_rows(7, 90, dim, 3.0), dim, min_samples);
    }
  }
}

TEST(SpanningTreeOfBoxes, rows_on_a_grid_and_copies_are_at_equal_distances) {
  std::vector<float> values;
  for (std::size_t i = 0; i < 900; ++i) {
    values.push_back(static_cast<float>(i % 20));
    values.push_back(static_cast<float>(i / 20 % 20));  // 400 places, 100 of them three times, the others twice
  }
  for (const std::size_t min_samples : {1U, 2U, 3U, 9U}) {
    SCOPED_TRACE(min_samples);
    expect_tree_of_all_pairs(values, 2, min_samples);
  }
}

TEST(SpanningTreeOfBoxes, copies_of_one_row_cost_no_look_at_all_pairs) {
  // All pairs of so many would take minutes.
  const std::vector<float> values(600'000, 3.0F);
  ThreadPool pool(2);
  const auto found = spanning_tree_of_boxes(view_of(values, 2), 5, {.pool = pool});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 299'999U);
  EXPECT_TRUE(std::ranges::all_of(*found, [](const TreeEdge& edge) { return edge.length == 0.0; }));
}

TEST(SpanningTreeOfBoxes, the_number_of_threads_changes_no_edge) {
  std::vector<float> values = grouped_rows(9, 400, 3, 4.0);
  for (float& value : values) {
    value = std::round(value * 8.0F) / 8.0F;  // many pairs at equal distances
  }
  const RowsView rows = view_of(values, 3);
  ThreadPool one(1);
  const auto expected = spanning_tree_of_boxes(rows, 4, {.pool = one});
  ASSERT_TRUE(expected);
  for (const std::size_t threads : {2U, 3U, 5U}) {
    ThreadPool pool(threads);
    const auto again = spanning_tree_of_boxes(rows, 4, {.pool = pool});
    ASSERT_TRUE(again);
    EXPECT_TRUE(std::ranges::equal(*again, *expected, [](const TreeEdge& x, const TreeEdge& y) {
      return x.a == y.a && x.b == y.b && x.length == y.length;
    }));
  }
}

TEST(SpanningTreeOfBoxes, ends_when_asked_to) {
  const std::vector<float> values = grouped_rows(2, 50, 2, 4.0);
  ThreadPool pool(1);
  CancelFlag cancel;
  cancel.request();
  const auto found = spanning_tree_of_boxes(view_of(values, 2), 4, {.pool = pool, .cancel = &cancel});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kCancelled);
}

TEST(SpanningTreeOfBoxes, a_single_row_has_no_edges) {
  const std::vector<float> values{1.0F, 2.0F};
  ThreadPool pool(1);
  const auto found = spanning_tree_of_boxes(view_of(values, 2), 1, {.pool = pool});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
}

}  // namespace
}  // namespace asterism
