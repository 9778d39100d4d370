#include "service/atlas_labels.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "analysis/map_regions.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kLevelCount = 4;
constexpr std::string_view kAxes = "xyz";

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum += difference * difference;
  }
  return sum;
}

// Of each region its rows nearest to the middle, nearest first.
std::vector<std::vector<std::uint32_t>> typical_rows(const RowsView& points, const MapLevel& level) {
  struct Candidate {
    double distance = 0.0;
    std::uint32_t row = 0;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<std::vector<Candidate>> nearest(level.regions.size());
  for (std::uint32_t row = 0; row < points.row_count; ++row) {
    const std::uint32_t region = level.region_of[row];
    if (region == kNoRegion) {
      continue;
    }
    std::vector<Candidate>& found = nearest[region];
    found.push_back({.distance = squared_distance(points.row(row), level.regions[region].center), .row = row});
    std::ranges::sort(found);
    found.resize(std::min(found.size(), kTypicalRowCount));
  }
  std::vector<std::vector<std::uint32_t>> out;
  for (const auto& found : nearest) {
    auto& rows = out.emplace_back();
    std::ranges::transform(found, std::back_inserter(rows), &Candidate::row);
  }
  return out;
}

Json label_json(const MapRegion& region) {
  Json out = Json::object();
  for (std::size_t d = 0; d < region.center.size(); ++d) {
    out[std::string(1, kAxes[d])] = region.center[d];
  }
  out["count"] = region.row_count;
  return out;
}

}  // namespace

Result<Json> map_labels(const Collection& /*collection*/, const AtlasSnapshot& snapshot, const AtlasMap& map,
                        const AnalysisRun& /*run*/) {
  const auto levels = map_regions(map.view(), {.level_count = kLevelCount});
  if (!levels) {
    return std::unexpected(levels.error());
  }
  Json out = Json::array();
  std::uint64_t zoom = 1;
  for (const MapLevel& level : *levels) {
    Json labels = Json::array();
    const auto rows = snapshot.kind == ItemKind::kImage ? typical_rows(map.view(), level)
                                                        : std::vector<std::vector<std::uint32_t>>();
    for (std::size_t i = 0; i < level.regions.size(); ++i) {
      Json label = label_json(level.regions[i]);
      if (!rows.empty()) {
        label["rows"] = rows[i];
      }
      labels.push_back(std::move(label));
    }
    out.push_back({{"zoom", zoom}, {"labels", std::move(labels)}});
    zoom *= 2;
  }
  return Json{{"levels", std::move(out)}};
}

}  // namespace asterism::service
