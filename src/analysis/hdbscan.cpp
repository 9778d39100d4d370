#include "analysis/hdbscan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "analysis/condensed_tree.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/rows_check.hpp"
#include "analysis/spanning_tree.hpp"
#include "analysis/spanning_tree_of_boxes.hpp"

namespace asterism {
namespace {

// Up to such a cost the tree is exact: some ten seconds of two cores. A pair of rows costs its products, and as much as
// kPairCost of them to keep in mind.
constexpr double kExactCostMax = 2e11;
constexpr double kPairCost = 24.0;
// Up to so many dimensions an exact tree is made of boxes, however many rows there are (decision 226).
constexpr std::size_t kBoxDimMax = 10;
// Neighbours whose edges make an approximate tree.
constexpr std::size_t kTreeNeighborCount = 24;

// Which clusters of a condensed tree are taken.
class Selection {
 public:
  Selection(const CondensedTree& tree, const HdbscanOptions& options)
      : tree_(tree), options_(options), selected_(tree.clusters.size()), children_(tree.clusters.size()) {
    for (std::uint32_t c = 1; c < tree.clusters.size(); ++c) {
      children_[tree.clusters[c].parent].push_back(c);
    }
  }

  std::vector<bool> select() {
    if (options_.selection == HdbscanOptions::Selection::kLeaf) {
      select_leaves();
    } else {
      select_by_mass();
    }
    if (options_.epsilon > 0.0 && tree_.clusters.size() > 1) {
      join_below_epsilon();
    }
    return selected_;
  }

 private:
  void select_by_mass() {
    std::vector<double> stabilities = tree_.stabilities();
    const std::size_t first = options_.allow_single_cluster ? 0 : 1;
    for (std::size_t c = tree_.clusters.size(); c-- > first;) {
      double below = 0.0;
      for (const std::uint32_t child : children_[c]) {
        below += stabilities[child];
      }
      if (below > stabilities[c]) {
        stabilities[c] = below;
      } else {
        drop_below(c);
        selected_[c] = true;
      }
    }
  }

  void select_leaves() {
    for (std::size_t c = 1; c < tree_.clusters.size(); ++c) {
      selected_[c] = children_[c].empty();
    }
    if (tree_.clusters.size() == 1) {
      selected_[0] = options_.allow_single_cluster;
    }
  }

  void drop_below(std::size_t cluster) {
    std::vector<std::uint32_t> below = children_[cluster];
    while (!below.empty()) {
      const std::uint32_t at = below.back();
      below.pop_back();
      selected_[at] = false;
      below.insert(below.end(), children_[at].begin(), children_[at].end());
    }
  }

  // The first cluster upwards that was born at a distance above epsilon.
  std::size_t above_epsilon(std::size_t cluster) const {
    while (1.0 / tree_.clusters[cluster].birth < options_.epsilon) {
      const std::size_t parent = tree_.clusters[cluster].parent;
      if (parent == 0) {
        return options_.allow_single_cluster ? 0 : cluster;
      }
      cluster = parent;
    }
    return cluster;
  }

  void join_below_epsilon() {
    if (selected_[0]) {
      return;
    }
    for (std::size_t c = 1; c < tree_.clusters.size(); ++c) {
      if (selected_[c]) {
        const std::size_t taken = above_epsilon(c);
        selected_[c] = false;
        drop_below(taken);
        selected_[taken] = true;
      }
    }
  }

