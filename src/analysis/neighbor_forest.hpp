// Cuts rows into groups of near ones: one random tree of planes.
//
// Each plane lies midway between two centres found by a few steps of 2-means over drawn rows, as Annoy has it, so that
// it follows the clusters. Repeatable: planes come from (seed, tree, node), sides from the row alone. Cost: about
// rows x log2(rows / leaf) x dim; memory: rows x 8 bytes. The same at any thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/neighbor_space.hpp"

namespace asterism {

class ThreadPool;

struct NeighborTree {
  std::vector<std::uint32_t> order;       // rows, leaf after leaf
  std::vector<std::uint32_t> leaf_begin;  // [leaf_count + 1], into order

  std::size_t leaf_count() const noexcept { return leaf_begin.size() - 1; }
  std::span<const std::uint32_t> leaf(std::size_t index) const noexcept {
    return std::span(order).subspan(leaf_begin[index], leaf_begin[index + 1] - leaf_begin[index]);
  }
};

// Leaves of at most `leaf_size_max` rows (at least 2).
NeighborTree neighbor_tree(const NeighborSpace& space, std::size_t leaf_size_max, std::uint64_t tree, ThreadPool& pool);

}  // namespace asterism
