// How much each row takes its neighbours for neighbours: the P of t-SNE (van der Maaten and Hinton 2008).
//
// Ownership: values. Thread-safety: pure functions over a pool; repeatable at any thread count. Cost: a few passes over
// the neighbours, some ten exponentials each. Memory: 8 bytes a neighbour given, and about 12 a pair made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/neighbor_graph.hpp"

namespace asterism {

class ThreadPool;

// Gaussian weights of the squared distances [neighbor_count], as wide as makes the perplexity of the row (2 to the power
// of its entropy in bits) the one asked for; they sum up to 1. Where no width does (more equal nearest neighbours than
// the perplexity) the nearest share alike. Widths are found to 1e-10 of the entropy.
void gaussian_weights(std::span<const float> distances, double perplexity, std::span<double> weights);

// [row_count, neighbor_count], each row summing up to 1, in the order of the graph's neighbours.
std::vector<float> conditional_affinities(const NeighborGraph& graph, double perplexity, ThreadPool& pool);

// (P + its transpose), summing up to 1: of row i the neighbours [begin[i], begin[i + 1]) in ascending order.
struct JointAffinities {
  std::vector<std::size_t> begin;
  std::vector<std::uint32_t> neighbors;
  std::vector<float> values;

  std::size_t row_count() const noexcept { return begin.size() - 1; }
  std::span<const std::uint32_t> neighbors_of(std::size_t row) const noexcept {
    return std::span(neighbors).subspan(begin[row], begin[row + 1] - begin[row]);
  }
  std::span<const float> values_of(std::size_t row) const noexcept {
    return std::span(values).subspan(begin[row], begin[row + 1] - begin[row]);
  }
};

JointAffinities joint_affinities(const NeighborGraph& graph, std::span<const float> conditional, ThreadPool& pool);

}  // namespace asterism
