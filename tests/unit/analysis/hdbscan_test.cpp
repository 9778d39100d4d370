#include "analysis/hdbscan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "analysis_support.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// Whether two labellings are the same up to the numbers of clusters; -1 stays -1.
bool same_partition(const std::vector<std::int32_t>& ours, const std::vector<std::int32_t>& theirs) {
  std::map<std::int32_t, std::int32_t> forth{{-1, -1}};
  std::map<std::int32_t, std::int32_t> back{{-1, -1}};
  for (std::size_t r = 0; r < ours.size(); ++r) {
    if (forth.try_emplace(ours[r], theirs[r]).first->second != theirs[r] ||
        back.try_emplace(theirs[r], ours[r]).first->second != ours[r]) {
      return false;
    }
  }
  return ours.size() == theirs.size();
}

TEST(Hdbscan, equals_scikit_learn_and_the_hdbscan_package) {
  const Json golden_cases = structure_golden()["hdbscan"];
  ASSERT_EQ(golden_cases.size(), 5U);
  ThreadPool pool(2);
  for (const Json& golden : golden_cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const auto data = golden["data"].get<std::vector<float>>();
    const bool leaf = golden["method"] == "leaf";
    const auto found =
        hdbscan(view_of(data, golden["dim"].get<std::size_t>()),
                {.min_cluster_size = golden["min_cluster_size"].get<std::size_t>(),
                 .min_samples = golden["min_samples"].get<std::size_t>(),
                 .selection = leaf ? HdbscanOptions::Selection::kLeaf : HdbscanOptions::Selection::kExcessOfMass,
                 .epsilon = golden["epsilon"].get<double>(),
                 .allow_single_cluster = golden["allow_single"].get<bool>()},
                {.pool = pool});
    ASSERT_TRUE(found) << found.error().to_string();
    EXPECT_TRUE(found->exact);
    const auto labels = golden["labels"].get<std::vector<std::int32_t>>();
    EXPECT_TRUE(same_partition(found->labels, labels));
    EXPECT_EQ(found->cluster_count, static_cast<std::size_t>(*std::ranges::max_element(labels)) + 1);
    const auto probabilities = golden["probabilities"].get<std::vector<double>>();
    const auto scores = golden["outlier_scores"].get<std::vector<double>>();
    for (std::size_t r = 0; r < labels.size(); ++r) {
      EXPECT_NEAR(found->probabilities[r], probabilities[r], 1e-6) << r;
      EXPECT_NEAR(found->outlier_scores[r], scores[r], 1e-6) << r;
    }
  }
}

TEST(Hdbscan, over_the_neighbor_graph_it_finds_the_same_groups) {
  const auto data = grouped_rows(6, 150, 4, 20.0);
  ThreadPool pool(2);
  const RowsView rows = view_of(data, 4);
  const auto exact = hdbscan(rows, {.min_cluster_size = 20, .tree = HdbscanOptions::Tree::kExact}, {.pool = pool});
  const auto near = hdbscan(rows, {.min_cluster_size = 20, .tree = HdbscanOptions::Tree::kGraph}, {.pool = pool});
  ASSERT_TRUE(exact && near);
  EXPECT_FALSE(near->exact);
  EXPECT_EQ(exact->cluster_count, 6U);
  EXPECT_EQ(near->cluster_count, 6U);
  std::size_t equal_count = 0;
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    EXPECT_TRUE(near->labels[r] < 0 || near->labels[r] == near->labels[r % 6] || near->labels[r % 6] < 0);
    equal_count += (near->labels[r] < 0) == (exact->labels[r] < 0) ? 1U : 0U;
  }
  EXPECT_GE(equal_count, 880U);
}

TEST(Hdbscan, the_number_of_threads_changes_no_byte) {
  const auto data = grouped_rows(5, 203, 33, 2.0);
  const RowsView rows = view_of(data, 33);
  for (const auto tree : {HdbscanOptions::Tree::kExact, HdbscanOptions::Tree::kGraph}) {
    ThreadPool one(1);
    const auto expected = hdbscan(rows, {.min_cluster_size = 8, .tree = tree}, {.pool = one});
    ASSERT_TRUE(expected);
    EXPECT_GT(expected->cluster_count, 1U);
    for (const std::size_t threads : {2U, 3U}) {
      ThreadPool pool(threads);
      const auto again = hdbscan(rows, {.min_cluster_size = 8, .tree = tree}, {.pool = pool});
      ASSERT_TRUE(again);
      EXPECT_EQ(again->labels, expected->labels);
      EXPECT_EQ(again->probabilities, expected->probabilities);
      EXPECT_EQ(again->outlier_scores, expected->outlier_scores);
    }
  }
}

