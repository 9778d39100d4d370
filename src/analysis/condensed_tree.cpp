#include "analysis/condensed_tree.hpp"

#include <algorithm>
#include <utility>

#include "analysis/disjoint_sets.hpp"

namespace asterism {
namespace {

// Two nodes become one. Nodes below row_count are rows, the others joins in their order.
struct Join {
  std::size_t left = 0;
  std::size_t right = 0;
  double length = 0.0;
  std::size_t size = 0;
};

std::vector<Join> joins_of(std::vector<TreeEdge> edges, std::size_t row_count) {
  std::ranges::stable_sort(edges, {}, &TreeEdge::length);
  std::vector<Join> joins;
  joins.reserve(edges.size());
  DisjointSets sets(row_count);
  std::vector<std::size_t> node_of_set(row_count);
  for (std::size_t r = 0; r < row_count; ++r) {
    node_of_set[r] = r;
  }
  const auto size_of = [&](std::size_t node) { return node < row_count ? 1 : joins[node - row_count].size; };
  for (const TreeEdge& edge : edges) {
    const std::size_t left = node_of_set[sets.find(edge.a)];
    const std::size_t right = node_of_set[sets.find(edge.b)];
    joins.push_back({.left = left, .right = right, .length = edge.length, .size = size_of(left) + size_of(right)});
    sets.unite(edge.a, edge.b);
    node_of_set[sets.find(edge.a)] = row_count + joins.size() - 1;
  }
  return joins;
}

class Condenser {
 public:
  Condenser(std::vector<Join> joins, std::size_t row_count, std::size_t min_cluster_size)
      : joins_(std::move(joins)), row_count_(row_count), min_cluster_size_(min_cluster_size) {
    const auto apart = std::ranges::find_if(joins_, [](const Join& join) { return join.length > 0.0; });
    lambda_max_ = apart == joins_.end() ? 1.0 : 1.0 / apart->length;
    tree_.row_cluster.resize(row_count);
    tree_.row_lambda.resize(row_count);
    tree_.clusters.push_back({.parent = 0, .birth = 0.0, .size = row_count});
  }

  CondensedTree condense() {
    // Nodes whose cluster is known, in the order of levels: numbers are then those of scikit-learn.
    std::vector<std::pair<std::size_t, std::uint32_t>> open{{row_count_ + joins_.size() - 1, 0}};
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto [node, cluster] = open[i];
      const Join& join = joins_[node - row_count_];
      if (join.length <= 0.0) {
        fall_out(node, cluster, lambda_max_);
        continue;
      }
      const double lambda = 1.0 / join.length;
      const bool left_stays = size_of(join.left) >= min_cluster_size_;
      const bool right_stays = size_of(join.right) >= min_cluster_size_;
      const bool splits = left_stays && right_stays;
      for (const auto& [side, stays] : {std::pair{join.left, left_stays}, std::pair{join.right, right_stays}}) {
        if (!stays) {
          fall_out(side, cluster, lambda);
        } else {
          open.emplace_back(side, splits ? split(side, cluster, lambda) : cluster);
        }
      }
    }
    return std::move(tree_);
  }

 private:
  std::size_t size_of(std::size_t node) const { return node < row_count_ ? 1 : joins_[node - row_count_].size; }

  std::uint32_t split(std::size_t node, std::uint32_t parent, double lambda) {
    tree_.clusters.push_back({.parent = parent, .birth = lambda, .size = size_of(node)});
    return static_cast<std::uint32_t>(tree_.clusters.size() - 1);
  }

  // All rows below `node` leave `cluster`.
  void fall_out(std::size_t node, std::uint32_t cluster, double lambda) {
    std::vector<std::size_t> below{node};
    while (!below.empty()) {
      const std::size_t at = below.back();
      below.pop_back();
      if (at < row_count_) {
        tree_.row_cluster[at] = cluster;
        tree_.row_lambda[at] = lambda;
      } else {
        below.push_back(joins_[at - row_count_].left);
        below.push_back(joins_[at - row_count_].right);
      }
    }
  }

  std::vector<Join> joins_;
  std::size_t row_count_;
  std::size_t min_cluster_size_;
  double lambda_max_ = 1.0;
  CondensedTree tree_;
};

}  // namespace

std::vector<double> CondensedTree::stabilities() const {
  std::vector<double> sums(clusters.size());
  for (std::size_t r = 0; r < row_cluster.size(); ++r) {
    sums[row_cluster[r]] += row_lambda[r] - clusters[row_cluster[r]].birth;
  }
  for (std::size_t c = 1; c < clusters.size(); ++c) {
    const Cluster& cluster = clusters[c];
    sums[cluster.parent] += (cluster.birth - clusters[cluster.parent].birth) * static_cast<double>(cluster.size);
  }
  return sums;
}

std::vector<double> CondensedTree::deaths() const {
  std::vector<double> largest(clusters.size());
  for (std::size_t r = 0; r < row_cluster.size(); ++r) {
    largest[row_cluster[r]] = std::max(largest[row_cluster[r]], row_lambda[r]);
  }
  for (std::size_t c = 1; c < clusters.size(); ++c) {
    largest[clusters[c].parent] = std::max(largest[clusters[c].parent], clusters[c].birth);
  }
  return largest;
}

CondensedTree condensed_tree(std::vector<TreeEdge> edges, std::size_t row_count, std::size_t min_cluster_size) {
  if (edges.empty()) {
    CondensedTree tree;
    tree.clusters.push_back({.parent = 0, .birth = 0.0, .size = row_count});
    tree.row_cluster.resize(row_count);
    tree.row_lambda.resize(row_count);
    return tree;
  }
  return Condenser(joins_of(std::move(edges), row_count), row_count, min_cluster_size).condense();
}

}  // namespace asterism
