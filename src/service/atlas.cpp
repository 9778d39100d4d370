#include "service/atlas.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "service/atlas_labels.hpp"
#include "service/distortion_file.hpp"

namespace asterism::service {
namespace {

std::vector<std::string> names_of(const std::vector<ProjectionSummary>& summaries) {
  std::vector<std::string> out;
  std::ranges::transform(summaries, std::back_inserter(out), &ProjectionSummary::name);
  return out;
}

}  // namespace

Atlas::Atlas(Key /*key*/, AtlasSource source, AtlasSnapshot snapshot)
    : source_(std::move(source)), snapshot_(std::move(snapshot)) {}

Result<std::shared_ptr<Atlas>> Atlas::open(const Collection& collection, AtlasSource source,
                                           const std::optional<MapRequest>& request, const AnalysisRun& run) {
  auto snapshot = read_atlas_snapshot(collection, source.name, source.version, run);
  if (!snapshot) {
    return std::unexpected(std::move(snapshot.error()));
  }
  auto atlas = std::make_shared<Atlas>(Key{}, std::move(source), *std::move(snapshot));
  const std::vector<ProjectionSummary> kept = atlas->maps();
  const auto fits = [&](const ProjectionSummary& summary) {
    if (!atlas->source_.first_map.empty()) {
      return summary.name == atlas->source_.first_map;
    }
    const bool is_current = !is_stale(summary, atlas->snapshot_);
    return request ? summary.method == request->method && summary.dim == request->dim && is_current : is_current;
  };
  auto wanted = std::ranges::find_if(kept, fits);
  if (wanted == kept.end() && !request && atlas->source_.first_map.empty()) {
    // Older than the items, but no step of another state.
    wanted = std::ranges::find_if(kept, [](const ProjectionSummary& summary) { return !is_step(summary); });
  }
  if (wanted != kept.end()) {
    atlas->first_map_ = wanted->name;
    return atlas;
  }
  if (!atlas->source_.first_map.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("projection: there is no \"{}\" in 2 or 3 dimensions{}{}", atlas->source_.first_map,
                            kept.empty() ? "" : "; there are: ", fmt::join(names_of(kept), ", ")),
                "`asterism reduce` makes projections");
  }
  auto map = compute_map(collection, atlas->snapshot_, request.value_or(MapRequest{}), run);
  if (!map) {
    return std::unexpected(std::move(map.error()));
  }
  atlas->first_map_ = map->summary.name;
  // A folder that may only be read, or that is full, is no reason not to show the map.
  const bool written =
      atlas->source_.keeps_maps && keep_map(atlas->source_.location, atlas->snapshot_, *map).has_value();
  const std::string name = map->summary.name;
  atlas->add(name, *std::move(map), written);
  return atlas;
}

Result<bool> Atlas::is_current(const Collection& collection) const {
  const auto status = collection.status();
  return status ? Result<bool>(status->version_number == snapshot_.version_number) : std::unexpected(status.error());
}

std::vector<ProjectionSummary> Atlas::maps() const {
  std::vector<ProjectionSummary> out = list_maps(source_.location);
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, open] : open_) {
      if (!open.kept) {
        std::erase_if(out, [&](const ProjectionSummary& summary) { return summary.name == name; });
        out.push_back(open.map->summary);
      }
    }
  }
  std::ranges::sort(out, {}, &ProjectionSummary::name);
  const auto first = std::ranges::find(out, first_map_, &ProjectionSummary::name);
  if (first != out.end()) {
    std::rotate(out.begin(), first, std::next(first));
  }
  return out;
}

std::shared_ptr<const AtlasMap> Atlas::add(std::string_view name, AtlasMap map, bool kept) {
  const std::scoped_lock lock(mutex_);
  OpenMap& place = open_[std::string(name)];
  if (!place.map) {
    place.map = std::make_shared<const AtlasMap>(std::move(map));
    place.kept = kept;
  }
  place.use = ++use_count_;
  const auto out = place.map;
  while (open_.size() > kOpenMapCountMax) {
    auto oldest = open_.end();
    for (auto entry = open_.begin(); entry != open_.end(); ++entry) {
      if (entry->second.kept && (oldest == open_.end() || entry->second.use < oldest->second.use)) {
        oldest = entry;
      }
    }
    if (oldest == open_.end()) {
      break;
    }
    open_.erase(oldest);
  }
  return out;
}

template <typename T>
std::shared_ptr<const T> Atlas::find(std::string_view name, std::shared_ptr<const T> OpenMap::*part) const {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(name);
  if (found == open_.end()) {
    return nullptr;
  }
  found->second.use = ++use_count_;
  return found->second.*part;
}

Result<std::shared_ptr<const AtlasMap>> Atlas::map(std::string_view name) {
  if (auto open = find(name, &OpenMap::map)) {
    return open;
  }
  auto read = read_map(source_.location, name, snapshot_);
  return read ? Result<std::shared_ptr<const AtlasMap>>(add(name, *std::move(read), true))
              : std::unexpected(std::move(read.error()));
}

std::shared_ptr<const MapDistortion> Atlas::find_distortion(std::string_view name) const {
  return find(name, &OpenMap::distortion);
}

std::shared_ptr<const Json> Atlas::find_labels(std::string_view name) const {
  return find(name, &OpenMap::labels);
}

Result<std::shared_ptr<const MapDistortion>> Atlas::distortion(const Collection& collection, std::string_view name,
                                                               const AnalysisRun& run) {
  const auto of = map(name);
  if (!of) {
    return std::unexpected(of.error());
  }
  const std::scoped_lock working(work_mutex_);
  if (auto known = find_distortion(name)) {
    return known;
  }
  auto measured = read_distortion(source_.location, snapshot_, **of);
  if (!measured) {
    measured = measure_distortion(collection, snapshot_, **of, run);
    // A folder that may only be read is no reason not to show it.
    if (measured && source_.keeps_maps) {
      (void)keep_distortion(source_.location, snapshot_, **of, *measured);
    }
  }
  if (!measured) {
    return std::unexpected(std::move(measured.error()));
  }
  auto out = std::make_shared<const MapDistortion>(*std::move(measured));
  const std::scoped_lock lock(mutex_);
  if (const auto place = open_.find(name); place != open_.end()) {
    place->second.distortion = out;
  }
  return out;
}

Result<std::shared_ptr<const Json>> Atlas::labels(const Collection& collection, std::string_view name,
                                                  const AnalysisRun& run) {
  const auto of = map(name);
  if (!of) {
    return std::unexpected(of.error());
  }
  const std::scoped_lock working(work_mutex_);
  if (auto known = find_labels(name)) {
    return known;
  }
  auto named = map_labels(collection, snapshot_, **of, run);
  if (!named) {
    return std::unexpected(std::move(named.error()));
  }
  auto out = std::make_shared<const Json>(*std::move(named));
  const std::scoped_lock lock(mutex_);
  if (const auto place = open_.find(name); place != open_.end()) {
    place->second.labels = out;
  }
  return out;
}

}  // namespace asterism::service
