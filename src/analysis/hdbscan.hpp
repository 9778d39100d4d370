// HDBSCAN: clusters are where rows lie densely, as many as there are; rows between them belong to none.
//
// Campello, Moulavi, Sander 2013; numbers are those of scikit-learn's HDBSCAN, outlier scores (GLOSH) those of the
// hdbscan package. Distances are Euclidean: give rows of unit length where the cosine counts. Works best in few
// dimensions: reduce many first.
// Ownership: values. Thread-safety: pure. Repeatable: the same rows and options give the same bytes at any thread
// count. Cost: spanning_tree_of_boxes.hpp up to 10 dimensions, else neighbor_graph.hpp and spanning_tree.hpp. Parity:
// tests/unit/analysis against recorded values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

struct HdbscanOptions {
  std::size_t min_cluster_size = 5;  // at least 2
  // Rows, itself included, that a row must have near it to count as dense: more make smoother clusters and more rows
  // that belong to none. 0 = min_cluster_size.
  std::size_t min_samples = 0;
  // Excess of mass: the most stable clusters at any level. Leaf: the smallest that do not split any more.
  enum class Selection : std::uint8_t { kExcessOfMass, kLeaf } selection = Selection::kExcessOfMass;
  // Clusters that split below this distance are kept whole (Malzer, Baum 2020).
  double epsilon = 0.0;
  bool allow_single_cluster = false;
  // kAuto: exact up to 10 dimensions or some 20,000 rows of more, then over the neighbour graph.
  enum class Tree : std::uint8_t { kAuto, kExact, kGraph } tree = Tree::kAuto;
};

struct Hdbscan {
  std::size_t cluster_count = 0;
  std::vector<std::int32_t> labels;    // [rows], -1 = in no cluster
  std::vector<double> probabilities;   // [rows]: how firmly a row belongs to its cluster, 0 to 1
  std::vector<double> outlier_scores;  // [rows]: 0 = in the midst of its cluster, 1 = far outside (GLOSH)
  bool exact = true;                   // whether the spanning tree was
};

// kInvalidArgument for min_cluster_size below 2, min_samples above the rows, no rows, or a value that is not finite.
Result<Hdbscan> hdbscan(const RowsView& rows, const HdbscanOptions& options, const AnalysisRun& run);

}  // namespace asterism
