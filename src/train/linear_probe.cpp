#include "train/linear_probe.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <deque>
#include <set>

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

// Pairs that L-BFGS remembers; strong Wolfe constants of the book.
constexpr std::size_t kMemory = 10;
constexpr double kSufficientDecrease = 1e-4;
constexpr double kCurvature = 0.9;
constexpr int kLineSearchCountMax = 30;

struct Rows {
  Matrix features;
  std::vector<Eigen::Index> labels;
};

Rows labelled_rows(const LabelledVectors& from) {
  Rows out;
  const auto dim = static_cast<Eigen::Index>(from.dim);
  const auto count = static_cast<Eigen::Index>(from.row_count()) - std::ranges::count(from.labels, -1);
  out.features.resize(count, dim);
  for (std::size_t row = 0; row < from.row_count(); ++row) {
    if (from.labels[row] >= 0) {
      const Eigen::Map<const Eigen::RowVectorXf> vector(from.values.data() + row * from.dim, dim);
      out.features.row(static_cast<Eigen::Index>(out.labels.size())) = vector.cast<double>();
      out.labels.push_back(from.labels[row]);
    }
  }
  return out;
}

// By the mean and deviation of the training rows; a feature that never changes stays as it is, minus its mean.
void standardize(Rows& train, Rows& test) {
  const Eigen::RowVectorXd mean = train.features.colwise().mean();
  train.features.rowwise() -= mean;
  test.features.rowwise() -= mean;
  Eigen::RowVectorXd deviation =
      (train.features.colwise().squaredNorm() / static_cast<double>(train.features.rows())).cwiseSqrt();
  for (double& value : deviation) {
    value = value > 1e-12 ? value : 1.0;
  }
  train.features.array().rowwise() /= deviation.array();
  test.features.array().rowwise() /= deviation.array();
}

// With more features than rows the solution is a combination of the rows (Schoelkopf et al. 2001, representer theorem),
// so that coordinates in the space that they span give the same scores: X X^T = U S U^T, X becomes U S^(1/2) and a test
// row y becomes y X^T U S^(-1/2).
void rotate_into_row_space(Rows& train, Rows& test) {
  constexpr double kRankTolerance = 1e-12;
  if (train.features.cols() <= train.features.rows()) {
    return;
  }
  const Eigen::MatrixXd gram = train.features * train.features.transpose();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
  const Vector& values = solver.eigenvalues();  // ascending
  const auto rank = static_cast<Eigen::Index>(
      std::ranges::count_if(values, [&](double value) { return value > kRankTolerance * values.maxCoeff(); }));
  const Eigen::MatrixXd basis =
      solver.eigenvectors().rightCols(rank) * values.tail(rank).cwiseSqrt().cwiseInverse().asDiagonal();
  const Eigen::MatrixXd across = test.features * train.features.transpose();
  train.features = gram * basis;
  test.features = across * basis;
}

// Parameters are [classes, dim + 1] in one vector, the intercept last in each row.
class Objective {
 public:
  Objective(const Rows& rows, Eigen::Index class_count, double inverse_penalty)
      : rows_(rows),
        class_count_(class_count),
        penalty_(1.0 / (inverse_penalty * static_cast<double>(rows.labels.size()))) {}

  Eigen::Index size() const { return class_count_ * (rows_.features.cols() + 1); }

  double operator()(const Vector& at, Vector& gradient) const {
    const Eigen::Index dim = rows_.features.cols();
    const Eigen::Map<const Matrix> parameters(at.data(), class_count_, dim + 1);
    Matrix scores = rows_.features * parameters.leftCols(dim).transpose();
    scores.rowwise() += parameters.col(dim).transpose();
    double loss = 0.0;
    for (Eigen::Index i = 0; i < scores.rows(); ++i) {
      const Eigen::Index label = rows_.labels[static_cast<std::size_t>(i)];
      const double largest = scores.row(i).maxCoeff();
      const double own = scores(i, label) - largest;
      scores.row(i) = (scores.row(i).array() - largest).exp();
      const double sum = scores.row(i).sum();
      loss += std::log(sum) - own;
      scores.row(i) /= sum;
      scores(i, label) -= 1.0;
    }
    const auto count = static_cast<double>(scores.rows());
    gradient.resize(size());
    Eigen::Map<Matrix> out(gradient.data(), class_count_, dim + 1);
    out.leftCols(dim) = scores.transpose() * rows_.features / count + penalty_ * parameters.leftCols(dim);
    out.col(dim) = scores.colwise().sum().transpose() / count;
    return loss / count + 0.5 * penalty_ * parameters.leftCols(dim).squaredNorm();
  }

