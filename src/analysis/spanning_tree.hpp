// The minimum spanning tree of rows under mutual reachability: what HDBSCAN makes its hierarchy of.
//
// Two rows are as far apart as their distance, but at least as far as each is from its min_samples-th row (its core
// distance): Campello, Moulavi, Sander 2013, "Density-based clustering based on hierarchical density estimates".
// Thread-safety: runs on the threads of its pool; the result is the same at any thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

struct TreeEdge {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  double length = 0.0;
};

// Exact, by Prim's algorithm (1957): row_count - 1 edges. `core_distances` [rows]. kCancelled. Cost: rows^2 / 2 x dim;
// memory: a copy of the rows.
Result<std::vector<TreeEdge>> spanning_tree(const RowsView& rows, std::span<const double> core_distances,
                                            const AnalysisRun& run);

// An approximation for many rows, by Kruskal's algorithm (1956) over the neighbour graph's edges and the shortest ways
// between a few rows of each region. Regions are what hangs together by neighbours of each other: over these ways two
// of them meet before a row that lies far from both, but has neighbours in both, can join them. Trees that are still
// apart are joined likewise. Edges within a dense region are those of the exact tree as far as its neighbours were
// found; edges between regions may be longer than the shortest. Cost: that of sorting rows x neighbours edges.
Result<std::vector<TreeEdge>> spanning_tree_of_graph(const RowsView& rows, std::span<const double> core_distances,
                                                     const NeighborGraph& graph, const AnalysisRun& run);

}  // namespace asterism
