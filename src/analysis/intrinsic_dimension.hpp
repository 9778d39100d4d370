// In how many directions rows really vary, seen from the distances to their neighbours.
//
// Of distances, not of 1 - cosine. Rows with a neighbour at distance 0 are left out where that makes a ratio infinite.
// Thread-safety: pure functions. Cost: one pass over the graph, and a sort of the rows.
#pragma once

#include <optional>

#include "analysis/neighbor_graph.hpp"

namespace asterism {

// Facco, d'Errico, Rodriguez, Laio 2017, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
// information": the slope of a line through the origin over log(r2 / r1), the largest tenth of the ratios left out.
// Nothing with fewer than 2 neighbours, or fewer than 10 rows with different neighbours.
std::optional<double> two_neighbor_dimension(const NeighborGraph& graph);

// Levina, Bickel 2004, "Maximum likelihood estimation of intrinsic dimension", the rows' estimates averaged as MacKay
// and Ghahramani (2005) correct it: the inverse of the mean of inverses. Nothing with fewer than 3 neighbours.
std::optional<double> likelihood_dimension(const NeighborGraph& graph);

}  // namespace asterism
