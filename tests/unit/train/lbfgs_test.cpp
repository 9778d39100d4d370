#include "train/lbfgs.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace asterism {
namespace {

// Rosenbrock 1960: a bent valley whose floor ends at (1, 1), where the value is 0.
double valley(const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
  const double along = 1.0 - at[0];
  const double across = at[1] - at[0] * at[0];
  gradient.resize(2);
  gradient << -2.0 * along - 400.0 * at[0] * across, 200.0 * across;
  return along * along + 100.0 * across * across;
}

// Steepness from 1 to 1000; least at 1 everywhere, where the value is 1.
double bowl(const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
  const Eigen::VectorXd steepness = Eigen::VectorXd::LinSpaced(at.size(), 1.0, 1000.0);
  const Eigen::VectorXd distance = at - Eigen::VectorXd::Ones(at.size());
  gradient = steepness.cwiseProduct(distance);
  return 1.0 + 0.5 * gradient.dot(distance);
}

TEST(Lbfgs, finds_the_end_of_a_bent_valley) {
  const LbfgsResult found = minimize_lbfgs(valley, Eigen::Vector2d(-1.2, 1.0), {.gradient_tolerance = 1e-9});
  EXPECT_NEAR(found.at[0], 1.0, 1e-7);
  EXPECT_NEAR(found.at[1], 1.0, 1e-7);
  EXPECT_NEAR(found.value, 0.0, 1e-14);
  EXPECT_LT(found.iteration_count, 100);
}

TEST(Lbfgs, stops_at_the_number_of_iterations) {
  const LbfgsResult found = minimize_lbfgs(valley, Eigen::Vector2d(-1.2, 1.0), {.iteration_count_max = 3});
  EXPECT_EQ(found.iteration_count, 3);
  Eigen::VectorXd gradient;
  EXPECT_EQ(found.value, valley(found.at, gradient));
}

TEST(Lbfgs, values_in_steps_of_their_rounding_do_not_end_the_search) {
  constexpr double kRounding = 1e-6;
  const auto rounded = [](const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
    return std::ceil(bowl(at, gradient) / kRounding) * kRounding;
  };
  const LbfgsOptions options{.gradient_tolerance = 1e-7, .value_rounding = kRounding};
  const LbfgsResult found = minimize_lbfgs(rounded, Eigen::VectorXd::Zero(20), options);
  EXPECT_LT((found.at - Eigen::VectorXd::Ones(20)).norm(), 1e-6);
  // Taken as exact, they stop it far from the minimum's gradient.
  const LbfgsResult early =
      minimize_lbfgs(rounded, Eigen::VectorXd::Zero(20), {.gradient_tolerance = 1e-7, .value_rounding = 0.0});
  EXPECT_GT((early.at - Eigen::VectorXd::Ones(20)).norm(), 1e-6);
}

}  // namespace
}  // namespace asterism
