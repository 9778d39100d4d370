#include "service/atlas_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "analysis/estimators.hpp"
#include "store/utc_time.hpp"

namespace asterism::service {
namespace {

constexpr float kNoPlace = std::numeric_limits<float>::quiet_NaN();
// Below this a graph of neighbours says nothing: the directions of most variance do.
constexpr std::size_t kNeighborMethodRowCountMin = 32;

bool is_finite(std::span<const float> row) {
  return std::ranges::all_of(row, [](float value) { return std::isfinite(value); });
}

// Rows whose vector was read, without gaps; `rows` says which they are.
std::vector<float> present_rows(const std::vector<float>& vectors, std::size_t dim, std::vector<std::uint32_t>& rows) {
  std::vector<float> out;
  out.reserve(vectors.size());
  for (std::size_t row = 0; row * dim < vectors.size(); ++row) {
    const auto vector = std::span(vectors).subspan(row * dim, dim);
    if (is_finite(vector)) {
      out.insert(out.end(), vector.begin(), vector.end());
      rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  return out;
}

bool all_alike(const RowsView& rows) {
  for (std::size_t i = 1; i < rows.row_count; ++i) {
    if (!std::ranges::equal(rows.row(i), rows.row(0))) {
      return false;
    }
  }
  return true;
}

// [rows, component_count]; a method's own error where it has one.
Result<std::vector<float>> fit(const RowsView& rows, const EstimatorMethod& method, std::size_t component_count,
                               std::uint64_t seed, const AnalysisRun& run) {
  // Nothing to tell apart: all in one place.
  if (rows.row_count < 2 || all_alike(rows)) {
    return std::vector<float>(rows.row_count * component_count, 0.0F);
  }
  Json options{{std::string(kComponentsOption), component_count}};
  if (std::ranges::find(method.options, kSeedOption, &EstimatorOption::name) != method.options.end()) {
    options[std::string(kSeedOption)] = seed;
  }
  auto fitted = fit_estimator(method.name, {.rows = rows, .options = std::move(options)}, run);
  return fitted ? Result<std::vector<float>>(std::move(fitted->embedding)) : std::unexpected(std::move(fitted.error()));
}

}  // namespace

bool is_stale(const ProjectionSummary& summary, const AtlasSnapshot& snapshot) noexcept {
  return summary.collection_version != snapshot.version_number || summary.version != snapshot.version;
}

std::vector<ProjectionSummary> list_maps(std::string_view location) {
  std::vector<ProjectionSummary> out;
  for (ListedProjection& listed : list_projections(location)) {
    if (listed.summary && listed.summary->dim >= kMapDimMin && listed.summary->dim <= kMapDimMax) {
      out.push_back(*std::move(listed.summary));
    }
  }
  return out;
}

Result<AtlasMap> read_map(std::string_view location, std::string_view name, const AtlasSnapshot& snapshot) {
  auto projection = read_projection(location, name);
  if (!projection) {
    return std::unexpected(std::move(projection.error()));
  }
  const std::size_t dim = projection->summary.dim;
  if (dim < kMapDimMin || dim > kMapDimMax) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("projection \"{}\": expected 2 or 3 dimensions to be shown, found {}", name, dim));
  }
  AtlasMap out{.summary = std::move(projection->summary), .points = {}};
  out.points.assign(snapshot.row_count() * dim, kNoPlace);
  for (std::size_t i = 0; i < projection->ids.size(); ++i) {
    if (const auto row = snapshot.ids.row(projection->ids[i])) {
      std::ranges::copy(std::span(projection->points).subspan(i * dim, dim),
                        out.points.begin() + static_cast<std::ptrdiff_t>(*row * dim));
    }
  }
  return out;
}

std::string_view default_map_method(std::size_t row_count) {
  constexpr std::string_view kNeighborMethod = "umap";
  constexpr std::string_view kLinearMethod = "pca";
  const bool known = std::ranges::any_of(estimator_methods(),
                                         [&](const EstimatorMethod& method) { return method.name == kNeighborMethod; });
  return known && row_count >= kNeighborMethodRowCountMin ? kNeighborMethod : kLinearMethod;
}

Result<AtlasMap> compute_map(const Collection& collection, const AtlasSnapshot& snapshot, const MapRequest& request,
                             const AnalysisRun& run) {
  const auto method = find_estimator_method(
      request.method.empty() ? default_map_method(snapshot.row_count()) : std::string_view(request.method));
  if (!method) {
    return std::unexpected(method.error());
  }
  if ((*method)->labels == LabelUse::kRequired) {
    return fail(ErrorCode::kUnsupported, fmt::format("method: {} needs labels, which a map is not given", (*method)->name),
                "make the projection with `asterism reduce --labels`, and show it with --projection");
  }
  const std::size_t dim = snapshot.settings.dim;
  std::vector<std::uint32_t> rows;
  std::vector<float> present;
  {
    const auto vectors = read_atlas_vectors(collection, snapshot, run);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    present = present_rows(*vectors, dim, rows);
  }
  const RowsView view{.values = present, .row_count = rows.size(), .dim = dim};
  const std::size_t component_count = std::min({request.dim, dim, std::max<std::size_t>(1, rows.size())});
  const auto places = fit(view, **method, component_count, request.seed, run);
  if (!places) {
    return std::unexpected(places.error());
  }
  AtlasMap out;
  out.summary.name = request.dim == kMapDimMin ? std::string((*method)->name)
                                               : fmt::format("{}-{}d", (*method)->name, request.dim);
  out.summary.method = (*method)->name;
  out.summary.options = {{std::string(kComponentsOption), request.dim}};
  out.summary.seed = request.seed;
  out.summary.collection_version = snapshot.version_number;
  out.summary.version = snapshot.version;
  out.summary.created_at = now_utc();
  out.summary.row_count = snapshot.row_count();
  out.summary.dim = request.dim;
  out.points.assign(snapshot.row_count() * request.dim, kNoPlace);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<float> place = std::span(out.points).subspan(rows[i] * request.dim, request.dim);
    std::ranges::fill(place, 0.0F);
    std::ranges::copy(std::span(*places).subspan(i * component_count, component_count), place.begin());
  }
  return out;
}

Result<void> keep_map(std::string_view location, const AtlasSnapshot& snapshot, const AtlasMap& map) {
  Projection projection{.summary = map.summary, .ids = {}, .points = map.points};
  projection.ids.reserve(snapshot.row_count());
  for (std::size_t row = 0; row < snapshot.row_count(); ++row) {
    projection.ids.emplace_back(snapshot.ids.id(row));
  }
  return write_projection(location, projection);
}

}  // namespace asterism::service
