#include "analysis/fuzzy_graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr int kBisections = 64;
constexpr double kTolerance = 1e-5;
constexpr double kScaleMin = 1e-3;  // sigma is at least this share of the mean distance
constexpr double kUnknownDistance = 1.0;
constexpr double kFarDistanceMax = 1e12;
constexpr std::size_t kRowsPerChunk = 512;
// Of edges that one of two graphs has not (umap-learn's sparse.general_sset_intersection).
constexpr double kAbsentMin = 1e-8;
constexpr double kAbsentTargetMax = 1e-4;

// The distance to the `local_connectivity`-th neighbour that is no copy of the row, between two where it is a fraction.
float rho_of(std::span<const float> distances, double local_connectivity) {
  const auto first = std::ranges::find_if(distances, [](float d) { return d > 0.0F; });
  const std::span<const float> apart(first, distances.end());
  if (apart.empty()) {
    return 0.0F;
  }
  if (static_cast<double>(apart.size()) < local_connectivity) {
    return apart.back();
  }
  const auto index = static_cast<std::size_t>(local_connectivity);
  const auto rest = static_cast<float>(local_connectivity - static_cast<double>(index));
  if (index == 0) {
    return rest * apart[0];
  }
  const bool is_between = rest > static_cast<float>(kTolerance) && index < apart.size();
  return apart[index - 1] + (is_between ? rest * (apart[index] - apart[index - 1]) : 0.0F);
}

double strength_sum(std::span<const float> distances, float rho, double sigma) {
  double sum = 0.0;
  for (const float distance : distances) {
    const double beyond = static_cast<double>(distance - rho);
    sum += beyond > 0.0 ? std::exp(-beyond / sigma) : 1.0;
  }
  return sum;
}

double sigma_of(std::span<const float> distances, float rho) {
  const double target = std::log2(static_cast<double>(distances.size() + 1));
  double low = 0.0;
  double high = std::numeric_limits<double>::infinity();
  double sigma = 1.0;
  for (int i = 0; i < kBisections; ++i) {
    const double sum = strength_sum(distances, rho, sigma);
    if (std::abs(sum - target) < kTolerance) {
      break;
    }
    if (sum > target) {
      high = sigma;
      sigma = (low + high) / 2.0;
    } else {
      low = sigma;
      sigma = std::isinf(high) ? 2.0 * sigma : (low + high) / 2.0;
    }
  }
  return sigma;
}

double mean_with_itself(std::span<const float> distances) {
  return std::accumulate(distances.begin(), distances.end(), 0.0) / static_cast<double>(distances.size() + 1);
}

// of(distances): rho and sigma of one row.
template <typename Of>
SmoothDistances smooth_rows(const NeighborGraph& graph, ThreadPool& pool, const Of& of) {
  SmoothDistances smooth{std::vector<float>(graph.row_count), std::vector<float>(graph.row_count)};
  pool.parallel_for(graph.row_count, kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const auto [rho, sigma] =
          of(std::span(graph.distances).subspan(row * graph.neighbor_count, graph.neighbor_count));
      smooth.rho[row] = rho;
      smooth.sigma[row] = static_cast<float>(sigma);
    }
  });
  return smooth;
}

float strength(float distance, float rho, float sigma) {
  return distance - rho <= 0.0F || sigma == 0.0F ? 1.0F : std::exp(-((distance - rho) / sigma));
}

// Visits the columns that either row of two has: visit(column, weight a, weight b), 0 where it has not.
template <typename Visit>
void for_each_in_either(const SparseGraph& a, const SparseGraph& b, std::size_t row, const Visit& visit) {
  std::size_t i = a.begin[row];
  std::size_t j = b.begin[row];
  while (i < a.begin[row + 1] || j < b.begin[row + 1]) {
    const std::uint32_t column_a = i < a.begin[row + 1] ? a.columns[i] : std::numeric_limits<std::uint32_t>::max();
    const std::uint32_t column_b = j < b.begin[row + 1] ? b.columns[j] : std::numeric_limits<std::uint32_t>::max();
    visit(std::min(column_a, column_b), column_a <= column_b ? a.weights[i] : 0.0F,
          column_b <= column_a ? b.weights[j] : 0.0F);
    i += column_a <= column_b ? 1 : 0;
    j += column_b <= column_a ? 1 : 0;
  }
}

