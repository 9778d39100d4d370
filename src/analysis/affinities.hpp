// How much each row takes its neighbours for neighbours: the P of t-SNE (van der Maaten and Hinton 2008).
//
// Ownership: values. Thread-safety: pure functions over a pool; repeatable at any thread count. Cost: a few passes over
// the neighbours, some ten exponentials each. Memory: 8 bytes a neighbour given, and about 12 a pair made.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analysis/neighbor_graph.hpp"
#include "analysis/sparse_graph.hpp"

namespace asterism {

class ThreadPool;

// Gaussian weights of the squared distances [neighbor_count], as wide as makes the perplexity of the row (2 to the
// power of its entropy in bits) the one asked for; they sum up to 1. Where no width does (more equal nearest neighbours
// than the perplexity) the nearest share alike. Widths are found to 1e-10 of the entropy.
void gaussian_weights(std::span<const float> distances, double perplexity, std::span<double> weights);

// [row_count, neighbor_count], each row summing up to 1, in the order of the graph's neighbours.
std::vector<float> conditional_affinities(const NeighborGraph& graph, double perplexity, ThreadPool& pool);

// (P + its transpose), all summing up to 1.
SparseGraph joint_affinities(const NeighborGraph& graph, std::span<const float> conditional, ThreadPool& pool);

}  // namespace asterism
