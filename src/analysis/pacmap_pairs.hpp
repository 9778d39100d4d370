// The pairs of PaCMAP: near, mid-near and further rows of every row (Wang, Huang, Rudin and Shaposhnik 2021).
//
// Ownership: values. Thread-safety: pure functions over a pool; every draw has an address of its own, so that pairs are
// the same at any thread count. Cost: six distances a mid-near pair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/neighbor_graph.hpp"
#include "analysis/rows_view.hpp"

namespace asterism {

class ThreadPool;

// How many pairs of each kind a row has.
struct PairCounts {
  std::size_t near = 10;
  std::size_t mid = 5;
  std::size_t far = 20;
};

// What `row_count` rows allow of near, near * mid_ratio and near * far_ratio pairs: where they would be as many as the
// rows or more, all become fewer in that proportion (as pacmap 0.9 does), but one near pair stays.
PairCounts pair_counts(std::size_t near, double mid_ratio, double far_ratio, std::size_t row_count) noexcept;

// Neighbours beyond the near ones among which these are chosen.
inline constexpr std::size_t kNearCandidates = 50;

// [row_count, count]: of the graph's neighbours those of least square distance over the widths of both rows, a row's
// width being its mean distance from the fourth to the sixth neighbour.
std::vector<std::uint32_t> near_pairs(const NeighborGraph& graph, std::size_t count, ThreadPool& pool);

// [row_count, count]: each the second nearest of six rows drawn.
std::vector<std::uint32_t> mid_pairs(const RowsView& rows, std::size_t count, std::uint64_t seed, ThreadPool& pool);

// [row_count, count]: rows drawn that are not among the near ones [row_count, near.size() / row_count].
std::vector<std::uint32_t> far_pairs(std::size_t row_count, std::span<const std::uint32_t> near, std::size_t count,
                                     std::uint64_t seed, ThreadPool& pool);

// Both ends of each pair know of it: of row i the other ends [begin[i], begin[i + 1]), its own pairs first.
struct PairLists {
  std::vector<std::size_t> begin;
  std::vector<std::uint32_t> others;

  std::span<const std::uint32_t> of(std::size_t row) const noexcept {
    return std::span(others).subspan(begin[row], begin[row + 1] - begin[row]);
  }
};
PairLists pair_lists(std::size_t row_count, std::span<const std::uint32_t> pairs);

}  // namespace asterism
