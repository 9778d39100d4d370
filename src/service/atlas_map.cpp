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

// Rows whose vector was read move together, without gaps; which they are.
std::vector<std::uint32_t> keep_present_rows(std::vector<float>& vectors, std::size_t dim) {
  std::vector<std::uint32_t> rows;
  for (std::size_t row = 0; row * dim < vectors.size(); ++row) {
    const auto vector = std::span(vectors).subspan(row * dim, dim);
    if (is_finite(vector)) {
      if (rows.size() != row) {
        std::ranges::copy(vector, vectors.begin() + static_cast<std::ptrdiff_t>(rows.size() * dim));
      }
      rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  vectors.resize(rows.size() * dim);
  return rows;
}

bool all_alike(const RowsView& rows) {
  for (std::size_t i = 1; i < rows.row_count; ++i) {
    if (!std::ranges::equal(rows.row(i), rows.row(0))) {
      return false;
    }
  }
  return true;
}

// Of the rows that are there; none where the places have another shape, or none is known.
std::vector<float> initial_of(std::span<const float> initial, std::span<const std::uint32_t> rows, std::size_t dim,
                              std::size_t component_count) {
  std::vector<float> out;
  if (initial.empty() || dim != component_count) {
    return out;
  }
  for (const std::uint32_t row : rows) {
    const auto place = initial.subspan(row * dim, dim);
    out.insert(out.end(), place.begin(), place.end());
  }
  return std::ranges::any_of(out, [](float value) { return std::isfinite(value); }) ? out : std::vector<float>{};
}

// [rows, component_count]; a method's own error where it has one.
Result<std::vector<float>> fit(const RowsView& rows, const EstimatorMethod& method, std::size_t component_count,
                               std::uint64_t seed, std::span<const float> initial, const AnalysisRun& run) {
  // Nothing to tell apart: all in one place.
  if (rows.row_count < 2 || all_alike(rows)) {
    return std::vector<float>(rows.row_count * component_count, 0.0F);
  }
  Json options{{std::string(kComponentsOption), component_count}};
  if (std::ranges::find(method.options, kSeedOption, &EstimatorOption::name) != method.options.end()) {
    options[std::string(kSeedOption)] = seed;
  }
  FitRequest request{.rows = rows, .options = std::move(options)};
  if (method.takes_initial) {
    request.initial = initial;
  }
  auto fitted = fit_estimator(method.name, request, run);
  return fitted ? Result<std::vector<float>>(std::move(fitted->embedding)) : std::unexpected(std::move(fitted.error()));
}

}  // namespace

bool is_stale(const ProjectionSummary& summary, const AtlasSnapshot& snapshot) noexcept {
  return summary.collection_version != snapshot.version_number || summary.version != snapshot.version;
}

bool is_step(const ProjectionSummary& summary) noexcept {
  return summary.options.is_object() && summary.options.contains("series");
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
  auto vectors = read_atlas_vectors(collection, snapshot, run);
  return vectors ? compute_map(*std::move(vectors), snapshot, request, {}, run)
                 : std::unexpected(std::move(vectors.error()));
}

Result<AtlasMap> compute_map(std::vector<float> vectors, const AtlasSnapshot& snapshot, const MapRequest& request,
                             std::span<const float> initial, const AnalysisRun& run) {
  const auto method = find_estimator_method(request.method.empty() ? default_map_method(snapshot.row_count())
                                                                   : std::string_view(request.method));
  if (!method) {
    return std::unexpected(method.error());
  }
  if ((*method)->labels == LabelUse::kRequired) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("method: {} needs labels, which a map is not given", (*method)->name),
                "make the projection with `asterism reduce --labels`, and show it with --projection");
  }
  const std::size_t dim = snapshot.settings.dim;
  const std::vector<std::uint32_t> rows = keep_present_rows(vectors, dim);
  const RowsView view{.values = vectors, .row_count = rows.size(), .dim = dim};
  const std::size_t component_count = std::min({request.dim, dim, std::max<std::size_t>(1, rows.size())});
  const std::vector<float> start = initial_of(initial, rows, request.dim, component_count);
  const auto places = fit(view, **method, component_count, request.seed, start, run);
  if (!places) {
    return std::unexpected(places.error());
  }
  AtlasMap out;
  out.summary.name =
      request.dim == kMapDimMin ? std::string((*method)->name) : fmt::format("{}-{}d", (*method)->name, request.dim);
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
