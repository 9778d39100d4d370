// The hierarchy of a spanning tree, reduced to clusters of some size: HDBSCAN's middle.
//
// Cutting the tree's edges from the longest on splits the rows again and again. A split off of fewer than
// min_cluster_size rows is rows that fall out of a cluster; only a split into two clusters of that size makes new ones
// (Campello et al. 2013; McInnes, Healy 2017, "Accelerated hierarchical density based clustering"). Lambda is 1 over
// the length of the edge that was cut. Equal rows never part: a cluster is not split at length 0, where lambda is that
// of the shortest edge longer than 0.
// Ownership: values. Thread-safety: pure. Cost: rows log rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/spanning_tree.hpp"

namespace asterism {

struct CondensedTree {
  struct Cluster {
    std::uint32_t parent = 0;
    double birth = 0.0;  // lambda at which it split from its parent
    std::size_t size = 0;
  };
  std::vector<Cluster> clusters;           // the first is all rows; parents stand before their children
  std::vector<std::uint32_t> row_cluster;  // [rows]: the cluster that each row falls out of,
  std::vector<double> row_lambda;          // [rows]: and at which lambda

  // For each cluster: the sum over its rows of (lambda at which the row left it - birth).
  std::vector<double> stabilities() const;
  // For each cluster: the largest lambda at which a row or a cluster left it.
  std::vector<double> deaths() const;
};

// `edges`: row_count - 1 that join all rows. min_cluster_size is at least 2.
CondensedTree condensed_tree(std::vector<TreeEdge> edges, std::size_t row_count, std::size_t min_cluster_size);

}  // namespace asterism
