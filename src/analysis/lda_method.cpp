#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "analysis/estimator_state.hpp"
#include "analysis/linear_estimator.hpp"
#include "analysis/linear_methods.hpp"
#include "analysis/row_products.hpp"

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::string_view kName = "lda";
constexpr std::string_view kRatios = "between_variance_ratios";
constexpr std::string_view kShrinkage = "shrinkage";
// scikit-learn's `tol`: singular values up to it are rounding. Eigenvalues of the products are their squares.
constexpr double kTolerance = 1e-4;

// Classes as 0, 1, 2 ... without gaps.
struct Classes {
  std::vector<std::int32_t> of_row;  // [row_count], kNoLabel where there is none
  std::size_t count = 0;
  std::size_t labelled_count = 0;
};

Classes classes_of(std::span<const std::int32_t> labels) {
  const std::set<std::int32_t> present(labels.begin(), labels.end());
  std::vector<std::int32_t> known(present.lower_bound(0), present.end());
  Classes out{.of_row = {}, .count = known.size()};
  for (const std::int32_t label : labels) {
    const auto place = std::ranges::lower_bound(known, label) - known.begin();
    out.of_row.push_back(label < 0 ? kNoLabel : static_cast<std::int32_t>(place));
    out.labelled_count += label < 0 ? 0 : 1;
  }
  return out;
}

Result<void> check_classes(const Classes& classes) {
  if (classes.count < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected labels of at least 2 classes, found {}", kName, classes.count));
  }
  if (classes.labelled_count <= classes.count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected more labelled rows than classes, found {} of {}",
                                                         kName, classes.labelled_count, classes.count));
  }
  return {};
}

// [dim, rank]: what makes the rows of each class vary by 1 in every direction in which they vary.
Matrix within_scalings(const std::vector<double>& scatter, std::size_t dim, const Classes& classes, double shrinkage) {
  const auto n = static_cast<Eigen::Index>(dim);
  const Eigen::Map<const Matrix> within(scatter.data(), n, n);
  Eigen::VectorXd deviation = (within.diagonal() / static_cast<double>(classes.labelled_count)).cwiseSqrt();
  deviation = (deviation.array() > 0.0).select(deviation, 1.0);
  const Eigen::VectorXd inverse = deviation.cwiseInverse();
  Matrix scaled = inverse.asDiagonal() * within * inverse.asDiagonal();
  scaled /= static_cast<double>(classes.labelled_count);
  scaled *= 1.0 - shrinkage;
  scaled.diagonal().array() += shrinkage;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(scaled);
  std::vector<Eigen::Index> kept;
  for (Eigen::Index k = n - 1; k >= 0; --k) {
    if (solver.eigenvalues()[k] > kTolerance * kTolerance) {
      kept.push_back(k);
    }
  }
  Matrix scalings(n, static_cast<Eigen::Index>(kept.size()));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    scalings.col(static_cast<Eigen::Index>(i)) =
        inverse.asDiagonal() * solver.eigenvectors().col(kept[i]) / std::sqrt(solver.eigenvalues()[kept[i]]);
  }
  return scalings;
}

struct Discriminants {
  std::vector<double> mean;    // [dim] of the labelled rows
  std::vector<float> weight;   // [count, dim]
  std::vector<double> ratios;  // [count]
};

// The directions in which the scaled means of the classes differ.
Result<Discriminants> discriminants_of(const GroupMeans& groups, const Classes& classes, const Matrix& scalings,
                                       std::size_t asked) {
  const auto dim = static_cast<Eigen::Index>(groups.means.size() / classes.count);
  const auto class_count = static_cast<Eigen::Index>(classes.count);
  const Eigen::Map<const Matrix> means(groups.means.data(), class_count, dim);
  Eigen::VectorXd counts(class_count);
  std::ranges::transform(groups.counts, counts.data(), [](std::size_t count) { return static_cast<double>(count); });
  const Eigen::RowVectorXd mean = counts.transpose() * means / counts.sum();
  Matrix between = means.rowwise() - mean;
  between = (counts / static_cast<double>(class_count - 1)).cwiseSqrt().asDiagonal() * between;
  const Matrix scaled = between * scalings;
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(scaled, Eigen::ComputeThinU | Eigen::ComputeThinV);
  const Eigen::VectorXd& values = svd.singularValues();
  const auto rank = static_cast<std::size_t>((values.array() > kTolerance * std::max(values[0], 1e-300)).count());
  const std::size_t most = std::min({classes.count - 1, static_cast<std::size_t>(dim), rank});
  if (most == 0 || asked > most) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: expected at most {} components for {} classes whose means span {} directions, found {}", kName,
                    most, classes.count, rank, asked),
        "fewer components (--dim), or more classes");
  }
  Discriminants out{.mean = {mean.data(), mean.data() + dim}, .weight = {}, .ratios = {}};
  for (std::size_t k = 0; k < (asked == 0 ? most : asked); ++k) {
    Eigen::VectorXd direction = scalings * svd.matrixV().col(static_cast<Eigen::Index>(k));
    Eigen::Index largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    direction *= direction[largest] < 0.0 ? -1.0 : 1.0;
    std::ranges::transform(direction, std::back_inserter(out.weight), [](double v) { return static_cast<float>(v); });
    out.ratios.push_back(values[static_cast<Eigen::Index>(k)] * values[static_cast<Eigen::Index>(k)] /
                         values.squaredNorm());
  }
  return out;
}

Result<FittedEstimator> fit_lda(const FitRequest& request, const AnalysisRun& run) {
  const Classes classes = classes_of(request.labels);
  if (auto ok = check_classes(classes); !ok) {
    return std::unexpected(ok.error());
  }
  const GroupMeans groups = group_means(request.rows, classes.of_row, classes.count, run);
  // In double: float products would make directions out of rounding, 10,000 times enlarged.
  const auto scatter = scatter_of(request.rows, {.values = groups.means, .of_row = classes.of_row},
                                  ProductPrecision::kDouble, kName, run);
  if (!scatter) {
    return std::unexpected(scatter.error());
  }
  const Matrix scalings =
      within_scalings(*scatter, request.rows.dim, classes, option_number(request.options, kShrinkage));
  if (scalings.cols() == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected rows that differ within a class, found equal ones", kName),
                "--set shrinkage=0.1 takes classes of equal rows");
  }
  const auto found = discriminants_of(groups, classes, scalings, option_count(request.options, kComponentsOption));
  if (!found) {
    return std::unexpected(found.error());
  }
  std::vector<EstimatorState::Array> details;
  details.push_back(state_array(std::string(kRatios), {static_cast<std::int64_t>(found->ratios.size())},
                                std::span<const double>(found->ratios)));
  return fitted_linear(kName, request, AffineMap(found->mean, found->weight), std::move(details), run);
}

Result<std::unique_ptr<Estimator>> load_lda(const EstimatorState& state, std::string_view source) {
  return load_linear(kName, {{.name = kRatios}}, state, source);
}

}  // namespace

EstimatorMethod lda_method() {
  EstimatorOption components = components_option(0, 0);
  components.text = "values of a place; 0: one less than there are classes";
  return {.name = kName,
          .summary = "linear discriminants: the directions that tell labelled classes apart",
          .labels = LabelUse::kRequired,
          .options = {std::move(components),
                      {.name = kShrinkage,
                       .kind = OptionKind::kNumber,
                       .default_value = 0.0,
                       .text = "how much of the covariance within classes is replaced by independent columns",
                       .max = 1.0}},
          .fit = &fit_lda,
          .load = &load_lda};
}

}  // namespace asterism
