#include "analysis/start_places.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/pca.hpp"
#include "base/counter_random.hpp"

namespace asterism {
namespace {

constexpr std::uint64_t kStream = 0x7374617274ULL;  // "start"
constexpr double kNoiseShare = 0.01;
// Of the rows' own size: variance below is rounding.
constexpr double kVarianceShareMin = 1e-12;
constexpr double kMapDeviation = 1.0;

}  // namespace

Result<std::vector<float>> principal_places(const RowsView& rows, std::size_t component_count, double deviation,
                                            std::uint64_t seed, const AnalysisRun& run) {
  const CounterRandom random(seed, kStream);
  std::vector<float> places(rows.row_count * component_count);
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = static_cast<float>(kNoiseShare * deviation * random.normal(i));
  }
  const std::size_t kept = std::min({component_count, rows.dim, rows.row_count});
  if (rows.row_count < 2) {
    return places;
  }
  const auto pca = Pca::fit(rows, {.count = kept}, run);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  double size = 0.0;
  for (const double entry : pca->mean()) {
    size += entry * entry;
  }
  const double variance = pca->explained_variances()[0];
  if (variance <= kVarianceShareMin * size || variance <= 0.0) {
    return places;
  }
  const auto scores = pca->transform(rows);
  if (!scores) {
    return std::unexpected(scores.error());
  }
  const double scale = deviation / std::sqrt(variance);
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    for (std::size_t c = 0; c < kept; ++c) {
      places[row * component_count + c] += static_cast<float>(scale * static_cast<double>((*scores)[row * kept + c]));
    }
  }
  return places;
}

GivenPlaces kind_of_places(std::span<const float> places, std::size_t component_count) {
  double sum = 0.0;
  double square = 0.0;
  double count = 0.0;
  for (std::size_t i = 0; i < places.size(); i += component_count) {
    if (std::isfinite(places[i])) {
      sum += static_cast<double>(places[i]);
      square += static_cast<double>(places[i]) * static_cast<double>(places[i]);
      count += 1.0;
    }
  }
  if (count == 0.0) {
    return GivenPlaces::kNone;
  }
  return square / count - sum / count * sum / count > kMapDeviation * kMapDeviation ? GivenPlaces::kMap
                                                                                    : GivenPlaces::kShape;
}

std::vector<float> by_component(std::span<const float> values, std::size_t row_count, std::size_t component_count) {
  std::vector<float> out(values.size());
  for (std::size_t row = 0; row < row_count; ++row) {
    for (std::size_t c = 0; c < component_count; ++c) {
      out[c * row_count + row] = values[row * component_count + c];
    }
  }
  return out;
}

}  // namespace asterism
