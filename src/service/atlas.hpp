// An atlas: one snapshot of a collection and the maps of it, with what is worked out about each when it is first asked.
//
// Ownership: values; the collection is given to whatever needs it, so that an atlas that is held does not keep one open
// that shall go. Thread-safety: any thread; what takes long (compute_map, measure_distortion, regions
// and their names) runs once, and whoever asks for the same meanwhile waits. The find_ functions never compute. Memory:
// the snapshot (atlas_snapshot.hpp), 4 bytes a row and dimension for each map that was asked, 8 bytes a row for its
// distortion; at most kOpenMapCountMax maps are held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "service/atlas_distortion.hpp"
#include "service/atlas_map.hpp"
#include "service/atlas_snapshot.hpp"

namespace asterism::service {

inline constexpr std::size_t kOpenMapCountMax = 16;

struct AtlasSource {
  std::string name;            // as it is shown
  std::string location;        // where projections are kept beside it
  std::string version = {};    // the named version that the collection was opened at
  std::string first_map = {};  // shown first; empty = the first that fits
  bool keeps_maps = true;      // false: what is computed or measured is held in memory only
};

class Atlas {
  // Only open() makes them.
  struct Key {};

 public:
  Atlas(Key key, AtlasSource source, AtlasSnapshot snapshot);
  // Reads the snapshot. Where there is no map, or none by the method of `request` of this very state, one is computed
  // (and kept). kNotFound where there is no `first_map`.
  static Result<std::shared_ptr<Atlas>> open(const Collection& collection, AtlasSource source,
                                             const std::optional<MapRequest>& request, const AnalysisRun& run);

  const AtlasSnapshot& snapshot() const noexcept { return snapshot_; }
  // False once the collection was written to since.
  Result<bool> is_current(const Collection& collection) const;

  // Of all there are now, beside the collection and in memory, by name; the one that is shown first comes first.
  std::vector<ProjectionSummary> maps() const;
  Result<std::shared_ptr<const AtlasMap>> map(std::string_view name);
  // What was measured before is read (distortion_file.hpp), where it is of this snapshot.
  Result<std::shared_ptr<const MapDistortion>> distortion(const Collection& collection, std::string_view name,
                                                          const AnalysisRun& run);
  // {"levels": [...]}, see atlas_labels.hpp
  Result<std::shared_ptr<const Json>> labels(const Collection& collection, std::string_view name,
                                             const AnalysisRun& run);

  // Null where it was not worked out yet.
  std::shared_ptr<const MapDistortion> find_distortion(std::string_view name) const;
  std::shared_ptr<const Json> find_labels(std::string_view name) const;

 private:
  struct OpenMap {
    std::shared_ptr<const AtlasMap> map;
    std::shared_ptr<const MapDistortion> distortion;
    std::shared_ptr<const Json> labels;
    bool kept = false;  // beside the collection: may be forgotten
    std::uint64_t use = 0;
  };

  std::shared_ptr<const AtlasMap> add(std::string_view name, AtlasMap map, bool kept);
  // What of an open map; null where it is not open.
  template <typename T>
  std::shared_ptr<const T> find(std::string_view name, std::shared_ptr<const T> OpenMap::*part) const;

  const AtlasSource source_;
  const AtlasSnapshot snapshot_;
  std::string first_map_;     // set before others see this
  std::mutex work_mutex_;     // held while something is worked out
  mutable std::mutex mutex_;  // guards what follows
  mutable std::map<std::string, OpenMap, std::less<>> open_;
  mutable std::uint64_t use_count_ = 0;
};

}  // namespace asterism::service
