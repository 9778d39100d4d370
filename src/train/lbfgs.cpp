#include "train/lbfgs.hpp"

#include <cmath>
#include <deque>
#include <utility>
#include <vector>

namespace asterism {
namespace {

using Vector = Eigen::VectorXd;

// Pairs that are remembered; strong Wolfe constants of the book.
constexpr std::size_t kMemory = 10;
constexpr double kSufficientDecrease = 1e-4;
constexpr double kCurvature = 0.9;
constexpr int kLineSearchCountMax = 30;

struct Point {
  Vector at;
  double value = 0.0;
  Vector gradient;
};

// Sets `next` to a point along `direction` that fulfils the strong Wolfe conditions, by bracketing and halving; false
// where rounding leaves no such step.
bool line_search(const LbfgsObjective& objective, const Point& point, const Vector& direction, double value_rounding,
                 Point& next) {
  const double slope = point.gradient.dot(direction);
  if (slope >= 0.0) {
    return false;
  }
  const double rounding = value_rounding * std::abs(point.value);
  double low = 0.0;
  double high = 0.0;  // 0 = none yet
  double step = 1.0;
  for (int i = 0; i < kLineSearchCountMax; ++i) {
    next.at = point.at + step * direction;
    next.value = objective(next.at, next.gradient);
    const double next_slope = next.gradient.dot(direction);
    if (!(next.value <= point.value + kSufficientDecrease * step * slope + rounding)) {
      high = step;
    } else if (next_slope < kCurvature * slope) {
      low = step;
    } else if (next_slope > -kCurvature * slope) {
      high = step;
    } else {
      return true;
    }
    step = high == 0.0 ? 2.0 * step : 0.5 * (low + high);
  }
  return false;
}

struct Pair {
  Vector step;
  Vector change;
  double inverse_curvature = 0.0;
};

Vector newton_direction(const std::deque<Pair>& memory, const Vector& gradient) {
  Vector q = -gradient;
  std::vector<double> alpha(memory.size());
  for (std::size_t i = memory.size(); i-- > 0;) {
    alpha[i] = memory[i].inverse_curvature * memory[i].step.dot(q);
    q -= alpha[i] * memory[i].change;
  }
  if (!memory.empty()) {
    q *= 1.0 / (memory.back().inverse_curvature * memory.back().change.squaredNorm());
  }
  for (std::size_t i = 0; i < memory.size(); ++i) {
    q += (alpha[i] - memory[i].inverse_curvature * memory[i].change.dot(q)) * memory[i].step;
  }
  return q;
}

// The oldest pair makes place, and lends its storage.
void remember(std::deque<Pair>& memory, const Point& from, const Point& to) {
  Pair pair;
  if (memory.size() == kMemory) {
    pair = std::move(memory.front());
    memory.pop_front();
  }
  pair.step = to.at - from.at;
  pair.change = to.gradient - from.gradient;
  const double curvature = pair.step.dot(pair.change);
  if (curvature > 0.0) {
    pair.inverse_curvature = 1.0 / curvature;
    memory.push_back(std::move(pair));
  }
}

}  // namespace

LbfgsResult minimize_lbfgs(const LbfgsObjective& objective, Vector start, const LbfgsOptions& options) {
  std::deque<Pair> memory;
  Point point{.at = std::move(start), .value = 0.0, .gradient = {}};
  Point next;
  point.value = objective(point.at, point.gradient);
  std::int64_t iteration = 0;
  for (; iteration < options.iteration_count_max; ++iteration) {
    if (point.gradient.lpNorm<Eigen::Infinity>() <= options.gradient_tolerance) {
      break;
    }
    if (!line_search(objective, point, newton_direction(memory, point.gradient), options.value_rounding, next)) {
      break;
    }
    remember(memory, point, next);
    std::swap(point, next);
  }
  return {.at = std::move(point.at), .value = point.value, .iteration_count = iteration};
}

}  // namespace asterism
