#include "analysis/affinities.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/mentions.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerTask = 256;
constexpr int kSearchSteps = 200;
constexpr double kEntropyTolerance = 1e-10;

struct Entropy {
  double value = 0.0;
  double slope = 0.0;  // by the logarithm of the sharpness
};

// Of weights exp(-sharpness * gap); leaves the weights, not yet summing up to 1.
Entropy entropy_at(std::span<const double> gaps, double sharpness, std::span<double> weights, double& sum) {
  sum = 0.0;
  double first = 0.0;
  double second = 0.0;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const double w = std::exp(-sharpness * gaps[i]);
    weights[i] = w;
    sum += w;
    first += w * gaps[i];
    second += w * gaps[i] * gaps[i];
  }
  const double mean = first / sum;
  return {.value = std::log(sum) + sharpness * mean, .slope = -sharpness * sharpness * (second / sum - mean * mean)};
}

}  // namespace

void gaussian_weights(std::span<const float> distances, double perplexity, std::span<double> weights) {
  // From the nearest on, and in units of their mean: the weights stay the same, and nothing under- or overflows.
  std::vector<double> gaps(distances.size());
  std::ranges::transform(distances, gaps.begin(),
                         [](float d) { return static_cast<double>(d) * static_cast<double>(d); });
  const double least = *std::ranges::min_element(gaps);
  double mean = 0.0;
  for (double& gap : gaps) {
    gap -= least;
    mean += gap / static_cast<double>(gaps.size());
  }
  double sum = static_cast<double>(gaps.size());
  std::ranges::fill(weights, 1.0);
  if (mean > 0.0) {
    for (double& gap : gaps) {
      gap /= mean;
    }
    // Newton on the logarithm of the sharpness, kept between two bounds; halved where it would leave them.
    const double target = std::log(perplexity);
    double low = -50.0;
    double high = 50.0;
    double at = 0.0;
    for (int step = 0; step < kSearchSteps; ++step) {
      const Entropy entropy = entropy_at(gaps, std::exp(at), weights, sum);
      const double excess = entropy.value - target;
      if (std::abs(excess) <= kEntropyTolerance || high - low < 1e-14) {
        break;
      }
      (excess > 0.0 ? low : high) = at;
      const double next = at - excess / entropy.slope;
      at = next > low && next < high ? next : 0.5 * (low + high);
    }
  }
  for (double& weight : weights) {
    weight /= sum;
  }
}

std::vector<float> conditional_affinities(const NeighborGraph& graph, double perplexity, ThreadPool& pool) {
  const std::size_t k = graph.neighbor_count;
  std::vector<float> values(graph.row_count * k);
  pool.parallel_for(graph.row_count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<double> weights(k);
    for (std::size_t row = begin; row < end; ++row) {
      gaussian_weights(std::span(graph.distances).subspan(row * k, k), perplexity, weights);
      std::ranges::transform(weights, values.begin() + static_cast<std::ptrdiff_t>(row * k),
                             [](double w) { return static_cast<float>(w); });
    }
  });
  return values;
}

namespace {

using Pair = std::pair<std::uint32_t, double>;

// Both directions of every pair of a row, merged, by neighbour.
void merge_row(const NeighborGraph& graph, std::span<const float> conditional, const Mentions& mentions,
               std::size_t row, std::vector<Pair>& pairs) {
  const std::size_t k = graph.neighbor_count;
  pairs.clear();
  for (std::size_t i = row * k; i < (row + 1) * k; ++i) {
    pairs.emplace_back(graph.neighbors[i], static_cast<double>(conditional[i]));
  }
  for (const std::size_t position : mentions.of(row)) {
    pairs.emplace_back(static_cast<std::uint32_t>(position / k), static_cast<double>(conditional[position]));
  }
  std::ranges::sort(pairs);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (kept > 0 && pairs[kept - 1].first == pairs[i].first) {
      pairs[kept - 1].second += pairs[i].second;
    } else {
      pairs[kept++] = pairs[i];
    }
  }
  pairs.resize(kept);
}

}  // namespace

SparseGraph joint_affinities(const NeighborGraph& graph, std::span<const float> conditional, ThreadPool& pool) {
  const Mentions mentions = mentions_of(graph.row_count, graph.neighbors);
  const std::size_t task_count = (graph.row_count + kRowsPerTask - 1) / kRowsPerTask;
  std::vector<std::vector<Pair>> merged(task_count);
  SparseGraph joint;
  joint.begin.assign(graph.row_count + 1, 0);
  pool.parallel_for(graph.row_count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<Pair>& out = merged[begin / kRowsPerTask];
    std::vector<Pair> pairs;
    for (std::size_t row = begin; row < end; ++row) {
      merge_row(graph, conditional, mentions, row, pairs);
      out.insert(out.end(), pairs.begin(), pairs.end());
      joint.begin[row + 1] = pairs.size();
    }
  });
  for (std::size_t row = 0; row < graph.row_count; ++row) {
    joint.begin[row + 1] += joint.begin[row];
  }
  joint.columns.resize(joint.begin.back());
  joint.weights.resize(joint.begin.back());
  // Every row gives 1 and every pair is there twice.
  const double scale = 0.5 / static_cast<double>(graph.row_count);
  pool.parallel_for(task_count, 1, [&](std::size_t task, std::size_t) {
    std::size_t at = joint.begin[task * kRowsPerTask];
    for (const Pair& pair : merged[task]) {
      joint.columns[at] = pair.first;
      joint.weights[at] = static_cast<float>(pair.second * scale);
      ++at;
    }
    merged[task] = {};
  });
  return joint;
}

}  // namespace asterism
