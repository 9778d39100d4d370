#include "analysis/intrinsic_dimension.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace asterism {
namespace {

constexpr double kKeptRatioShare = 0.9;
constexpr std::size_t kRowCountMin = 10;

}  // namespace

std::optional<double> two_neighbor_dimension(const NeighborGraph& graph) {
  const std::size_t k = graph.neighbor_count;
  if (k < 2) {
    return std::nullopt;
  }
  std::vector<double> ratios;
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    if (const float first = graph.distances[r * k]; first > 0.0F) {
      ratios.push_back(static_cast<double>(graph.distances[r * k + 1]) / static_cast<double>(first));
    }
  }
  if (ratios.size() < kRowCountMin) {
    return std::nullopt;
  }
  std::ranges::sort(ratios);
  const auto count = static_cast<double>(ratios.size());
  const auto kept = static_cast<std::size_t>(count * kKeptRatioShare);
  double products = 0.0;
  double squares = 0.0;
  for (std::size_t i = 0; i < kept; ++i) {
    const double x = std::log(ratios[i]);
    products += x * -std::log(1.0 - static_cast<double>(i) / count);
    squares += x * x;
  }
  return squares > 0.0 ? std::optional(products / squares) : std::nullopt;
}

std::optional<double> likelihood_dimension(const NeighborGraph& graph) {
  const std::size_t k = graph.neighbor_count;
  if (k < 3) {
    return std::nullopt;
  }
  double sum = 0.0;
  std::size_t count = 0;
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    const float* const distances = graph.distances.data() + r * k;
    if (distances[0] <= 0.0F) {
      continue;
    }
    double inverse = 0.0;
    for (std::size_t i = 0; i + 1 < k; ++i) {
      inverse += std::log(static_cast<double>(distances[k - 1]) / static_cast<double>(distances[i]));
    }
    sum += inverse / static_cast<double>(k - 1);
    ++count;
  }
  return sum > 0.0 ? std::optional(static_cast<double>(count) / sum) : std::nullopt;
}

}  // namespace asterism