  const CondensedTree& tree_;
  const HdbscanOptions& options_;
  std::vector<bool> selected_;
  std::vector<std::vector<std::uint32_t>> children_;
};

// Whether a row that fell out of all rows belongs to them as the only cluster.
bool is_of_all(const CondensedTree& tree, std::size_t row, const std::vector<double>& deaths, double epsilon) {
  return tree.row_lambda[row] >= (epsilon > 0.0 ? 1.0 / epsilon : deaths[0]);
}

void label_rows(const CondensedTree& tree, const std::vector<bool>& selected, const HdbscanOptions& options,
                Hdbscan& out) {
  const std::vector<double> deaths = tree.deaths();
  std::vector<std::int32_t> labels(tree.clusters.size(), -1);  // of each cluster: its own or that of the one around it
  std::vector<std::size_t> taken;
  for (std::size_t c = 0; c < tree.clusters.size(); ++c) {
    if (selected[c]) {
      labels[c] = static_cast<std::int32_t>(taken.size());
      taken.push_back(c);
    } else if (c > 0) {
      labels[c] = labels[tree.clusters[c].parent];
    }
  }
  out.cluster_count = taken.size();
  for (std::size_t r = 0; r < tree.row_cluster.size(); ++r) {
    const std::int32_t label = labels[tree.row_cluster[r]];
    if (label < 0) {
      continue;
    }
    const std::size_t cluster = taken[static_cast<std::size_t>(label)];
    if (cluster == 0 && !is_of_all(tree, r, deaths, options.epsilon)) {
      continue;
    }
    const double death = deaths[cluster];
    out.labels[r] = label;
    out.probabilities[r] = death > 0.0 ? std::min(tree.row_lambda[r], death) / death : 1.0;
  }
}

// Global-local outlier scores from hierarchies (Campello et al. 2015): how much sooner a row fell out than the densest
// place of its cluster.
void score_outliers(const CondensedTree& tree, Hdbscan& out) {
  std::vector<double> deaths = tree.deaths();
  for (std::size_t c = tree.clusters.size(); c-- > 1;) {
    deaths[tree.clusters[c].parent] = std::max(deaths[tree.clusters[c].parent], deaths[c]);
  }
  for (std::size_t r = 0; r < tree.row_cluster.size(); ++r) {
    const double death = deaths[tree.row_cluster[r]];
    out.outlier_scores[r] = death > 0.0 ? (death - tree.row_lambda[r]) / death : 0.0;
  }
}

Result<void> check(const RowsView& rows, const HdbscanOptions& options, const AnalysisRun& run) {
  if (auto checked = expect_finite_rows(rows, "hdbscan", run); !checked) {
    return checked;
  }
  if (rows.row_count == 0) {
    return fail(ErrorCode::kInvalidArgument, "hdbscan: expected rows, found none");
  }
  if (options.min_cluster_size < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("hdbscan: expected clusters of 2 rows or more, found {}", options.min_cluster_size));
  }
  if (options.min_samples > rows.row_count) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("hdbscan: expected min_samples of at most the {} rows there are, found {}", rows.row_count,
                            options.min_samples));
  }
  return {};
}

Result<std::vector<TreeEdge>> tree_of(const RowsView& rows, std::size_t min_samples, bool exact,
                                      const AnalysisRun& run) {
  if (exact && rows.dim <= kBoxDimMax) {
    return spanning_tree_of_boxes(rows, min_samples, run);
  }
  // The row itself is one of its samples.
  std::size_t neighbor_count = min_samples - 1;
  if (!exact) {
    neighbor_count = std::max(neighbor_count, std::min(kTreeNeighborCount, rows.row_count - 1));
  }
  std::vector<double> core_distances(rows.row_count);
  NeighborGraph graph;
  if (neighbor_count > 0) {
    auto found = neighbor_graph(rows, {.neighbor_count = neighbor_count}, run);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    graph = *std::move(found);
    for (std::size_t r = 0; min_samples > 1 && r < rows.row_count; ++r) {
      core_distances[r] = static_cast<double>(graph.distances[r * neighbor_count + min_samples - 2]);
    }
  }
  return exact ? spanning_tree(rows, core_distances, run) : spanning_tree_of_graph(rows, core_distances, graph, run);
}

}  // namespace

Result<Hdbscan> hdbscan(const RowsView& rows, const HdbscanOptions& options, const AnalysisRun& run) {
  if (auto checked = check(rows, options, run); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  Hdbscan out;
  out.labels.assign(rows.row_count, -1);
  out.probabilities.resize(rows.row_count);
  out.outlier_scores.resize(rows.row_count);
  const auto row_count = static_cast<double>(rows.row_count);
  out.exact = rows.row_count < 3 || options.tree == HdbscanOptions::Tree::kExact ||
              (options.tree == HdbscanOptions::Tree::kAuto &&
               (rows.dim <= kBoxDimMax ||
                row_count * row_count * (static_cast<double>(rows.dim) + kPairCost) <= kExactCostMax));
  const std::size_t asked = options.min_samples == 0 ? options.min_cluster_size : options.min_samples;
  auto edges = tree_of(rows, std::min(asked, rows.row_count), out.exact, run);
  if (!edges) {
    return std::unexpected(std::move(edges.error()));
  }
  const CondensedTree tree = condensed_tree(*std::move(edges), rows.row_count, options.min_cluster_size);
  label_rows(tree, Selection(tree, options).select(), options, out);
  score_outliers(tree, out);
  return out;
}

}  // namespace asterism
