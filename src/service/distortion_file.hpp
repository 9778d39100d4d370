// What was measured of a map, kept beside it: LOCATION/projections/NAME.distortion.
//
// A safetensors file: `values` f32 [rows, 2] in the order of the snapshot. Metadata: `format` = "asterism.distortion",
// `format_version` = "1", `snapshot` (AtlasSnapshot::name: the version of the collection and a checksum of its ids),
// `points` (CRC-32C of the places, hex), `neighbor_count`, and the limits it was measured under, `neighbor_count_max`
// and `pair_count_max`. It is of use for that snapshot, those places and those limits alone.
// A file appears whole or not at all. The reader trusts nothing. Ownership: values. Thread-safety: any thread; of two
// that write the same name the last stays.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "asterism/error.hpp"
#include "service/atlas_distortion.hpp"
#include "service/atlas_map.hpp"
#include "service/atlas_snapshot.hpp"

namespace asterism::service {

// kNotFound where none was kept; kMismatch where it is of another snapshot or of other places, or was measured
// otherwise; kCorrupt (a lying file).
Result<MapDistortion> read_distortion(std::string_view location, const AtlasSnapshot& snapshot, const AtlasMap& map);

// Beside the map of that name; replaces what was there. kUnsupported on a server.
Result<void> keep_distortion(std::string_view location, const AtlasSnapshot& snapshot, const AtlasMap& map,
                             const MapDistortion& distortion);

// Of bytes in memory. `source` names them in errors.
Result<MapDistortion> parse_distortion(std::span<const std::byte> bytes, const AtlasSnapshot& snapshot,
                                       const AtlasMap& map, std::string_view source);

}  // namespace asterism::service
