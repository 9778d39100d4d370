// Betters lists of near rows: the neighbours of a row's neighbours are likely its own.
//
// Dong, Moses, Li 2011, "Efficient k-nearest neighbor graph construction for generic similarity measures", as rounds in
// which every row reads the lists of the round before: the same at any thread count. Cost: a round measures up to
// rows x (2 x list)^2 distances, far fewer after the first, as pairs seen before are left out.
#pragma once

#include <cstddef>

#include "analysis/estimator.hpp"
#include "analysis/neighbor_lists.hpp"
#include "analysis/neighbor_space.hpp"
#include "asterism/error.hpp"

namespace asterism {

struct DescentOptions {
  std::size_t fan_out = 16;         // of each row the nearest so many are followed, and so many that have it as such
  std::size_t round_count_max = 4;  // ends before where a round changes less than a thousandth of the lists
};

Result<NeighborLists> descend_neighbors(const NeighborSpace& space, NeighborLists lists, const DescentOptions& options,
                                        const AnalysisRun& run);

}  // namespace asterism
