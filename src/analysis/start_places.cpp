#include "analysis/start_places.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/pca.hpp"
#include "base/counter_random.hpp"

namespace asterism {
namespace {

constexpr std::uint64_t kStream = 0x7374617274ULL;  // "start"
constexpr double kNoiseShare = 0.01;
// Of the rows' own size: variance below is rounding.
constexpr double kVarianceShareMin = 1e-12;

}  // namespace

Result<std::vector<float>> principal_places(const RowsView& rows, std::size_t component_count, double deviation,
                                            std::uint64_t seed) {
  const CounterRandom random(seed, kStream);
  std::vector<float> places(rows.row_count * component_count);
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = static_cast<float>(kNoiseShare * deviation * random.normal(i));
  }
  const std::size_t kept = std::min({component_count, rows.dim, rows.row_count});
  if (rows.row_count < 2) {
    return places;
  }
  const auto pca = Pca::fit(rows, kept);
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

Result<void> complete_places(const NeighborGraph& graph, std::size_t component_count, std::span<float> places) {
  std::vector<std::uint32_t> known_rows;
  std::vector<char> known(graph.row_count);
  for (std::size_t row = 0; row < graph.row_count; ++row) {
    known[row] = std::ranges::none_of(places.subspan(row * component_count, component_count),
                                      [](float v) { return std::isnan(v); })
                     ? 1
                     : 0;
    if (known[row] != 0) {
      known_rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  if (known_rows.empty() || std::ranges::any_of(places, [](float v) { return std::isinf(v); })) {
    return fail(ErrorCode::kInvalidArgument,
                "places to start from: expected finite places, NaN for new rows, found none or an infinite one");
  }
  std::vector<float> values;
  const auto median_place = [&](std::span<const std::uint32_t> rows, std::span<float> place) {
    for (std::size_t c = 0; c < component_count; ++c) {
      values.clear();
      for (const std::uint32_t row : rows) {
        values.push_back(places[row * component_count + c]);
      }
      const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
      std::ranges::nth_element(values, middle);
      place[c] = *middle;
    }
  };
  std::vector<float> amid_all(component_count);
  median_place(known_rows, amid_all);
  std::vector<std::uint32_t> near;
  for (std::size_t row = 0; row < graph.row_count; ++row) {
    if (known[row] != 0) {
      continue;
    }
    near.clear();
    std::ranges::copy_if(std::span(graph.neighbors).subspan(row * graph.neighbor_count, graph.neighbor_count),
                         std::back_inserter(near), [&](std::uint32_t n) { return known[n] != 0; });
    const auto place = places.subspan(row * component_count, component_count);
    if (near.empty()) {
      std::ranges::copy(amid_all, place.begin());
    } else {
      median_place(near, place);
    }
  }
  return {};
}

}  // namespace asterism
