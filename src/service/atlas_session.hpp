// Use cases of `asterism atlas`: make sure that a collection has a map, write it out as a folder, and make a collection
// of vectors that are none, for as long as they are looked at.
//
// Thread-safety: any thread. Costs: those of the parts (atlas.hpp, atlas_export.hpp, collection_add.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "service/atlas_export.hpp"
#include "service/atlas_map.hpp"
#include "service/atlas_series.hpp"

namespace asterism::service {

struct AtlasRequest {
  std::string location;  // of the collection: a folder. kUnsupported for a server
  std::string version = {};
  std::optional<MapRequest> map = {};  // of which there shall be one; none = any
  std::string projection = {};         // to be shown first; kNotFound where there is none of that name
  // First its named versions are laid out as a series (atlas_series.hpp; location and map are taken from here), and the
  // last step is shown first.
  std::optional<SeriesRequest> series = {};
  std::size_t thread_count = 0;
  const CancelFlag* cancel = nullptr;  // borrowed; may be null
  ProgressSink on_progress = {};
};

struct AtlasState {
  std::string name;  // of the collection, as addresses have it
  std::size_t row_count = 0;
  std::string projection;              // shown first
  std::string model = {};              // of the collection
  std::size_t unplaced_row_count = 0;  // rows without a place on it: added since it was made
  std::string version = {};            // that is shown; empty = what is there now
  std::vector<SeriesStep> steps = {};  // of the series that was laid out
};
// Computes and keeps a map where one is missing.
Result<AtlasState> prepare_atlas(const AtlasRequest& request);

struct AtlasExportResponse {
  AtlasState state;
  AtlasExport written;
};
Result<AtlasExportResponse> write_atlas(const AtlasRequest& request, const std::string& folder);

// The last part of a path as a collection's name on a server: other characters than letters, digits, '_' and '-' become
// '-'.
std::string served_name(std::string_view location);

struct LooseVectors {
  std::string vectors = {};    // a .npy file [rows, dim], or
  std::string projector = {};  // TensorBoard's projector_config.json
  RowSourceOptions rows = {};  // beside `vectors`: a text or picture with metadata for each; may be empty
  Metric metric = Metric::kCosine;
  std::string model = {};  // that made the vectors, so that texts can be searched; empty = none
  const CancelFlag* cancel = nullptr;
  ProgressSink on_progress = {};
};
// As a new collection at `location`. Returns how many items it has.
Result<std::uint64_t> collect_vectors(const LooseVectors& loose, const std::string& location);

}  // namespace asterism::service
