#include "analysis/umap_density.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/row_distances.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr double kEpsilon = 1e-8;  // umap-learn's, inside the logarithm
constexpr std::size_t kRowsPerChunk = 256;

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
};

// Over the rows that have edges.
Moments moments_of(std::span<const double> values, const SparseGraph& graph, std::size_t joined_count) {
  if (joined_count == 0) {
    return {};
  }
  const auto sum = [&](auto&& of) {
    double total = 0.0;
    for (std::size_t row = 0; row < values.size(); ++row) {
      total += graph.columns_of(row).empty() ? 0.0 : of(values[row]);
    }
    return total / static_cast<double>(joined_count);
  };
  const double mean = sum([](double v) { return v; });
  return {.mean = mean, .variance = sum([mean](double v) { return (v - mean) * (v - mean); })};
}

}  // namespace

Result<std::vector<double>> local_radii(const SparseGraph& graph, const RowsView& rows, Metric metric,
                                        ThreadPool& pool) {
  const auto distances = RowDistances::make(rows, metric, "umap");
  if (!distances) {
    return std::unexpected(distances.error());
  }
  std::vector<double> radii(graph.row_count(), 0.0);
  pool.parallel_for(graph.row_count(), kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const auto columns = graph.columns_of(row);
      const auto weights = graph.weights_of(row);
      if (columns.empty()) {
        continue;
      }
      const std::vector<double> origin = distances->origin(row);
      double sum = 0.0;
      double weight_sum = 0.0;
      for (std::size_t e = 0; e < columns.size(); ++e) {
        const double distance = distances->between(origin, row, columns[e]);
        sum += static_cast<double>(weights[e]) * distance * distance;
        weight_sum += static_cast<double>(weights[e]);
      }
      radii[row] = std::log(kEpsilon + sum / weight_sum);
    }
  });
  return radii;
}

UmapDensity::UmapDensity(const SparseGraph& graph, std::span<const double> radii, const UmapDensityOptions& options,
                         const UmapCurve& curve)
    : graph_(graph),
      options_(options),
      curve_(curve),
      weight_sum_(std::accumulate(graph.weights.begin(), graph.weights.end(), 0.0)),
      targets_(radii.begin(), radii.end()),
      map_radii_(radii.size(), 0.0),
      nearness_sums_(radii.size(), 0.0),
      slopes_(radii.size(), 0.0F),
      levels_(radii.size(), 0.0F) {
  for (std::size_t row = 0; row < radii.size(); ++row) {
    joined_count_ += graph.columns_of(row).empty() ? 0U : 1U;
  }
  const Moments moments = moments_of(radii, graph, joined_count_);
  for (double& target : targets_) {
    target = moments.variance > 0.0 ? (target - moments.mean) / std::sqrt(moments.variance) : 0.0;
  }
}

bool UmapDensity::is_due(std::size_t epoch, std::size_t epoch_count) const noexcept {
  return options_.weight > 0.0 &&
         static_cast<double>(epoch + 1) / static_cast<double>(epoch_count) > 1.0 - options_.share;
}

void UmapDensity::measure(std::span<const float> places, std::size_t dim, ThreadPool& pool) {
  const auto a = static_cast<float>(curve_.a);
  const auto b = static_cast<float>(curve_.b);
  pool.parallel_for(graph_.row_count(), kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      double sum = 0.0;
      double nearness_sum = 0.0;
      for (const std::uint32_t other : graph_.columns_of(row)) {
        float square = 0.0F;
        for (std::size_t c = 0; c < dim; ++c) {
          const float apart = places[row * dim + c] - places[other * dim + c];
          square += apart * apart;
        }
        const float nearness = 1.0F / (1.0F + a * std::pow(square, b));
        sum += static_cast<double>(nearness * square);
        nearness_sum += static_cast<double>(nearness);
      }
      // An edge is there in both directions, and umap-learn adds each to both of its ends.
      nearness_sums_[row] = 2.0 * nearness_sum;
      map_radii_[row] = nearness_sum > 0.0 ? std::log(kEpsilon + sum / nearness_sum) : 0.0;
    }
  });
  const Moments moments = moments_of(map_radii_, graph_, joined_count_);
  const double variance = moments.variance + options_.variance_shift;
  double covariance = 0.0;
  for (std::size_t row = 0; row < targets_.size(); ++row) {
    covariance += graph_.columns_of(row).empty() ? 0.0 : map_radii_[row] * targets_[row];
  }
  covariance /= static_cast<double>(std::max<std::size_t>(2, joined_count_) - 1);
  // Radii that are all alike, without a shift: nothing to correlate with.
  scale_ =
      variance > 0.0 ? options_.weight * weight_sum_ / (std::sqrt(variance) * static_cast<double>(joined_count_)) : 0.0;
  for (std::size_t row = 0; row < targets_.size(); ++row) {
    if (scale_ > 0.0 && nearness_sums_[row] > 0.0) {
      const double wanted = targets_[row] - covariance * (map_radii_[row] - moments.mean) / variance;
      const double slope = wanted / nearness_sums_[row];
      slopes_[row] = static_cast<float>(slope);
      levels_[row] = static_cast<float>(slope * std::exp(-map_radii_[row]));
    }
  }
}

UmapDensity::Pull UmapDensity::of(std::uint32_t row, std::uint32_t other, double weight) const noexcept {
  const auto scale = static_cast<float>(scale_ / weight);
  return {.level = scale * (levels_[row] + levels_[other]), .slope = scale * (slopes_[row] + slopes_[other])};
}

SparseGraph due_edges(const SparseGraph& graph, std::size_t epoch_count) {
  const float most = graph.weights.empty() ? 0.0F : std::ranges::max(graph.weights);
  SparseGraph due = graph;
  for (float& weight : due.weights) {
    // As UmapSchedule asks it.
    const double rate = static_cast<double>(weight) / static_cast<double>(most);
    weight = rate * static_cast<double>(epoch_count) >= 1.0 ? weight : 0.0F;
  }
  return without_zeros(due);
}

}  // namespace asterism
