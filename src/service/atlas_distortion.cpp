#include "service/atlas_distortion.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "analysis/neighborhood_scores.hpp"

namespace asterism::service {
namespace {

constexpr float kNotAsked = std::numeric_limits<float>::quiet_NaN();

bool is_finite(std::span<const float> row) {
  return std::ranges::all_of(row, [](float value) { return std::isfinite(value); });
}

void append(std::vector<float>& out, std::span<const float> row) {
  out.insert(out.end(), row.begin(), row.end());
}

double mean(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

}  // namespace

Result<MapDistortion> measure_distortion(const Collection& collection, const AtlasSnapshot& snapshot,
                                         const AtlasMap& map, const AnalysisRun& run) {
  const auto vectors = read_atlas_vectors(collection, snapshot, run);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  const std::size_t dim = snapshot.settings.dim;
  std::vector<std::uint32_t> rows;  // with a vector and a place
  std::vector<float> original;
  std::vector<float> placed;
  for (std::size_t row = 0; row < snapshot.row_count(); ++row) {
    const auto vector = std::span(*vectors).subspan(row * dim, dim);
    const auto place = map.view().row(row);
    if (is_finite(vector) && is_finite(place)) {
      append(original, vector);
      append(placed, place);
      rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  MapDistortion out{.values = std::vector<float>(snapshot.row_count() * 2, kNotAsked),
                    .trustworthiness = std::numeric_limits<double>::quiet_NaN(),
                    .continuity = std::numeric_limits<double>::quiet_NaN()};
  // Fewer than half the rows, as the measures want it.
  out.neighbor_count = rows.empty() ? 0 : std::min(kDistortionNeighborCount, (rows.size() - 1) / 2);
  if (out.neighbor_count == 0) {
    return out;
  }
  const auto scores = neighborhood_scores(
      {.values = original, .row_count = rows.size(), .dim = dim},
      {.values = placed, .row_count = rows.size(), .dim = map.summary.dim}, {},
      {.neighbor_count = out.neighbor_count,
       .query_row_count_max = std::max(kDistortionSampleCountMin, kDistortionPairCountMax / rows.size()),
       .triplet_count = 1},
      run);
  if (!scores) {
    return std::unexpected(scores.error());
  }
  for (std::size_t i = 0; i < scores->rows.size(); ++i) {
    const std::size_t row = rows[scores->rows[i]];
    out.values[row * 2] = static_cast<float>(scores->trustworthiness[i]);
    out.values[row * 2 + 1] = static_cast<float>(scores->continuity[i]);
  }
  out.asked_row_count = scores->rows.size();
  out.trustworthiness = mean(scores->trustworthiness);
  out.continuity = mean(scores->continuity);
  return out;
}

}  // namespace asterism::service
