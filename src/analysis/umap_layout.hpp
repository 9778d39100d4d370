// Lays out a fuzzy graph: neighbours pull each other together, places drawn at random push apart.
//
// Stochastic gradient descent over edges with the schedule of umap-learn 0.5.9 (epochs per sample, negative samples,
// falling rate). umap-learn lets threads overwrite each other; here an epoch goes through the rows in blocks: the rows
// of a block move at once, each by its own edges in order and from the places before the block, so that nothing depends
// on threads. With densMAP's term every edge moves both its ends at once instead (umap_pair_moves.hpp). Repeatable: the
// same graph, start and seed give the same bytes at any thread count. Cost: an epoch is about sum(weights) x (2 +
// negatives) moves. Memory: the graph again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/sparse_graph.hpp"
#include "analysis/umap_curve.hpp"
#include "analysis/umap_density.hpp"
#include "asterism/error.hpp"

namespace asterism {

struct UmapLayoutOptions {
  std::size_t dim = 2;
  std::size_t epoch_count = 500;
  UmapCurve curve;
  double learning_rate = 1.0;
  double repulsion_strength = 1.0;
  std::size_t negative_sample_count = 5;
  std::uint64_t seed = 0;
  std::span<const float> step_shares = {};  // [row_count]: step_shares() of start_places.hpp; or none: all of each step
  UmapDensityOptions density = {};
  std::span<const double> radii = {};  // [row_count]: local_radii() of due_edges(), where density has a weight
};

// Moves `places` [row_count, dim] of a symmetric graph. kCancelled.
Result<void> lay_out_umap(const SparseGraph& graph, const UmapLayoutOptions& options, std::span<float> places,
                          const AnalysisRun& run);

// Moves the places of new rows [row_count, dim] among `fitted` [fitted_count, dim], which stay where they are. Edges
// lead from new rows to fitted ones. Each row's place depends on its own edges alone.
Result<void> lay_out_umap_queries(const SparseGraph& graph, const UmapLayoutOptions& options,
                                  std::span<const float> fitted, std::span<float> places, const AnalysisRun& run);

}  // namespace asterism
