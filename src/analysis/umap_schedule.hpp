// Which edges of a fuzzy graph are due in which epoch: umap-learn's epochs per sample.
//
// An edge is due the more often the heavier it is, the heaviest in every epoch. Rates are fractions of 2^31, so that a
// due edge is one multiplication away: rate x epoch has just passed a multiple of 2^31. Rows are kept in the order in
// which they are gone through ("slots"), since reading them is most of an epoch's memory traffic.
// Ownership: values. Thread-safety: immutable once made. Cost: 8 bytes an edge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/sparse_graph.hpp"

namespace asterism {

inline constexpr std::uint32_t kDueAlways = 1U << 31U;

// Of an edge with so large a share of the heaviest one's weight, in [0, 1].
inline std::uint32_t due_rate(double share) noexcept {
  return static_cast<std::uint32_t>(share * static_cast<double>(kDueAlways));
}

inline bool is_due(std::uint32_t rate, std::uint32_t epoch) noexcept {
  return ((rate * epoch) & (kDueAlways - 1)) < rate;
}

class UmapSchedule {
 public:
  // What rates are shares of: the heaviest edge of all, or of each row where rows shall not depend on each other.
  enum class Heaviest : std::uint8_t { kOfAll, kOfRow };

  // Rows in the order of `order`. Edges that would not be due once are dropped, as in umap-learn.
  UmapSchedule(const SparseGraph& graph, std::vector<std::uint32_t> order, std::size_t epoch_count, Heaviest heaviest);

  std::size_t slot_count() const noexcept { return rows_.size(); }
  std::uint32_t row(std::size_t slot) const noexcept { return rows_[slot]; }
  std::size_t degree_max() const noexcept { return degree_max_; }
  // Edges of a slot are numbered from here on.
  std::size_t begin(std::size_t slot) const noexcept { return begin_[slot]; }
  std::uint32_t neighbor(std::size_t edge) const noexcept { return neighbors_[edge]; }

  // Writes the edges of a slot that are due to `due` [degree_max + 1]; how many.
  std::size_t due_edges(std::size_t slot, std::uint32_t epoch, std::span<std::size_t> due) const noexcept {
    std::size_t count = 0;
    for (std::size_t e = begin_[slot]; e < begin_[slot + 1]; ++e) {
      due[count] = e;  // without a branch, which the processor could not foresee
      count += is_due(rates_[e], epoch) ? 1U : 0U;
    }
    return count;
  }

 private:
  std::vector<std::uint32_t> rows_;    // [slot_count]
  std::vector<std::size_t> begin_{0};  // [slot_count + 1]
  std::vector<std::uint32_t> neighbors_;
  std::vector<std::uint32_t> rates_;
  std::size_t degree_max_ = 0;
};

}  // namespace asterism
