// Rows that lie apart from the others: the local outlier factor, and the distance to the neighbours.
//
// Thread-safety: pure functions. Cost: one pass over the graph. Parity: tests/unit/analysis against recorded
// scikit-learn values.
#pragma once

#include <vector>

#include "analysis/neighbor_graph.hpp"

namespace asterism {

// Breunig, Kriegel, Ng, Sander 2000, as scikit-learn's LocalOutlierFactor with the graph's neighbours: about 1 where a
// row lies as densely as its neighbours do, larger where they lie more densely than it. [rows]
std::vector<double> local_outlier_factors(const NeighborGraph& graph);

// The mean distance of each row to its neighbours. [rows]
std::vector<double> mean_neighbor_distances(const NeighborGraph& graph);

}  // namespace asterism
