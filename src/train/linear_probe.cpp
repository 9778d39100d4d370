#include "train/linear_probe.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <set>

#include "base/thread_pool.hpp"
#include "kernels/linear.hpp"
#include "train/lbfgs.hpp"

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

struct Rows {
  Matrix features;  // [rows, dim + 1]: the last column is 1, so that its weight is the intercept
  std::vector<Eigen::Index> labels;

  Eigen::Index row_count() const { return features.rows(); }
  Eigen::Index dim() const { return features.cols() - 1; }
  auto inputs() { return features.leftCols(dim()); }
  auto inputs() const { return features.leftCols(dim()); }

  void set_inputs(const Eigen::MatrixXd& values) {
    features.resize(values.rows(), values.cols() + 1);
    features << values.cast<float>(), Eigen::VectorXf::Ones(values.rows());
  }
};

Rows labelled_rows(const LabelledVectors& from) {
  Rows out;
  const auto dim = static_cast<Eigen::Index>(from.dim);
  const auto count = static_cast<Eigen::Index>(from.row_count()) - std::ranges::count(from.labels, -1);
  out.features.resize(count, dim + 1);
  for (std::size_t row = 0; row < from.row_count(); ++row) {
    if (from.labels[row] >= 0) {
      const Eigen::Map<const Eigen::RowVectorXf> vector(from.values.data() + row * from.dim, dim);
      out.features.row(static_cast<Eigen::Index>(out.labels.size())) << vector, 1.0F;
      out.labels.push_back(from.labels[row]);
    }
  }
  return out;
}

// By the mean and deviation of the training rows; a feature that never changes stays as it is, minus its mean.
void standardize(Rows& train, Rows& test) {
  const auto count = static_cast<double>(train.row_count());
  Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(train.dim());
  for (const auto& row : train.inputs().rowwise()) {
    mean += row.cast<double>();
  }
  mean /= count;
  Eigen::RowVectorXd deviation = Eigen::RowVectorXd::Zero(train.dim());
  for (const auto& row : train.inputs().rowwise()) {
    deviation += (row.cast<double>() - mean).cwiseAbs2();
  }
  deviation = (deviation / count).cwiseSqrt();
  for (double& value : deviation) {
    value = value > 1e-12 ? value : 1.0;
  }
  for (Rows* const rows : {&train, &test}) {
    for (auto row : rows->inputs().rowwise()) {
      row = (row.cast<double>() - mean).cwiseQuotient(deviation).cast<float>();
    }
  }
}

// With more features than rows the solution is a combination of the rows (Schoelkopf et al. 2001, representer theorem),
// so that coordinates in the space that they span give the same scores: X X^T = U S U^T, X becomes U S^(1/2) and a test
// row y becomes y X^T U S^(-1/2). That costs rows^2 x dim and saves some hundred passes over classes x dim: it pays
// with few rows (decision 172).
void rotate_into_row_space(Rows& train, Rows& test, Eigen::Index class_count) {
  constexpr Eigen::Index kFeaturesPerRowMin = 2;
  constexpr Eigen::Index kRowsSquaredPerClassMax = 3000;
  constexpr double kRankTolerance = 1e-12;
  const Eigen::Index row_count = train.row_count();
  if (train.dim() < kFeaturesPerRowMin * row_count || row_count * row_count > kRowsSquaredPerClassMax * class_count) {
    return;
  }
  const Eigen::MatrixXd inputs = train.inputs().cast<double>();
  const Eigen::MatrixXd gram = inputs * inputs.transpose();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
  const Vector& values = solver.eigenvalues();  // ascending
  const auto rank = static_cast<Eigen::Index>(
      std::ranges::count_if(values, [&](double value) { return value > kRankTolerance * values.maxCoeff(); }));
  const Eigen::MatrixXd basis =
      solver.eigenvectors().rightCols(rank) * values.tail(rank).cwiseSqrt().cwiseInverse().asDiagonal();
  test.set_inputs(test.inputs().cast<double>() * inputs.transpose() * basis);
  train.set_inputs(gram * basis);
}

LinearWeight weight_of(const Matrix& rows) {
  const LinearPart part{.weight = {rows.data(), static_cast<std::size_t>(rows.size())}, .bias = {}};
  return {{&part, 1}, static_cast<std::size_t>(rows.cols())};
}

// x W^T, where `weight` is of W.
void multiply(const Matrix& x, const LinearWeight& weight, Matrix& out, ThreadPool& pool) {
  out.resize(x.rows(), static_cast<Eigen::Index>(weight.out()));
  linear({.weight = &weight, .x = x.data(), .residual = nullptr, .y = out.data()}, static_cast<std::size_t>(x.rows()),
         pool);
}

// Parameters are [classes, dim + 1] in one vector, the intercept last in each row. Products are sums in float32, whose
// rounding moves a gradient by some 1e-7; everything else is in double.
class Objective {
 public:
  Objective(const Rows& rows, Eigen::Index class_count, double inverse_penalty, ThreadPool& pool)
      : labels_(rows.labels),
        dim_(rows.dim()),
        class_count_(class_count),
        penalty_(1.0 / (inverse_penalty * static_cast<double>(rows.labels.size()))),
        pool_(pool),
        by_rows_(weight_of(rows.features)),
        by_features_(weight_of(rows.features.transpose())),
        losses_(rows.row_count()) {}

  Eigen::Index size() const { return class_count_ * (dim_ + 1); }

