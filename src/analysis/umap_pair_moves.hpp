// The moves of a UMAP with densMAP's term: every due edge moves both its ends at once, one edge after the other.
//
// umap-learn's optimize_layout_euclidean with move_other, in the rounds of edge_rounds.hpp instead of row by row. The
// term's gradients are large and clipped: where a row takes both pulls of an edge one after the other, as in maps
// without the term, the map keeps less of densities and neighbours (docs/decisions/0212). Places that push are seen as
// they were before the epoch. Ownership: borrows what it is made of. Thread-safety: one move() at a time. Repeatable:
// the same bytes at any thread count. Cost: an epoch is about sum(weights) x (1 + negatives) moves, and a wait for all
// threads after each round that is longer than a chunk. Memory: 16 bytes an edge, and the places again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/edge_rounds.hpp"
#include "analysis/sparse_graph.hpp"
#include "analysis/umap_density.hpp"
#include "analysis/umap_layout.hpp"
#include "base/counter_random.hpp"

namespace asterism {

class ThreadPool;

class UmapPairMoves {
 public:
  // `due`: due_edges() of the graph that is laid out.
  UmapPairMoves(const SparseGraph& due, const UmapLayoutOptions& options, const UmapDensity& density);

  // `places`: [row_count, dim], by which `density` was measured where it is due in `epoch`.
  void move(std::size_t epoch, std::span<float> places, ThreadPool& pool);

 private:
  struct Group;

  void move_edges(std::size_t begin, std::size_t end, std::size_t epoch, std::span<float> places) const;
  void move_group(Group& group, std::size_t epoch, std::span<float> places) const;
  float share_of(std::uint32_t row) const noexcept {
    return options_.step_shares.empty() ? 1.0F : options_.step_shares[row];
  }

  const UmapLayoutOptions& options_;
  const UmapDensity& density_;
  EdgeRounds rounds_;
  std::vector<std::uint32_t> rates_;  // [edge_count]: umap_schedule.hpp
  CounterRandom random_;
  std::vector<float> seen_;  // places before the epoch
};

}  // namespace asterism
