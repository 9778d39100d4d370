// Where the rows of a snapshot are on a map: read from a projection that is kept beside the collection, or computed.
//
// Ownership: values. Thread-safety: pure but for the files. Memory: 4 bytes a row and dimension; computing holds all
// vectors too (rows x dim x 4 bytes) and what the method needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/atlas_snapshot.hpp"
#include "service/projection_file.hpp"

namespace asterism::service {

inline constexpr std::size_t kMapDimMin = 2;
inline constexpr std::size_t kMapDimMax = 3;

struct AtlasMap {
  ProjectionSummary summary;
  std::vector<float> points;  // [snapshot.row_count, summary.dim]; NaN where a row has no place

  RowsView view() const noexcept {
    return {.values = points, .row_count = points.size() / summary.dim, .dim = summary.dim};
  }
};

// Whether the projection was made of another state of the collection than the snapshot's.
bool is_stale(const ProjectionSummary& summary, const AtlasSnapshot& snapshot) noexcept;

// Whether it is one of a series (atlas_series.hpp).
bool is_step(const ProjectionSummary& summary) noexcept;

// Of those beside the collection that can be shown: in 2 or 3 dimensions, and sound.
std::vector<ProjectionSummary> list_maps(std::string_view location);
// Its points by id, in the order of the snapshot. kNotFound, kCorrupt, kUnsupported as read_projection; kUnsupported
// for more than 3 dimensions.
Result<AtlasMap> read_map(std::string_view location, std::string_view name, const AtlasSnapshot& snapshot);

// What a collection gets that has no projection: the first of these that the program has.
std::string_view default_map_method(std::size_t row_count);

struct MapRequest {
  std::string method = {};  // of estimator_methods(); empty = default_map_method()
  std::size_t dim = kMapDimMin;
  std::uint64_t seed = 42;
};
// Of few rows, or vectors shorter than `dim`, what is missing of a place is 0. Errors as fit_estimator().
Result<AtlasMap> compute_map(const Collection& collection, const AtlasSnapshot& snapshot, const MapRequest& request,
                             const AnalysisRun& run);
// The same of read_atlas_vectors(). `initial` [row_count, request.dim]: places to start from, NaN where there is none
// (FitRequest); or none. A method that starts from none leaves them out.
Result<AtlasMap> compute_map(std::vector<float> vectors, const AtlasSnapshot& snapshot, const MapRequest& request,
                             std::span<const float> initial, const AnalysisRun& run);
// Beside the collection, under its name; kUnsupported on a server.
Result<void> keep_map(std::string_view location, const AtlasSnapshot& snapshot, const AtlasMap& map);

}  // namespace asterism::service
