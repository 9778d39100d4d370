#include "analysis/local_outliers.hpp"

#include <algorithm>
#include <cstddef>

namespace asterism {
namespace {

// As scikit-learn: rows that are there many times have a density without bound.
constexpr double kMeanReachMin = 1e-10;

}  // namespace

std::vector<double> local_outlier_factors(const NeighborGraph& graph) {
  const std::size_t k = graph.neighbor_count;
  std::vector<double> densities(graph.row_count);
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    double reach = 0.0;
    for (std::size_t i = r * k; i < (r + 1) * k; ++i) {
      const float farthest = graph.distances[graph.neighbors[i] * k + k - 1];
      reach += static_cast<double>(std::max(graph.distances[i], farthest));
    }
    densities[r] = 1.0 / (reach / static_cast<double>(k) + kMeanReachMin);
  }
  std::vector<double> factors(graph.row_count);
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    double sum = 0.0;
    for (std::size_t i = r * k; i < (r + 1) * k; ++i) {
      sum += densities[graph.neighbors[i]];
    }
    factors[r] = sum / static_cast<double>(k) / densities[r];
  }
  return factors;
}

std::vector<double> mean_neighbor_distances(const NeighborGraph& graph) {
  const std::size_t k = graph.neighbor_count;
  std::vector<double> means(graph.row_count);
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    for (std::size_t i = r * k; i < (r + 1) * k; ++i) {
      means[r] += static_cast<double>(graph.distances[i]) / static_cast<double>(k);
    }
  }
  return means;
}

}  // namespace asterism