  double operator()(const Vector& at, Vector& gradient) {
    const Eigen::Map<const DoubleMatrix> parameters(at.data(), class_count_, dim_ + 1);
    weights_ = parameters.cast<float>();
    multiply(weights_, by_rows_, scores_, pool_);
    pool_.parallel_for(labels_.size(), kRowChunk, [&](std::size_t begin, std::size_t end) {
      differentiate_rows(static_cast<Eigen::Index>(begin), static_cast<Eigen::Index>(end));
    });
    multiply(scores_, by_features_, slopes_, pool_);
    const auto count = static_cast<double>(labels_.size());
    gradient.resize(size());
    Eigen::Map<DoubleMatrix> out(gradient.data(), class_count_, dim_ + 1);
    double squares = 0.0;
    for (Eigen::Index c = 0; c < class_count_; ++c) {
      out.row(c) = slopes_.row(c).cast<double>() / count;
      out.row(c).head(dim_) += penalty_ * parameters.row(c).head(dim_);
      squares += parameters.row(c).head(dim_).squaredNorm();
    }
    return losses_.sum() / count + 0.5 * penalty_ * squares;
  }

 private:
  using DoubleMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using FloatRow = Eigen::Array<float, 1, Eigen::Dynamic>;
  static constexpr std::size_t kRowChunk = 256;

  // The losses of rows [begin, end), and their derivatives in place of the scores: softmax, minus 1 at the label.
  void differentiate_rows(Eigen::Index begin, Eigen::Index end) {
    const Eigen::Index count = end - begin;
    auto scores = scores_.array().middleCols(begin, count);
    FloatRow largest = scores.row(0);
    for (Eigen::Index c = 1; c < class_count_; ++c) {
      largest = largest.max(scores.row(c));
    }
    const auto own = [&](Eigen::Index i) -> float& {
      return scores_(labels_[static_cast<std::size_t>(begin + i)], begin + i);
    };
    for (Eigen::Index i = 0; i < count; ++i) {
      losses_[begin + i] = static_cast<double>(largest[i]) - static_cast<double>(own(i));
    }
    FloatRow sum = FloatRow::Zero(count);
    for (Eigen::Index c = 0; c < class_count_; ++c) {
      scores.row(c) = (scores.row(c) - largest).exp();
      sum += scores.row(c);
    }
    losses_.segment(begin, count).array() += sum.cast<double>().log().transpose();
    for (Eigen::Index c = 0; c < class_count_; ++c) {
      scores.row(c) /= sum;
    }
    for (Eigen::Index i = 0; i < count; ++i) {
      own(i) -= 1.0F;
    }
  }

  const std::vector<Eigen::Index>& labels_;
  Eigen::Index dim_;
  Eigen::Index class_count_;
  double penalty_;
  ThreadPool& pool_;
  LinearWeight by_rows_;      // W X^T: the scores of all rows, [classes, rows]
  LinearWeight by_features_;  // S X: [classes, dim + 1]
  Matrix weights_;            // the parameters, rounded
  Matrix scores_;             // [classes, rows]; then their derivatives
  Matrix slopes_;             // [classes, dim + 1]
  Vector losses_;             // [rows]
};

// The class of the largest score of each row.
std::vector<Eigen::Index> predict(const Rows& rows, const Matrix& weights, ThreadPool& pool) {
  Matrix scores;
  multiply(rows.features, weight_of(weights), scores, pool);
  std::vector<Eigen::Index> predicted(rows.labels.size());
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    scores.row(i).maxCoeff(&predicted[static_cast<std::size_t>(i)]);
  }
  return predicted;
}

void set_predictions(const LabelledVectors& test, const std::vector<Eigen::Index>& predicted,
                     LinearProbeResult& result) {
  std::size_t right_count = 0;
  std::size_t next = 0;
  for (const std::int32_t label : test.labels) {
    result.predicted.push_back(label >= 0 ? static_cast<std::int32_t>(predicted[next++]) : -1);
    right_count += label >= 0 && label == result.predicted.back() ? 1U : 0U;
  }
  result.accuracy = static_cast<double>(right_count) / static_cast<double>(predicted.size());
}

}  // namespace

Result<LinearProbeResult> linear_probe(const LabelledVectors& train, const LabelledVectors& test,
                                       const LinearProbeOptions& options) {
  // Differences of the loss, a mean over the rows of float32 sums, mean nothing below this.
  constexpr double kLossRounding = 1e-6;
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
  const Eigen::Index class_count = *classes.rbegin() + 1;
  rotate_into_row_space(learnt, asked, class_count);
  ThreadPool pool(options.thread_count);
  Objective objective(learnt, class_count, options.inverse_penalty, pool);
  const LbfgsResult found = minimize_lbfgs([&](const Vector& at, Vector& gradient) { return objective(at, gradient); },
                                           Vector::Zero(objective.size()),
                                           {.iteration_count_max = options.iteration_count_max,
                                            .gradient_tolerance = options.gradient_tolerance,
                                            .value_rounding = kLossRounding});
  const Matrix weights = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                             found.at.data(), class_count, learnt.features.cols())
                             .cast<float>();
  LinearProbeResult result{
      .accuracy = 0.0, .loss = found.value, .iteration_count = found.iteration_count, .predicted = {}};
  set_predictions(test, predict(asked, weights, pool), result);
  return result;
}

}  // namespace asterism
