#include "service/atlas_distortion.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "analysis/neighborhood_scores.hpp"

namespace asterism::service {
namespace {

constexpr float kNotAsked = std::numeric_limits<float>::quiet_NaN();

bool is_finite(std::span<const float> row) {
  return std::ranges::all_of(row, [](float value) { return std::isfinite(value); });
}

// Rounding may carry the worst and the best just past the ends.
float share(double value) {
  return static_cast<float>(std::clamp(value, 0.0, 1.0));
}

}  // namespace

MapDistortion distortion_of(std::vector<float> values, std::size_t neighbor_count) {
  MapDistortion out{.values = std::move(values), .neighbor_count = neighbor_count};
  for (std::size_t i = 0; i + 1 < out.values.size(); i += 2) {
    if (!std::isnan(out.values[i])) {
      ++out.asked_row_count;
      out.trustworthiness += static_cast<double>(out.values[i]);
      out.continuity += static_cast<double>(out.values[i + 1]);
    }
  }
  // NaN where there was nothing to ask.
  out.trustworthiness /= static_cast<double>(out.asked_row_count);
  out.continuity /= static_cast<double>(out.asked_row_count);
  return out;
}

Result<MapDistortion> measure_distortion(const Collection& collection, const AtlasSnapshot& snapshot,
                                         const AtlasMap& map, const AnalysisRun& run) {
  auto vectors = read_atlas_vectors(collection, snapshot, run);
  if (!vectors) {
    return std::unexpected(std::move(vectors.error()));
  }
  const std::size_t dim = snapshot.settings.dim;
  // Rows with a vector and a place, moved up over those without: a copy of all vectors would be as large again.
  std::vector<float>& original = *vectors;
  std::vector<std::uint32_t> rows;
  std::vector<float> placed;
  for (std::size_t row = 0; row < snapshot.row_count(); ++row) {
    const auto vector = std::span(original).subspan(row * dim, dim);
    const auto place = map.view().row(row);
    if (is_finite(vector) && is_finite(place)) {
      if (rows.size() != row) {
        std::ranges::copy(vector, original.begin() + static_cast<std::ptrdiff_t>(rows.size() * dim));
      }
      placed.insert(placed.end(), place.begin(), place.end());
      rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  std::vector<float> values(snapshot.row_count() * 2, kNotAsked);
  // Fewer than half the rows, as the measures want it.
  const std::size_t neighbor_count = rows.empty() ? 0 : std::min(kDistortionNeighborCount, (rows.size() - 1) / 2);
  if (neighbor_count == 0) {
    return distortion_of(std::move(values), neighbor_count);
  }
  const auto scores = neighborhood_trust(
      {.values = std::span(original).first(rows.size() * dim), .row_count = rows.size(), .dim = dim},
      {.values = placed, .row_count = rows.size(), .dim = map.summary.dim},
      {.neighbor_count = neighbor_count,
       .query_row_count_max = std::max(kDistortionSampleCountMin, kDistortionPairCountMax / rows.size())},
      run);
  if (!scores) {
    return std::unexpected(scores.error());
  }
  for (std::size_t i = 0; i < scores->rows.size(); ++i) {
    const std::size_t row = rows[scores->rows[i]];
    values[row * 2] = share(scores->trustworthiness[i]);
    values[row * 2 + 1] = share(scores->continuity[i]);
  }
  return distortion_of(std::move(values), neighbor_count);
}

}  // namespace asterism::service
