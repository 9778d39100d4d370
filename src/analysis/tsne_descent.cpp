#include "analysis/tsne_descent.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/stage_progress.hpp"
#include "analysis/student_forces.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerTask = 1024;
constexpr float kMomentum = 0.8F;
constexpr float kStepMax = 5.0F;

class Descent {
 public:
  Descent(std::size_t row_count, std::size_t component_count, std::span<float> places,
          std::span<const float> step_shares)
      : row_count_(row_count),
        component_count_(component_count),
        places_(places),
        step_shares_(step_shares),
        steps_(places.size(), 0.0F),
        gains_(places.size(), 1.0F),
        gradient_(places.size(), 0.0F) {}

  PlacesView view() const { return {.values = places_.data(), .count = row_count_, .dim = component_count_}; }

  void step(StudentForces& forces, const TsneStage& stage, ThreadPool& pool) {
    forces.gradient(view(), stage.exaggeration, gradient_, pool);
    const std::size_t task_count = (row_count_ + kRowsPerTask - 1) / kRowsPerTask;
    std::vector<double> sums(task_count * component_count_, 0.0);
    const auto rate = static_cast<float>(stage.learning_rate / 4.0);
    pool.parallel_for(row_count_, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        move(row, rate);
      }
      for (std::size_t c = 0; c < component_count_; ++c) {
        double sum = 0.0;
        for (std::size_t row = begin; row < end; ++row) {
          sum += static_cast<double>(places_[c * row_count_ + row]);
        }
        sums[begin / kRowsPerTask * component_count_ + c] = sum;
      }
    });
    if (step_shares_.empty()) {
      center(sums);
    }
  }

 private:
  void move(std::size_t row, float rate) {
    float square = 0.0F;
    for (std::size_t c = 0; c < component_count_; ++c) {
      const std::size_t at = c * row_count_ + row;
      gains_[at] = next_gain(gains_[at], steps_[at], gradient_[at]);
      steps_[at] = kMomentum * steps_[at] - rate * gains_[at] * gradient_[at];
      square += steps_[at] * steps_[at];
    }
    const float shorten = square > kStepMax * kStepMax ? kStepMax / std::sqrt(square) : 1.0F;
    for (std::size_t c = 0; c < component_count_; ++c) {
      const std::size_t at = c * row_count_ + row;
      steps_[at] *= shorten;
      places_[at] += step_shares_.empty() ? steps_[at] : step_shares_[row] * steps_[at];
    }
  }

  // The divergence does not see where the middle is; floats are finest around zero.
  void center(std::span<const double> sums) {
    for (std::size_t c = 0; c < component_count_; ++c) {
      double sum = 0.0;
      for (std::size_t part = c; part < sums.size(); part += component_count_) {
        sum += sums[part];
      }
      const auto mean = static_cast<float>(sum / static_cast<double>(row_count_));
      for (float& value : places_.subspan(c * row_count_, row_count_)) {
        value -= mean;
      }
    }
  }

  std::size_t row_count_;
  std::size_t component_count_;
  std::span<float> places_;
  std::span<const float> step_shares_;
  std::vector<float> steps_;
  std::vector<float> gains_;
  std::vector<float> gradient_;
};

}  // namespace

Result<double> descend_tsne(const SparseGraph& affinities, std::unique_ptr<PushField> push,
                            std::span<const TsneStage> stages, std::size_t component_count, std::span<float> places,
                            std::span<const float> step_shares, const AnalysisRun& run) {
  StudentForces forces(affinities, std::move(push));
  std::size_t total = 0;
  for (const TsneStage& stage : stages) {
    total += stage.step_count;
  }
  StageProgress progress(run, "layout", total);
  std::size_t done = 0;
  Descent descent(affinities.row_count(), component_count, places, step_shares);
  for (const TsneStage& stage : stages) {
    for (std::size_t step = 0; step < stage.step_count; ++step) {
      if (auto ok = progress.at(done++); !ok) {
        return std::unexpected(ok.error());
      }
      descent.step(forces, stage, run.pool);
    }
  }
  if (auto ok = progress.at(total); !ok) {
    return std::unexpected(ok.error());
  }
  if (!std::ranges::all_of(places, [](float v) { return std::isfinite(v); })) {
    return fail(ErrorCode::kInvalidArgument, "tsne: the places ran away to infinity",
                "choose a smaller learning_rate, or 0 for the usual one");
  }
  return forces.divergence(descent.view(), run.pool);
}

}  // namespace asterism
