// L-BFGS: the minimum of a smooth function of many numbers from its values and gradients (Nocedal and Wright, Numerical
// Optimization, algorithms 7.4 and 3.5; ten pairs are remembered).
//
// Deterministic: the same function gives the same steps. Thread-safety: pure function; the objective is called from the
// calling thread, one call at a time. Cost: about one call of the objective and 40 passes over a vector of `start`'s
// size an iteration; memory 26 such vectors.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>

namespace asterism {

// Returns the value at `at` and sets `gradient`, of the same size.
using LbfgsObjective = std::function<double(const Eigen::VectorXd& at, Eigen::VectorXd& gradient)>;

struct LbfgsOptions {
  std::int64_t iteration_count_max = 200;
  // Ends when no part of the gradient is larger.
  double gradient_tolerance = 1e-5;
  // How exact the objective's values are, relative to them: a step that makes the value no worse than that is judged by
  // its slope alone (the approximate Wolfe conditions of Hager and Zhang 2005), since differences of values near the
  // minimum are below their rounding long before the gradient is.
  double value_rounding = 0.0;
};

struct LbfgsResult {
  Eigen::VectorXd at;
  double value = 0.0;
  std::int64_t iteration_count = 0;
};

// From `start` until the gradient is small, the iterations are used up, or rounding leaves no step that descends.
LbfgsResult minimize_lbfgs(const LbfgsObjective& objective, Eigen::VectorXd start, const LbfgsOptions& options);

}  // namespace asterism
