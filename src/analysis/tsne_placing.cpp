#include "analysis/tsne_placing.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "analysis/affinities.hpp"
#include "analysis/stage_progress.hpp"
#include "analysis/tsne_descent.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// openTSNE's defaults of transform().
constexpr double kPerplexity = 5.0;
constexpr std::size_t kPulling = 15;
constexpr std::size_t kStepCount = 250;
constexpr float kExaggeration = 1.5F;
constexpr float kRate = 0.1F;
constexpr float kMomentum = 0.8F;
constexpr float kGradientMax = 0.25F;

constexpr std::size_t kRowsPerTask = 16;
constexpr std::size_t kRowsPerRound = 4096;  // between two looks at the cancel flag

Place median_of(const PlacesView& places, std::span<const std::uint32_t> neighbors) {
  Place place = {};
  std::vector<float> values(neighbors.size());
  for (std::size_t c = 0; c < places.dim; ++c) {
    std::ranges::transform(neighbors, values.begin(),
                           [&](std::uint32_t n) { return places.values[c * places.count + n]; });
    std::ranges::sort(values);
    place[c] = 0.5F * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
  }
  return place;
}

Place place_row(const PlacesView& places, const PushField& push, std::span<const std::uint32_t> neighbors,
                std::span<const float> distances) {
  Place at = median_of(places, neighbors);
  neighbors = neighbors.first(std::min(neighbors.size(), kPulling));
  std::vector<double> exact(neighbors.size());
  gaussian_weights(distances.first(neighbors.size()), kPerplexity, exact);
  std::vector<float> weights(exact.size());
  std::ranges::transform(exact, weights.begin(), [](double w) { return static_cast<float>(w); });
  Place step = {};
  Place gain;
  gain.fill(1.0F);
  for (std::size_t k = 0; k < kStepCount; ++k) {
    const Place pull = student_pull(places, at, neighbors, weights);
    const StudentPush pushed = push.at(at);
    const double weight = std::max(pushed.weight, 1e-12);
    Place gradient = {};
    float square = 0.0F;
    for (std::size_t c = 0; c < places.dim; ++c) {
      gradient[c] = kExaggeration * pull[c] - static_cast<float>(pushed.force[c] / weight);
      square += gradient[c] * gradient[c];
    }
    const float norm = std::sqrt(square);
    const float shorten = norm > kGradientMax ? kGradientMax / norm : 1.0F;
    for (std::size_t c = 0; c < places.dim; ++c) {
      const float slope = shorten * gradient[c];
      gain[c] = next_gain(gain[c], step[c], slope);
      step[c] = kMomentum * step[c] - kRate * gain[c] * slope;
      at[c] += step[c];
    }
  }
  return at;
}

}  // namespace

Result<std::vector<float>> place_rows(const NeighborGraph& graph, const PlacesView& places, const PushField& push,
                                      const AnalysisRun& run) {
  const std::size_t k = graph.neighbor_count;
  std::vector<float> out(graph.row_count * places.dim);
  StageProgress progress(run, "placing", graph.row_count);
  for (std::size_t first = 0; first < graph.row_count; first += kRowsPerRound) {
    if (auto ok = progress.at(first); !ok) {
      return std::unexpected(ok.error());
    }
    const std::size_t count = std::min(kRowsPerRound, graph.row_count - first);
    run.pool.parallel_for(count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = first + begin; row < first + end; ++row) {
        const Place at = place_row(places, push, std::span(graph.neighbors).subspan(row * k, k),
                                   std::span(graph.distances).subspan(row * k, k));
        std::copy_n(at.begin(), places.dim, out.begin() + static_cast<std::ptrdiff_t>(row * places.dim));
      }
    });
  }
  if (auto ok = progress.at(graph.row_count); !ok) {
    return std::unexpected(ok.error());
  }
  return out;
}

}  // namespace asterism
