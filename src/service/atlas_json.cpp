#include "service/atlas_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "service/atlas_series.hpp"
#include "service/iso_date.hpp"

namespace asterism::service {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are sent as they lie in memory");

// JSON has no NaN.
Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json column_json(const AtlasColumn& column) {
  Json out{{"name", column.name},
           {"type", atlas_column_type_name(column.type)},
           {"missing", column.missing_count},
           {"distinct", column.distinct_count}};
  switch (column.type) {
    case AtlasColumnType::kCategory: {
      out["values"] = column.values;
      out["counts"] = column.counts;
      const auto other = std::ranges::count(column.codes, kOtherCode);
      out["other"] = other;
      break;
    }
    case AtlasColumnType::kNumber:
      out["min"] = number_or_null(column.smallest);
      out["max"] = number_or_null(column.largest);
      break;
    case AtlasColumnType::kDate:
      out["min"] = iso_date(static_cast<std::int64_t>(column.smallest));
      out["max"] = iso_date(static_cast<std::int64_t>(column.largest));
      break;
    case AtlasColumnType::kText:
      break;
  }
  return out;
}

Json projection_json(const Atlas& atlas, const ProjectionSummary& summary) {
  const auto distortion = atlas.find_distortion(summary.name);
  Json out{{"name", summary.name},
           {"method", summary.method},
           {"dim", summary.dim},
           {"row_count", summary.row_count},
           {"seed", summary.seed},
           {"created", summary.created_at},
           {"stale", is_stale(summary, atlas.snapshot())},
           {"trustworthiness", distortion ? number_or_null(distortion->trustworthiness) : Json(nullptr)},
           {"continuity", distortion ? number_or_null(distortion->continuity) : Json(nullptr)},
           {"neighbor_count", distortion ? Json(distortion->neighbor_count) : Json(nullptr)},
           {"distortion_row_count", distortion ? Json(distortion->asked_row_count) : Json(nullptr)},
           {"version", summary.version.empty() ? Json(nullptr) : Json(summary.version)}};
  out.update(series_of(summary));
  return out;
}

// The k nearest others on the map by Euclidean distance; equally near ones in the order of rows.
std::vector<MapNeighbors::OnMap> nearest_on_map(const RowsView& points, std::uint32_t row, std::size_t k) {
  std::vector<MapNeighbors::OnMap> all;
  const auto from = points.row(row);
  for (std::uint32_t other = 0; other < points.row_count; ++other) {
    double sum = 0.0;
    const auto to = points.row(other);
    for (std::size_t d = 0; d < points.dim; ++d) {
      const double difference = static_cast<double>(from[d]) - static_cast<double>(to[d]);
      sum += difference * difference;
    }
    if (other != row && std::isfinite(sum)) {
      all.push_back({.row = other, .distance = static_cast<float>(std::sqrt(sum))});
    }
  }
  const auto by_distance = [](const MapNeighbors::OnMap& a, const MapNeighbors::OnMap& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  };
  const std::size_t count = std::min(k, all.size());
  std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(count), by_distance);
  all.resize(count);
  return all;
}

}  // namespace

Json atlas_manifest(const Atlas& atlas, const ManifestFacts& facts) {
  const AtlasSnapshot& snapshot = atlas.snapshot();
  Json projections = Json::array();
  for (const ProjectionSummary& summary : atlas.maps()) {
    projections.push_back(projection_json(atlas, summary));
  }
  Json columns = Json::array();
  for (const AtlasColumn& column : snapshot.columns) {
    columns.push_back(column_json(column));
  }
  const CollectionSettings& settings = snapshot.settings;
  return Json{{"collection", snapshot.collection},
              {"snapshot", snapshot.name},
              {"stale", facts.stale},
              {"kind", item_kind_name(snapshot.kind)},
              {"row_count", snapshot.row_count()},
              {"model", settings.model.id.empty() ? Json(nullptr) : Json(settings.model.id)},
              {"dim", settings.dim},
              {"metric", metric_name(settings.metric)},
              {"version", snapshot.version.empty() ? Json(nullptr) : Json(snapshot.version)},
              {"versions", facts.versions},
              {"projections", std::move(projections)},
              {"columns", std::move(columns)},
              {"labels", true},
              {"thumbnails", snapshot.kind == ItemKind::kImage},
              {"search",
               {{"text", facts.searches_text}, {"image", facts.searches_images}, {"arithmetic", facts.searches_text}}},
              {"writable", facts.writable}};
}

