// Nearest neighbours by comparing every row with every row, as blocked matrix products.
//
// Source of the scheme: |a - b|^2 = a.a + b.b - 2 a.b. Cost: queries x rows x dim products at the speed of the float
// kernel; memory beside the rows is bounded. The same bits at any thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "analysis/estimator.hpp"
#include "analysis/neighbor_lists.hpp"
#include "analysis/neighbor_space.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Offers every row to every query by its key. `skips_itself`: queries are the rows, and row i is not offered to i.
Result<void> scan_neighbors(const NeighborSpace& queries, const NeighborSpace& rows, bool skips_itself,
                            NeighborLists& lists, const AnalysisRun& run);

// The same among a few rows of `space` only: `members` [count], each offered to each other.
class MemberScan {
 public:
  void operator()(const NeighborSpace& space, std::span<const std::uint32_t> members, NeighborLists& lists);

 private:
  std::vector<float> gathered_;  // [members, dim]
  std::vector<float> products_;
};

}  // namespace asterism