// Edges of a row more, in the order of their columns.
void append_row(SparseGraph& graph, std::span<const std::pair<std::uint32_t, float>> edges) {
  for (const auto& [column, weight] : edges) {
    graph.columns.push_back(column);
    graph.weights.push_back(weight);
  }
  graph.begin.push_back(graph.columns.size());
}

// Locally connected again: the surest neighbour of every row is sure. Symmetric.
SparseGraph reconnected(SparseGraph graph) {
  for (std::size_t row = 0; row < graph.row_count(); ++row) {
    const auto weights = graph.weights_of(row);
    const float largest = weights.empty() ? 0.0F : std::ranges::max(weights);
    for (float& weight : weights) {
      weight = largest > 0.0F ? weight / largest : 0.0F;
    }
  }
  return fuzzy_union(without_zeros(graph), 1.0);
}

}  // namespace

double mean_distance(const NeighborGraph& graph) {
  return std::accumulate(graph.distances.begin(), graph.distances.end(), 0.0) /
         static_cast<double>(graph.row_count * (graph.neighbor_count + 1));
}

SmoothDistances smooth_distances(const NeighborGraph& graph, double local_connectivity, ThreadPool& pool) {
  const double mean = mean_distance(graph);
  return smooth_rows(graph, pool, [&](std::span<const float> distances) {
    const float rho = rho_of(distances, local_connectivity);
    const double floor = kScaleMin * (rho > 0.0F ? mean_with_itself(distances) : mean);
    return std::pair(rho, std::max(sigma_of(distances, rho), floor));
  });
}

SmoothDistances smooth_query_distances(const NeighborGraph& graph, double local_connectivity, double fitted_mean,
                                       ThreadPool& pool) {
  return smooth_rows(graph, pool, [&](std::span<const float> distances) {
    const float rho = rho_of(distances, std::max(0.0, local_connectivity - 1.0));
    const auto beyond = distances.subspan(1);
    // The nearest stands where a fitted row has itself.
    const double floor = kScaleMin * (rho > 0.0F ? mean_with_itself(beyond) : fitted_mean);
    return std::pair(rho, std::max(sigma_of(beyond, rho), floor));
  });
}

SparseGraph memberships(const NeighborGraph& graph, const SmoothDistances& smooth) {
  SparseGraph result;
  result.columns.reserve(graph.neighbors.size());
  result.weights.reserve(graph.neighbors.size());
  std::vector<std::pair<std::uint32_t, float>> edges;
  for (std::size_t row = 0; row < graph.row_count; ++row) {
    edges.clear();
    for (std::size_t i = row * graph.neighbor_count; i < (row + 1) * graph.neighbor_count; ++i) {
      const float weight = strength(graph.distances[i], smooth.rho[row], smooth.sigma[row]);
      if (weight > 0.0F) {
        edges.emplace_back(graph.neighbors[i], weight);
      }
    }
    std::ranges::sort(edges);
    append_row(result, edges);
  }
  return result;
}

SparseGraph fuzzy_union(const SparseGraph& directed, double set_op_mix_ratio) {
  const SparseGraph other = transposed(directed);
  const auto mix = static_cast<float>(set_op_mix_ratio);
  SparseGraph result;
  result.columns.reserve(2 * directed.edge_count());
  result.weights.reserve(2 * directed.edge_count());
  for (std::size_t row = 0; row < directed.row_count(); ++row) {
    for_each_in_either(directed, other, row, [&](std::uint32_t column, float a, float b) {
      const float product = a * b;
      const float weight = mix * (a + b - product) + (1.0F - mix) * product;
      if (weight > 0.0F) {
        result.columns.push_back(column);
        result.weights.push_back(weight);
      }
    });
    result.begin.push_back(result.columns.size());
  }
  return result;
}

