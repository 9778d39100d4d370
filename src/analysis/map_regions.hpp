// Regions of a map: where its points lie close together, from coarse to fine.
//
// A grid of counts is smoothed; every cell belongs to the peak that one reaches by always stepping to the fullest
// neighbour (a watershed without markers). Each level halves the cells' edges. Repeatable: no random numbers.
// Ownership: values. Thread-safety: pure function. Cost: rows x levels, and the cells. Memory: 8 bytes a row and level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Of a row that is in no region.
inline constexpr std::uint32_t kNoRegion = std::numeric_limits<std::uint32_t>::max();

struct MapRegion {
  std::vector<float> center;  // [dim]: the mean of its fullest cell's rows
  std::uint64_t row_count = 0;
};

struct MapLevel {
  std::size_t edge_cell_count = 0;  // cells along the longest edge of the map
  std::vector<MapRegion> regions;   // the largest first
  std::vector<std::uint32_t> region_of;  // [row_count], into regions, or kNoRegion
};

struct MapRegionOptions {
  std::size_t level_count = 4;
  // Regions of fewer rows are none; 0 = one in two hundred of the rows at the coarsest level, half of that at each
  // finer one, at least 4.
  std::size_t row_count_min = 0;
};

// Of points in 2 or 3 dimensions; rows with a value that is not finite are in no region. kInvalidArgument for another
// dim.
Result<std::vector<MapLevel>> map_regions(const RowsView& points, const MapRegionOptions& options = {});

}  // namespace asterism