 private:
  const Rows& rows_;
  Eigen::Index class_count_;
  double penalty_;
};

struct Point {
  Vector at;
  double value = 0.0;
  Vector gradient;
};

// A step along `direction` that fulfils the strong Wolfe conditions, by bracketing and halving; false where rounding
// leaves no such step.
bool line_search(const Objective& objective, Point& point, const Vector& direction) {
  const double slope = point.gradient.dot(direction);
  if (slope >= 0.0) {
    return false;
  }
  double low = 0.0;
  double high = 0.0;  // 0 = none yet
  double step = 1.0;
  Point next;
  for (int i = 0; i < kLineSearchCountMax; ++i) {
    next.at = point.at + step * direction;
    next.value = objective(next.at, next.gradient);
    const double next_slope = next.gradient.dot(direction);
    if (!(next.value <= point.value + kSufficientDecrease * step * slope)) {
      high = step;
    } else if (next_slope < kCurvature * slope) {
      low = step;
    } else if (next_slope > -kCurvature * slope) {
      high = step;
    } else {
      point = std::move(next);
      return true;
    }
    step = high == 0.0 ? 2.0 * step : 0.5 * (low + high);
  }
  return false;
}

struct Memory {
  Vector step;
  Vector change;
  double inverse_curvature = 0.0;
};

Vector newton_direction(const std::deque<Memory>& memory, const Vector& gradient) {
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

std::int64_t minimize(const Objective& objective, Point& point, const LinearProbeOptions& options) {
  std::deque<Memory> memory;
  point.value = objective(point.at, point.gradient);
  std::int64_t iteration = 0;
  for (; iteration < options.iteration_count_max; ++iteration) {
    if (point.gradient.lpNorm<Eigen::Infinity>() <= options.gradient_tolerance) {
      break;
    }
    const Point before = point;
    if (!line_search(objective, point, newton_direction(memory, point.gradient))) {
      break;
    }
    Memory pair{.step = point.at - before.at, .change = point.gradient - before.gradient};
    const double curvature = pair.step.dot(pair.change);
    if (curvature > 0.0) {
      pair.inverse_curvature = 1.0 / curvature;
      memory.push_back(std::move(pair));
      if (memory.size() > kMemory) {
        memory.pop_front();
      }
    }
  }
  return iteration;
}

}  // namespace

Result<LinearProbeResult> linear_probe(const LabelledVectors& train, const LabelledVectors& test,
                                       const LinearProbeOptions& options) {
  Rows learnt = labelled_rows(train);
  Rows asked = labelled_rows(test);
  const std::set<Eigen::Index> classes(learnt.labels.begin(), learnt.labels.end());
  if (classes.size() < 2 || asked.labels.empty() || train.dim != test.dim) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("linear probe: expected rows of at least 2 classes to learn from and rows to test on, found "
                    "{} classes, {} test rows, {} and {} dimensions",
                    classes.size(), asked.labels.size(), train.dim, test.dim));
  }
  standardize(learnt, asked);
  rotate_into_row_space(learnt, asked);
  const Eigen::Index dim = learnt.features.cols();
  const Eigen::Index class_count = *classes.rbegin() + 1;
  const Objective objective(learnt, class_count, options.inverse_penalty);
  Point point{.at = Vector::Zero(objective.size()), .value = 0.0, .gradient = {}};
  LinearProbeResult result;
  result.iteration_count = minimize(objective, point, options);
  result.loss = point.value;
  const Eigen::Map<const Matrix> parameters(point.at.data(), class_count, dim + 1);
  Matrix scores = asked.features * parameters.leftCols(dim).transpose();
  scores.rowwise() += parameters.col(dim).transpose();
  std::size_t right = 0;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    Eigen::Index best = 0;
    scores.row(i).maxCoeff(&best);
    right += best == asked.labels[static_cast<std::size_t>(i)] ? 1U : 0U;
  }
  result.accuracy = static_cast<double>(right) / static_cast<double>(asked.labels.size());
  return result;
}

}  // namespace asterism
