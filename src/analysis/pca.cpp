#include "analysis/pca.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Rows widened to double and centred at a time: bounds the memory beside the input.
constexpr std::size_t kRowsPerBlock = 1024;

Result<void> check_rows(const RowsView& rows) {
  if (rows.dim == 0 || rows.row_count == 0 || rows.values.size() / rows.dim < rows.row_count) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("PCA: expected {} x {} values, found {}", rows.row_count, rows.dim, rows.values.size()));
  }
  return {};
}

Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> block_of(const RowsView& rows,
                                                                                                 std::size_t begin,
                                                                                                 std::size_t count) {
  return {rows.values.data() + begin * rows.dim, static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(rows.dim)};
}

// Calls visit(begin, centred rows) for block after block.
template <typename Visit>
void for_each_block(const RowsView& rows, const Eigen::RowVectorXd& mean, const Visit& visit) {
  for (std::size_t begin = 0; begin < rows.row_count; begin += kRowsPerBlock) {
    const std::size_t count = std::min(kRowsPerBlock, rows.row_count - begin);
    Matrix centred = block_of(rows, begin, count).cast<double>();
    centred.rowwise() -= mean;
    visit(begin, centred);
  }
}

Eigen::RowVectorXd mean_of(const RowsView& rows) {
  const Eigen::RowVectorXd zero = Eigen::RowVectorXd::Zero(static_cast<Eigen::Index>(rows.dim));
  Eigen::RowVectorXd sum = zero;
  for_each_block(rows, zero, [&](std::size_t, const Matrix& block) { sum += block.colwise().sum(); });
  return sum / static_cast<double>(rows.row_count);
}

Matrix covariance_of(const RowsView& rows, const Eigen::RowVectorXd& mean) {
  const auto dim = static_cast<Eigen::Index>(rows.dim);
  Matrix covariance = Matrix::Zero(dim, dim);
  for_each_block(rows, mean, [&](std::size_t, const Matrix& centred) {
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose());
  });
  return covariance / static_cast<double>(rows.row_count - 1);
}

// An eigenvector's sign is arbitrary: fixed here, so that two runs and two machines agree.
void fix_sign(Eigen::Ref<Eigen::VectorXd> component) {
  Eigen::Index largest = 0;
  component.cwiseAbs().maxCoeff(&largest);
  if (component[largest] < 0.0) {
    component = -component;
  }
}

}  // namespace

Result<Pca> Pca::fit(const RowsView& rows, std::size_t component_count) {
  if (auto checked = check_rows(rows); !checked) {
    return std::unexpected(checked.error());
  }
  const std::size_t component_count_max = std::min(rows.row_count, rows.dim);
  if (rows.row_count < 2 || component_count == 0 || component_count > component_count_max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("PCA: expected at least 2 rows and 1 to {} components, found {} rows and {} components",
                            component_count_max, rows.row_count, component_count));
  }
  if (!std::ranges::all_of(rows.values.first(rows.row_count * rows.dim), [](float v) { return std::isfinite(v); })) {
    return fail(ErrorCode::kInvalidArgument, "PCA: expected finite values, found NaN or infinity");
  }
  const Eigen::RowVectorXd mean = mean_of(rows);
  const Matrix covariance = covariance_of(rows, mean);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(covariance);
  if (solver.info() != Eigen::Success) {
    return fail(ErrorCode::kInternal, "PCA: the eigenvalues did not converge");
  }
  const double total = solver.eigenvalues().cwiseMax(0.0).sum();
  Pca pca;
  pca.mean_.assign(mean.data(), mean.data() + mean.size());
  for (std::size_t k = 0; k < component_count; ++k) {
    // The solver sorts ascending.
    const auto column = static_cast<Eigen::Index>(rows.dim - 1 - k);
    Eigen::VectorXd component = solver.eigenvectors().col(column);
    fix_sign(component);
    pca.components_.insert(pca.components_.end(), component.data(), component.data() + component.size());
    const double variance = std::max(0.0, solver.eigenvalues()[column]);
    pca.variances_.push_back(variance);
    pca.ratios_.push_back(total > 0.0 ? variance / total : 0.0);
  }
  return pca;
}

Result<std::vector<float>> Pca::transform(const RowsView& rows) const {
  if (rows.dim != dim()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("PCA: expected rows of {} values, as it was fitted on, found {}", dim(), rows.dim));
  }
  if (rows.row_count == 0) {
    return std::vector<float>{};
  }
  if (auto checked = check_rows(rows); !checked) {
    return std::unexpected(checked.error());
  }
  const auto kept = static_cast<Eigen::Index>(component_count());
  const Eigen::Map<const Matrix> components(components_.data(), kept, static_cast<Eigen::Index>(dim()));
  const Eigen::Map<const Eigen::RowVectorXd> mean(mean_.data(), static_cast<Eigen::Index>(dim()));
  std::vector<float> out(rows.row_count * component_count());
  Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> scores(
      out.data(), static_cast<Eigen::Index>(rows.row_count), kept);
  for_each_block(rows, mean, [&](std::size_t begin, const Matrix& centred) {
    scores.middleRows(static_cast<Eigen::Index>(begin), centred.rows()) =
        (centred * components.transpose()).cast<float>();
  });
  return out;
}

}  // namespace asterism
