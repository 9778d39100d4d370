// Names of the regions of a map: words of their texts, or their most typical pictures.
//
// Regions are those of analysis/map_regions.hpp. Ownership: values. Thread-safety: any thread. Cost: one pass over the
// texts of the collection; of many rows a sample of kLabelTextCountMax, evenly spaced, is read. Memory: those texts.
#pragma once

#include <cstddef>

#include "analysis/estimator.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "service/atlas_map.hpp"
#include "service/atlas_snapshot.hpp"

namespace asterism::service {

inline constexpr std::size_t kLabelTextCountMax = 50'000;
// Of one text, its beginning.
inline constexpr std::size_t kLabelTextSizeBytesMax = 2000;
inline constexpr std::size_t kLabelWordCount = 3;
inline constexpr std::size_t kTypicalRowCount = 3;

// {"levels": [{"zoom", "labels": [{"x", "y", "z" in 3 dimensions, "text", "rows", "count"}]}]}, coarse to fine: from
// `zoom` times the whole map on its labels fit; of texts `text` is "football, goal, team", of pictures `rows` are the
// rows nearest to the middle. Collections of vectors alone have counts only.
Result<Json> map_labels(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap& map,
                        const AnalysisRun& run);

}  // namespace asterism::service
