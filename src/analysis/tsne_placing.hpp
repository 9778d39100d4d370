// New rows among those that t-SNE has placed, each alone (Poličar, Stražar and Zupan 2023; openTSNE's transform).
//
// Thread-safety: pure over its inputs, in parallel over the rows. Cost: 250 pushes a row.
#pragma once

#include <cstddef>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/push_field.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Nearest fitted rows of which a new one starts in the middle (median).
inline constexpr std::size_t kPlacingNeighbors = 25;

// [graph.row_count, places.dim] of rows whose nearest among the placed rows are `graph`; `push` is that of `places`.
Result<std::vector<float>> place_rows(const NeighborGraph& graph, const PlacesView& places, const PushField& push,
                                      const AnalysisRun& run);

}  // namespace asterism
