// How far the neighbourhoods of a map are those of the vectors: trust and continuity of each row.
//
// Measured by neighborhood_trust() over 15 neighbours; of large collections for a sample of rows, the others are NaN.
// Ownership: values. Thread-safety: any thread. Cost: asked rows x rows x dim products in float; memory three times all
// vectors.
#pragma once

#include <cstddef>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/atlas_map.hpp"
#include "service/atlas_snapshot.hpp"

namespace asterism::service {

inline constexpr std::size_t kDistortionNeighborCount = 15;
// Asked rows x rows: up to 20,000 rows all are asked.
inline constexpr std::size_t kDistortionPairCountMax = 400'000'000;
inline constexpr std::size_t kDistortionSampleCountMin = 500;

struct MapDistortion {
  std::vector<float> values;     // [row_count, 2]: trust, continuity, 1 is best; NaN where not asked
  double trustworthiness = 0.0;  // means over what was asked; NaN where there was nothing to ask
  double continuity = 0.0;
  std::size_t asked_row_count = 0;
  std::size_t neighbor_count = 0;  // fewer than 15 of few rows
};

// What is told by `values` [row_count, 2] alone: the means of both and how many rows were asked.
MapDistortion distortion_of(std::vector<float> values, std::size_t neighbor_count);

// Of fewer than 3 rows with places nothing is asked.
Result<MapDistortion> measure_distortion(const Collection& collection, const AtlasSnapshot& snapshot,
                                         const AtlasMap& map, const AnalysisRun& run);

}  // namespace asterism::service
