// The way down of t-SNE: gradient descent with momentum and gains, as openTSNE goes it.
//
// Thread-safety: one caller, with a pool. Repeatable at any thread count. Cost: that of student_forces.hpp, a step.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "analysis/affinities.hpp"
#include "analysis/estimator.hpp"
#include "analysis/push_field.hpp"
#include "asterism/error.hpp"

namespace asterism {

struct TsneStage {
  double exaggeration = 1.0;
  std::size_t step_count = 0;
  double learning_rate = 0.0;  // of the gradient without its factor 4
};

// Moves `places`, by coordinate [component_count, row_count], through the stages; returns the divergence at the end.
// `step_shares` [row_count]: those of start_places.hpp, or none: each row takes all of its steps. Where there are any
// the map is not moved back to its middle.
Result<double> descend_tsne(const SparseGraph& affinities, std::unique_ptr<PushField> push,
                            std::span<const TsneStage> stages, std::size_t component_count, std::span<float> places,
                            std::span<const float> step_shares, const AnalysisRun& run);

// The gain of one coordinate: grows while gradient and last step disagree in sign, which is while the place goes on
// downhill (Jacobs 1988).
inline float next_gain(float gain, float last_step, float gradient) noexcept {
  constexpr float kGainMin = 0.01F;
  const bool goes_on = (last_step > 0.0F) != (gradient > 0.0F) || last_step == 0.0F;
  return goes_on ? gain + 0.2F : gain * 0.8F + kGainMin;
}

}  // namespace asterism
