#include "analysis/pacmap_descent.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/stage_progress.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerTask = 512;
constexpr double kMeanDecay = 0.9;
constexpr double kSquareDecay = 0.999;
constexpr float kSquareMin = 1e-7F;
constexpr double kMidStart = 1000.0;
constexpr double kMidEnd = 3.0;

// The constants of the three losses, each with the 1 that d begins with.
constexpr float kNearSoftening = 11.0F;
constexpr float kMidSoftening = 10001.0F;
constexpr float kFarSoftening = 2.0F;

}  // namespace

PacmapWeights pacmap_weights(std::size_t step) noexcept {
  if (step < kPacmapPhaseSteps) {
    const double share = static_cast<double>(step) / static_cast<double>(kPacmapPhaseSteps);
    return {.near = 2.0F, .mid = static_cast<float>((1.0 - share) * kMidStart + share * kMidEnd), .far = 1.0F};
  }
  if (step < 2 * kPacmapPhaseSteps) {
    return {.near = 3.0F, .mid = static_cast<float>(kMidEnd), .far = 1.0F};
  }
  return {.near = 1.0F, .mid = 0.0F, .far = 1.0F};
}

Place pacmap_pull(const PlacesView& places, const Place& at, std::span<const std::uint32_t> near,
                  float weight) noexcept {
  Place pull = softened_pull(places, at, near, kNearSoftening);
  for (float& value : pull) {
    value *= 20.0F * weight;
  }
  return pull;
}

Place pacmap_gradient(const PacmapPairs& pairs, const PlacesView& places, std::size_t row,
                      const PacmapWeights& weights) noexcept {
  Place at = {};
  for (std::size_t c = 0; c < places.dim; ++c) {
    at[c] = places.values[c * places.count + row];
  }
  Place gradient = pacmap_pull(places, at, pairs.near.of(row), weights.near);
  const Place far = softened_pull(places, at, pairs.far.of(row), kFarSoftening);
  for (std::size_t c = 0; c < places.dim; ++c) {
    gradient[c] -= 2.0F * weights.far * far[c];
  }
  if (weights.mid > 0.0F) {
    const Place mid = softened_pull(places, at, pairs.mid.of(row), kMidSoftening);
    for (std::size_t c = 0; c < places.dim; ++c) {
      gradient[c] += 20000.0F * weights.mid * mid[c];
    }
  }
  return gradient;
}

AdamStep::AdamStep(double learning_rate, std::size_t step) noexcept
    : rate_(static_cast<float>(learning_rate * std::sqrt(1.0 - std::pow(kSquareDecay, static_cast<double>(step + 1))) /
                               (1.0 - std::pow(kMeanDecay, static_cast<double>(step + 1))))) {}

float AdamStep::operator()(AdamState& state, float gradient) const noexcept {
  state.mean += static_cast<float>(1.0 - kMeanDecay) * (gradient - state.mean);
  state.square += static_cast<float>(1.0 - kSquareDecay) * (gradient * gradient - state.square);
  return -rate_ * state.mean / (std::sqrt(state.square) + kSquareMin);
}

Result<void> descend_pacmap(const PacmapPairs& pairs, const PacmapCourse& course, std::size_t component_count,
                            std::span<float> places, const AnalysisRun& run) {
  const std::span<const float> shares = course.step_shares;
  const std::size_t row_count = places.size() / component_count;
  const PlacesView view{.values = places.data(), .count = row_count, .dim = component_count};
  std::vector<float> gradient(places.size());
  std::vector<AdamState> adam(places.size());
  StageProgress progress(run, "layout", course.end_step - course.first_step);
  for (std::size_t step = course.first_step; step < course.end_step; ++step) {
    if (auto ok = progress.at(step - course.first_step); !ok) {
      return ok;
    }
    const PacmapWeights weights = pacmap_weights(step);
    run.pool.parallel_for(row_count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        const Place of_row = pacmap_gradient(pairs, view, row, weights);
        for (std::size_t c = 0; c < component_count; ++c) {
          gradient[c * row_count + row] = of_row[c];
        }
      }
    });
    const AdamStep adam_step(course.learning_rate, step - course.first_step);
    run.pool.parallel_for(places.size(), kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const float move = adam_step(adam[i], gradient[i]);
        places[i] += shares.empty() ? move : shares[i % row_count] * move;
      }
    });
  }
  return progress.at(course.end_step - course.first_step);
}

}  // namespace asterism
