// An atlas as a folder that opens by double click: the page, and its data as scripts, since browsers fetch nothing from
// a disk.
//
//   index.html
//   data/manifest.js, data/points/MAP.js, data/columns/COLUMN.js, data/distortion/MAP.js, data/labels/MAP.js,
//   data/items/N.js (2,000 items each), data/neighbors.js, data/neighbor_scores.js, data/sprites/N.js,
//   data/versions/N/...      the same of each other step of a series (atlas_series.hpp) that goes with it
//   data/map_neighbors/MAP.js (uint32 [rows, 15], 2^32 - 1 for none), data/map_ranks/MAP.js (uint8 of the same: place
//   among the 100 nearest by the vectors, from 1, or 0)
//
// Each script is asterismData(NAME, CONTENT); bytes are base64. A column whose name can not be a file's name has none
// and is a text in the manifest. Thread-safety: one export at a time into one folder. Cost: everything the server would
// work out on asking, for every map, and one search a row. Memory: the largest of the files, and of each map 75 bytes a
// row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "analysis/estimator.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/atlas.hpp"

namespace asterism::service {

inline constexpr std::size_t kExportItemCount = 2000;  // of one file
inline constexpr std::size_t kExportNeighborCount = 15;
inline constexpr std::int64_t kExportSpriteEdge = 64;
// A folder of more is none that a browser opens from a disk.
inline constexpr std::size_t kExportRowCountMax = 1'000'000;

// One reading of a collection, borrowed.
struct ExportedState {
  const Collection* collection = nullptr;
  Atlas* atlas = nullptr;
};

struct AtlasExport {
  std::uint64_t file_count = 0;
  std::uint64_t size_bytes = 0;
};

// The folder appears whole or not at all, in place of an earlier export. kInvalidArgument where there is another folder
// that is not empty, kUnsupported where the program was built without the page, kLimitExceeded, kCancelled.
// The steps of a series stand in the folder each with its own rows, the first of `states` as what is shown first; a map
// that is a step of another version is not written with it.
Result<AtlasExport> export_atlas(std::span<const ExportedState> states, const std::filesystem::path& folder,
                                 const AnalysisRun& run);

// The first of these errors, before anything is worked out.
Result<void> expect_export_place(const std::filesystem::path& folder);

// Whether a column of that name has a file of its own.
bool is_exportable_name(std::string_view name) noexcept;

}  // namespace asterism::service
