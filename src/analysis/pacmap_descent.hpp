// The way down of PaCMAP: three forces with weights that change by phase, and Adam (Kingma and Ba 2015).
//
// Thread-safety: one caller, with a pool. Repeatable at any thread count: each place sums its own pairs, in their
// order.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/pacmap_pairs.hpp"
#include "asterism/error.hpp"
#include "kernels/place_forces.hpp"

namespace asterism {

struct PacmapWeights {
  float near = 0.0F;
  float mid = 0.0F;
  float far = 0.0F;
};

// Steps of the two phases before the last.
inline constexpr std::size_t kPacmapPhaseSteps = 100;
// Of a step, from 0 on: mid-near pairs from 1000 down to 3, then 3, then none.
PacmapWeights pacmap_weights(std::size_t step) noexcept;

// d loss / d y of one place: near pairs d / (10 + d), mid-near d / (10000 + d), further 1 / (1 + d), d being 1 plus the
// squared distance.
struct PacmapPairs {
  PairLists near;
  PairLists mid;
  PairLists far;
};
Place pacmap_gradient(const PacmapPairs& pairs, const PlacesView& places, std::size_t row,
                      const PacmapWeights& weights) noexcept;

// The pull of near rows alone on a place outside: what moves a new row.
Place pacmap_pull(const PlacesView& places, const Place& at, std::span<const std::uint32_t> near,
                  float weight) noexcept;

// Adam as the reference has it: step `step`, from 0 on, of one coordinate.
struct AdamState {
  float mean = 0.0F;
  float square = 0.0F;
};
class AdamStep {
 public:
  AdamStep(double learning_rate, std::size_t step) noexcept;
  // What to add to the coordinate.
  float operator()(AdamState& state, float gradient) const noexcept;

 private:
  float rate_;
};

// Steps [first_step, end_step), and how far each goes.
struct PacmapCourse {
  std::size_t first_step = 0;
  std::size_t end_step = 0;
  double learning_rate = 1.0;
  std::span<const float> step_shares = {};  // [row_count]: those of start_places.hpp; or none: all of each step
};

// Moves `places`, by coordinate [component_count, row_count].
Result<void> descend_pacmap(const PacmapPairs& pairs, const PacmapCourse& course, std::size_t component_count,
                            std::span<float> places, const AnalysisRun& run);

}  // namespace asterism