TEST(Hdbscan, a_thousand_equal_rows_among_others_are_one_cluster) {
  auto data = grouped_rows(1, 60, 3, 0.0);
  for (std::size_t i = 0; i < 1000; ++i) {
    data.insert(data.end(), {40.0F, 40.0F, 40.0F});
  }
  ThreadPool pool(2);
  for (const auto tree : {HdbscanOptions::Tree::kExact, HdbscanOptions::Tree::kGraph}) {
    const auto found = hdbscan(view_of(data, 3), {.min_cluster_size = 10, .tree = tree}, {.pool = pool});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->cluster_count, 2U);
    const std::set<std::int32_t> equal_rows(found->labels.begin() + 60, found->labels.end());
    EXPECT_EQ(equal_rows.size(), 1U);
    EXPECT_GE(*equal_rows.begin(), 0);
    EXPECT_TRUE(std::ranges::all_of(found->probabilities, [](double p) { return p >= 0.0 && p <= 1.0; }));
  }
}

TEST(Hdbscan, nothing_but_equal_rows_is_one_cluster_only_where_one_is_allowed) {
  const std::vector<float> data(3000, 2.0F);
  ThreadPool pool(1);
  const auto none = hdbscan(view_of(data, 3), {}, {.pool = pool});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->cluster_count, 0U);
  const auto one = hdbscan(view_of(data, 3), {.allow_single_cluster = true}, {.pool = pool});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->cluster_count, 1U);
  EXPECT_TRUE(std::ranges::all_of(one->labels, [](std::int32_t label) { return label == 0; }));
}

TEST(Hdbscan, a_single_row_is_in_no_cluster) {
  const std::vector<float> data{1.0F, 2.0F};
  ThreadPool pool(1);
  const auto found = hdbscan(view_of(data, 2), {}, {.pool = pool});
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->labels, (std::vector<std::int32_t>{-1}));
}

TEST(Hdbscan, many_small_groups_far_apart_are_joined) {
  // Each row finds its 24 neighbours in its own group: what joins the groups is none of the graph.
  const auto data = grouped_rows(200, 40, 2, 1000.0);
  ThreadPool pool(2);
  const auto found =
      hdbscan(view_of(data, 2), {.min_cluster_size = 30, .min_samples = 3, .tree = HdbscanOptions::Tree::kGraph},
              {.pool = pool});
  ASSERT_TRUE(found);
  EXPECT_GT(found->cluster_count, 150U);
  EXPECT_LE(found->cluster_count, 200U);
}

TEST(Hdbscan, names_what_is_wrong) {
  std::vector<float> data{1.0F, 2.0F, 3.0F, 4.0F};
  ThreadPool pool(1);
  const AnalysisRun run{.pool = pool};
  EXPECT_EQ(hdbscan(view_of(data, 2), {.min_cluster_size = 1}, run).error().message,
            "hdbscan: expected clusters of 2 rows or more, found 1");
  EXPECT_EQ(hdbscan(view_of(data, 2), {.min_samples = 3}, run).error().code, ErrorCode::kInvalidArgument);
  data[1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(hdbscan(view_of(data, 2), {}, run).error().message,
            "hdbscan: row 0 (the first is 0), value 1: expected a finite number, found inf");
}

// A row far from both has neighbours in both: over it they would meet at its distance, not at theirs.
TEST(Hdbscan, a_far_row_does_not_hold_regions_together_over_the_neighbor_graph) {
  std::vector<float> values;
  for (std::size_t i = 0; i < 60; ++i) {
    values.push_back((i < 30 ? 10.0F : -10.0F) + 0.01F * static_cast<float>(i % 7));
    values.push_back(0.01F * static_cast<float>(i % 5));
  }
  values.insert(values.end(), {0.0F, 500.0F});
  ThreadPool pool(2);
  const RowsView rows{.values = values, .row_count = 61, .dim = 2};
  for (const auto tree : {HdbscanOptions::Tree::kExact, HdbscanOptions::Tree::kGraph}) {
    const auto found = hdbscan(rows, {.min_cluster_size = 10, .tree = tree}, {.pool = pool});
    ASSERT_TRUE(found) << found.error().to_string();
    EXPECT_EQ(found->cluster_count, 2U);
    EXPECT_EQ(found->labels[60], -1);
    EXPECT_EQ(std::ranges::count(found->labels, -1), 1);
  }
}

}  // namespace
}  // namespace asterism
