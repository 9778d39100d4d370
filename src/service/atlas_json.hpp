// An atlas as its page is told of it: the manifest, and arrays as little-endian bytes. The same for the server's routes
// and for exported folders; docs/server-atlas.md has the words. Thread-safety: pure but for the files of projections.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "service/atlas.hpp"
#include "service/atlas_search.hpp"

namespace asterism::service {

struct ManifestFacts {
  bool stale = false;          // the collection was written to since
  bool writable = false;       // new collections can be made
  bool searches_text = false;  // the collection's model takes texts, or pictures
  bool searches_images = false;
  std::vector<std::string> versions = {};  // of the collection, the oldest first
};
Json atlas_manifest(const Atlas& atlas, const ManifestFacts& facts);

template <typename T>
std::string array_bytes(const std::vector<T>& values) {
  std::string out(values.size() * sizeof(T), '\0');
  if (!values.empty()) {
    std::memcpy(out.data(), values.data(), out.size());
  }
  return out;
}
// Of categories uint16, of numbers and dates float64, [row_count]; kUnsupported for a text column.
Result<std::string> column_bytes(const AtlasColumn& column);

// uint32 [rows + 1], where each id begins in the bytes that follow, then all ids one after the other. Bytes that are no
// UTF-8 stay as they are. kLimitExceeded where they are 4 GiB and more.
Result<std::string> id_bytes(const RowIds& ids);

// {"steps": [{"projection", "version", "label", "row_count"}]}
Json series_json(std::span<const ProjectionSummary> steps);

// What is near a row in the vectors, and what is on the map.
struct MapNeighbors {
  std::vector<ScoredRow> original;
  struct OnMap {
    std::uint32_t row = 0;
    float distance = 0.0F;
    std::uint32_t rank = 0;  // among the original neighbours, from 1; 0 = not among the first kRankCountMax
  };
  std::vector<OnMap> map;
};
// Original neighbours that are looked at to tell true neighbours on the map from false ones.
inline constexpr std::size_t kRankCountMax = 100;
// `map` may be null: then only the original ones. A neighbour on the map is false where it is not among the first
// max(k, kRankCountMax) of the original.
Result<MapNeighbors> map_neighbors(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
                                   std::uint32_t row, std::size_t k);
Json neighbors_json(std::uint32_t row, const MapNeighbors& neighbors, bool with_map);

// {"results": [{"row", "score"}], "took_ms"}
Json results_json(std::span<const ScoredRow> rows, double took_ms);

}  // namespace asterism::service