Result<std::string> column_bytes(const AtlasColumn& column) {
  switch (column.type) {
    case AtlasColumnType::kCategory:
      return array_bytes(column.codes);
    case AtlasColumnType::kNumber:
    case AtlasColumnType::kDate:
      return array_bytes(column.numbers);
    case AtlasColumnType::kText:
      break;
  }
  return fail(ErrorCode::kUnsupported, "column \"" + column.name + "\": its values are texts, nearly all different",
              "they stand in the items");
}

Result<std::string> id_bytes(const RowIds& ids) {
  std::vector<std::uint32_t> begins{0};
  std::uint64_t end = 0;
  for (std::size_t row = 0; row < ids.size(); ++row) {
    end += ids.id(row).size();
    begins.push_back(static_cast<std::uint32_t>(end));
  }
  if (end > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("ids: expected less than 4 GiB in all, found {} bytes", end));
  }
  std::string out = array_bytes(begins);
  out.reserve(out.size() + begins.back());
  for (std::size_t row = 0; row < ids.size(); ++row) {
    out += ids.id(row);
  }
  return out;
}

Json series_json(std::span<const ProjectionSummary> steps) {
  Json list = Json::array();
  for (const ProjectionSummary& step : steps) {
    list.push_back({{"projection", step.name},
                    {"version", step.version.empty() ? Json(nullptr) : Json(step.version)},
                    {"label", series_of(step)["series_label"]},
                    {"row_count", step.row_count}});
  }
  return Json{{"steps", std::move(list)}};
}

Result<MapNeighbors> map_neighbors(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
                                   std::uint32_t row, std::size_t k) {
  const std::size_t rank_count = map == nullptr ? k : std::max(k, kRankCountMax);
  auto original = atlas_neighbors(collection, snapshot, row, rank_count);
  if (!original) {
    return std::unexpected(std::move(original.error()));
  }
  MapNeighbors out;
  if (map != nullptr) {
    std::unordered_map<std::uint32_t, std::uint32_t> rank_of;
    for (std::size_t i = 0; i < original->size(); ++i) {
      rank_of.emplace((*original)[i].row, static_cast<std::uint32_t>(i + 1));
    }
    out.map = nearest_on_map(map->view(), row, k);
    for (MapNeighbors::OnMap& neighbor : out.map) {
      const auto rank = rank_of.find(neighbor.row);
      neighbor.rank = rank == rank_of.end() ? 0 : rank->second;
    }
  }
  original->resize(std::min(k, original->size()));
  out.original = *std::move(original);
  return out;
}

Json neighbors_json(std::uint32_t row, const MapNeighbors& neighbors, bool with_map) {
  Json original = Json::array();
  for (const ScoredRow& neighbor : neighbors.original) {
    original.push_back({{"row", neighbor.row}, {"score", neighbor.score}});
  }
  Json out{{"row", row}, {"neighbors", std::move(original)}};
  if (with_map) {
    Json map = Json::array();
    for (const MapNeighbors::OnMap& neighbor : neighbors.map) {
      map.push_back({{"row", neighbor.row},
                     {"distance", neighbor.distance},
                     {"rank", neighbor.rank == 0 ? Json(nullptr) : Json(neighbor.rank)},
                     {"false", neighbor.rank == 0}});
    }
    out["map_neighbors"] = std::move(map);
  }
  return out;
}

Json results_json(std::span<const ScoredRow> rows, double took_ms) {
  Json list = Json::array();
  for (const ScoredRow& row : rows) {
    list.push_back({{"row", row.row}, {"score", row.score}});
  }
  return Json{{"results", std::move(list)}, {"took_ms", took_ms}};
}

}  // namespace asterism::service