SparseGraph with_labels(const SparseGraph& graph, std::span<const std::int32_t> labels, double target_weight) {
  SparseGraph result = graph;
  const double far = target_weight < 1.0 ? 2.5 / (1.0 - target_weight) : kFarDistanceMax;
  const auto unknown_factor = static_cast<float>(std::exp(-kUnknownDistance));
  const auto far_factor = static_cast<float>(std::exp(-far));
  for (std::size_t row = 0; row < graph.row_count(); ++row) {
    const auto columns = graph.columns_of(row);
    const auto weights = result.weights_of(row);
    for (std::size_t e = 0; e < columns.size(); ++e) {
      const std::int32_t label = labels[row];
      const std::int32_t other = labels[columns[e]];
      weights[e] *= label < 0 || other < 0 ? unknown_factor : label != other ? far_factor : 1.0F;
    }
  }
  return reconnected(std::move(result));
}

SparseGraph target_memberships(std::span<const float> targets, std::size_t neighbor_count, ThreadPool& pool) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t row = 0; row < targets.size(); ++row) {
    if (std::isfinite(targets[row])) {
      order.push_back(row);
    }
  }
  std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return targets[row]; });
  // Numbered as they are ordered: the nearest of a number lie on either side of it.
  NeighborGraph near{.row_count = order.size(),
                     .neighbor_count = std::min(neighbor_count, std::max<std::size_t>(order.size(), 1) - 1),
                     .neighbors = {},
                     .distances = {}};
  for (std::size_t at = 0; at < order.size(); ++at) {
    std::size_t left = at;
    std::size_t right = at + 1;
    const auto apart = [&](std::size_t other) {
      return std::abs(static_cast<double>(targets[order[at]]) - static_cast<double>(targets[order[other]]));
    };
    for (std::size_t k = 0; k < near.neighbor_count; ++k) {
      const bool takes_left = left > 0 && (right == order.size() || apart(left - 1) <= apart(right));
      const std::size_t taken = takes_left ? --left : right++;
      near.neighbors.push_back(static_cast<std::uint32_t>(taken));
      near.distances.push_back(static_cast<float>(apart(taken)));
    }
  }
  const SparseGraph by_number = memberships(near, smooth_distances(near, 1.0, pool));
  std::vector<std::size_t> place(targets.size(), order.size());
  for (std::size_t at = 0; at < order.size(); ++at) {
    place[order[at]] = at;
  }
  SparseGraph result;
  std::vector<std::pair<std::uint32_t, float>> edges;
  for (std::size_t row = 0; row < targets.size(); ++row) {
    edges.clear();
    if (place[row] < order.size()) {
      const auto columns = by_number.columns_of(place[row]);
      for (std::size_t e = 0; e < columns.size(); ++e) {
        edges.emplace_back(order[columns[e]], by_number.weights_of(place[row])[e]);
      }
    }
    std::ranges::sort(edges);
    append_row(result, edges);
  }
  return result;
}

SparseGraph with_targets(const SparseGraph& graph, const SparseGraph& targets, double target_weight) {
  const auto least = [](const SparseGraph& of) {
    return of.weights.empty() ? 0.0 : static_cast<double>(std::ranges::min(of.weights));
  };
  // What stands for an edge that one of the two has not.
  const double graph_least = std::max(least(graph) / 2.0, kAbsentMin);
  const double target_least = std::min(std::max(least(targets) / 2.0, kAbsentMin), kAbsentTargetMax);
  const double w = target_weight;
  const double graph_power = w < 0.5 ? 1.0 : (1.0 - w) / w;
  const double target_power = w < 0.5 ? w / (1.0 - w) : 1.0;
  SparseGraph result;
  for (std::size_t row = 0; row < graph.row_count(); ++row) {
    for_each_in_either(graph, targets, row, [&](std::uint32_t column, float of_graph, float of_targets) {
      const double a = of_graph > 0.0F ? static_cast<double>(of_graph) : graph_least;
      const double b = of_targets > 0.0F ? static_cast<double>(of_targets) : target_least;
      result.columns.push_back(column);
      result.weights.push_back(static_cast<float>(std::pow(a, graph_power) * std::pow(b, target_power)));
    });
    result.begin.push_back(result.columns.size());
  }
  return reconnected(std::move(result));
}

}  // namespace asterism
