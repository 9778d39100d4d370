// How surely two rows are neighbours: the weighted graph that UMAP lays out.
//
// McInnes, Healy, Melville 2018, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", section
// 3.1, as umap-learn 0.5.9 computes it (smooth_knn_dist, compute_membership_strengths, fuzzy_simplicial_set). Counts of
// neighbours are umap-learn's: the row itself is one of them, at distance 0.
// Ownership: values. Thread-safety: pure functions. Cost: 64 passes over the distances. Parity: tests/golden/umap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/neighbor_graph.hpp"
#include "analysis/sparse_graph.hpp"

namespace asterism {

class ThreadPool;

// Per row: rho, the distance that counts as none, and sigma, the scale of what is beyond.
struct SmoothDistances {
  std::vector<float> rho;    // [row_count]
  std::vector<float> sigma;  // [row_count]
};

// Of rows with the neighbours of `graph` and themselves: sigma solves sum exp(-(d - rho) / sigma) =
// log2(neighbor_count + 1). `local_connectivity`: to so many neighbours a row is joined for sure; may be a fraction.
SmoothDistances smooth_distances(const NeighborGraph& graph, double local_connectivity, ThreadPool& pool);

// Of rows that are none of those they are near to: one certain neighbour less, as umap-learn's transform has it.
// `fitted_mean`: mean_distance() of the fitted rows, from which sigma has its floor.
SmoothDistances smooth_query_distances(const NeighborGraph& graph, double local_connectivity, double fitted_mean,
                                       ThreadPool& pool);

// Mean over all distances, those of rows to themselves (0) included.
double mean_distance(const NeighborGraph& graph);

// Directed: from each row to its neighbours, 1 up to rho and falling beyond. No edges of weight 0.
SparseGraph memberships(const NeighborGraph& graph, const SmoothDistances& smooth);

// Both directions in one: mix * (a + b - a b) + (1 - mix) * a b. Symmetric.
SparseGraph fuzzy_union(const SparseGraph& directed, double set_op_mix_ratio);

// Labels of rows; kNoLabel (-1): not known.
// Weakens edges between rows of different labels by exp(-far), and those of unknown ones by exp(-1); far grows with
// `target_weight` in [0, 1]: 1 keeps classes wholly apart. The result is again connected locally and symmetric.
SparseGraph with_labels(const SparseGraph& graph, std::span<const std::int32_t> labels, double target_weight);

// Numbers of rows, NaN where not known: to each row its `neighbor_count` nearest by that number, from each row to them.
// Equal numbers in row order; rows without a number have no edges. Cost: a sort.
SparseGraph target_memberships(std::span<const float> targets, std::size_t neighbor_count, ThreadPool& pool);

// The edges of both, as umap-learn's general_simplicial_set_intersection weighs them by `target_weight` in [0, 1] (1:
// the targets' alone), again connected locally and symmetric.
SparseGraph with_targets(const SparseGraph& graph, const SparseGraph& targets, double target_weight);

}  // namespace asterism
