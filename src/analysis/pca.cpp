#include "analysis/pca.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <utility>

#include "analysis/row_products.hpp"
#include "analysis/rows_check.hpp"
#include "base/thread_pool.hpp"

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

}  // namespace

Result<Pca> Pca::fit(const RowsView& rows, std::size_t component_count) {
  if (auto checked = check_rows(rows); !checked) {
    return std::unexpected(checked.error());
  }
  ThreadPool pool(1);
  const AnalysisRun run{.pool = pool};
  if (auto finite = expect_finite_rows(rows, "PCA", run); !finite) {
    return std::unexpected(finite.error());
  }
  return fit(
      rows, {.count = component_count, .solver = DirectionSolver::kExact, .precision = ProductPrecision::kDouble}, run);
}

Result<Pca> Pca::fit(const RowsView& rows, const DirectionOptions& options, const AnalysisRun& run) {
  if (rows.row_count < 2) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("PCA: expected at least 2 rows, found {}", rows.row_count));
  }
  Pca pca;
  pca.mean_ = group_means(rows, {}, 1, run).means;
  auto found = leading_directions(rows, pca.mean_, options, "PCA", run);
  if (!found) {
    return std::unexpected(found.error());
  }
  pca.components_ = std::move(found->directions);
  for (const double square : found->squares) {
    pca.variances_.push_back(square / static_cast<double>(rows.row_count - 1));
    pca.ratios_.push_back(found->total_square > 0.0 ? square / found->total_square : 0.0);
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
