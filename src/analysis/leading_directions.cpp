#include "analysis/leading_directions.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t kAutoExactDimMax = 1024;
// Directions beyond those wanted that the iteration carries along, as Halko et al. and scikit-learn have it.
constexpr std::size_t kOversampling = 10;
// Of the largest eigenvalue: below it, a direction is rounding.
constexpr double kRankTolerance = 1e-12;
constexpr std::size_t kRowsPerBlock = 256;

// An eigenvector's sign is arbitrary: fixed here, so that two runs and two machines agree.
void fix_sign(std::span<double> direction) {
  const auto largest = std::ranges::max_element(direction, {}, [](double v) { return std::abs(v); });
  if (*largest < 0.0) {
    std::ranges::transform(direction, direction.begin(), [](double v) { return -v; });
  }
}

// The columns [dim, count] made orthonormal, each as near to what it was as those before it allow; columns of zeros
// become directions at right angles to the others.
Matrix orthonormal(const Matrix& columns) {
  const Eigen::HouseholderQR<Matrix> factors(columns);
  return factors.householderQ() * Matrix::Identity(columns.rows(), columns.cols());
}

LeadingDirections to_directions(const Matrix& columns, const std::vector<double>& squares, double total) {
  const auto dim = static_cast<std::size_t>(columns.rows());
  LeadingDirections out{
      .directions = std::vector<double>(squares.size() * dim), .squares = squares, .total_square = total};
  for (std::size_t k = 0; k < squares.size(); ++k) {
    const auto direction = std::span(out.directions).subspan(k * dim, dim);
    for (std::size_t d = 0; d < dim; ++d) {
      direction[d] = columns(static_cast<Eigen::Index>(d), static_cast<Eigen::Index>(k));
    }
    fix_sign(direction);
  }
  return out;
}

// Eigenvectors of a symmetric matrix [size, size], largest first.
struct Eigenvectors {
  std::vector<double> values;  // [count], not negative
  Matrix columns;              // [size, count]
};

Result<Eigenvectors> largest_eigenvectors(std::span<const double> values, std::size_t size, std::size_t count,
                                          std::string_view who) {
  const auto n = static_cast<Eigen::Index>(size);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(Eigen::Map<const Matrix>(values.data(), n, n));
  if (solver.info() != Eigen::Success) {
    return fail(ErrorCode::kInternal, fmt::format("{}: the eigenvalues did not converge", who));
  }
  Eigenvectors out{.values = {}, .columns = Matrix(n, static_cast<Eigen::Index>(count))};
  for (std::size_t k = 0; k < count; ++k) {
    const Eigen::Index column = n - 1 - static_cast<Eigen::Index>(k);  // the solver sorts ascending
    out.columns.col(static_cast<Eigen::Index>(k)) = solver.eigenvectors().col(column);
    out.values.push_back(std::max(0.0, solver.eigenvalues()[column]));
  }
  return out;
}

double trace_of(std::span<const double> values, std::size_t size) {
  double sum = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += values[i * size + i];
  }
  return sum;
}

Result<LeadingDirections> exact_by_columns(const RowsView& rows, std::span<const double> shift,
                                           const DirectionOptions& options, std::string_view who,
                                           const AnalysisRun& run) {
  const auto scatter = scatter_of(rows, {.values = shift}, options.precision, who, run);
  if (!scatter) {
    return std::unexpected(scatter.error());
  }
  const auto found = largest_eigenvectors(*scatter, rows.dim, options.count, who);
  if (!found) {
    return std::unexpected(found.error());
  }
  return to_directions(found->columns, found->values, trace_of(*scatter, rows.dim));
}

// Fewer rows than dimensions: the rows' own products have the same eigenvalues, and their eigenvectors say how much of
// each row a direction is made of.
Result<LeadingDirections> exact_by_rows(const RowsView& rows, std::span<const double> shift,
                                        const DirectionOptions& options, std::string_view who, const AnalysisRun& run) {
  const auto scatter = row_scatter_of(rows, shift, options.precision, who, run);
  if (!scatter) {
    return std::unexpected(scatter.error());
  }
  const auto found = largest_eigenvectors(*scatter, rows.row_count, options.count, who);
  if (!found) {
    return std::unexpected(found.error());
  }
  const auto dim = static_cast<Eigen::Index>(rows.dim);
  const Eigen::Map<const Eigen::RowVectorXd> point(shift.data(), dim);
  Matrix columns = Matrix::Zero(dim, static_cast<Eigen::Index>(options.count));
  for (std::size_t begin = 0; begin < rows.row_count; begin += kRowsPerBlock) {
    const auto count = static_cast<Eigen::Index>(std::min(kRowsPerBlock, rows.row_count - begin));
    Matrix block = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                       rows.values.data() + begin * rows.dim, count, dim)
                       .cast<double>();
    block.rowwise() -= point;
    columns.noalias() += block.transpose() * found->columns.middleRows(static_cast<Eigen::Index>(begin), count);
  }
  for (std::size_t k = 0; k < options.count; ++k) {
    auto column = columns.col(static_cast<Eigen::Index>(k));
    if (found->values[k] > kRankTolerance * found->values.front()) {
      column.normalize();
    } else {
      column.setZero();
    }
  }
  return to_directions(orthonormal(columns), found->values, trace_of(*scatter, rows.row_count));
}

std::vector<float> to_basis(const Matrix& columns) {
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> basis = columns.transpose().cast<float>();
  return {basis.data(), basis.data() + basis.size()};
}

Result<LeadingDirections> randomized(const RowsView& rows, std::span<const double> shift,
                                     const DirectionOptions& options, std::string_view who, const AnalysisRun& run) {
  const std::size_t count = std::min({options.count + kOversampling, rows.row_count, rows.dim});
  const auto dim = static_cast<Eigen::Index>(rows.dim);
  const CounterRandom random(options.seed);
  Matrix columns(dim, static_cast<Eigen::Index>(count));
  for (std::size_t i = 0; i < count * rows.dim; ++i) {
    columns.data()[i] = random.normal(i);
  }
  columns = orthonormal(columns);
  for (std::size_t iteration = 0;; ++iteration) {
    const std::vector<float> basis = to_basis(columns);
    auto pass = subspace_pass(rows, shift, basis, who, run);
    if (!pass) {
      return std::unexpected(pass.error());
    }
    if (iteration < options.iteration_count) {
      columns = orthonormal(Eigen::Map<const Matrix>(pass->images.data(), dim, static_cast<Eigen::Index>(count)));
      continue;
    }
    const auto found = largest_eigenvectors(pass->products, count, options.count, who);
    if (!found) {
      return std::unexpected(found.error());
    }
    return to_directions(orthonormal(columns * found->columns), found->values, pass->squared_norm);
  }
}

bool is_exact(const RowsView& rows, const DirectionOptions& options) {
  if (options.solver != DirectionSolver::kAuto) {
    return options.solver == DirectionSolver::kExact;
  }
  const std::size_t size = std::min(rows.row_count, rows.dim);
  return size <= kAutoExactDimMax || options.count > size / 4;
}

}  // namespace

Result<LeadingDirections> leading_directions(const RowsView& rows, std::span<const double> shift,
                                             const DirectionOptions& options, std::string_view who,
                                             const AnalysisRun& run) {
  const std::size_t size = std::min(rows.row_count, rows.dim);
  if (options.count == 0 || options.count > size) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected 1 to {} components for {} rows of {} values, found {}", who, size,
                            rows.row_count, rows.dim, options.count));
  }
  if (!is_exact(rows, options)) {
    return randomized(rows, shift, options, who, run);
  }
  if (size > kExactDimMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: expected at most {} rows or dimensions for the exact solver, found {} rows of {} "
                            "values",
                            who, kExactDimMax, rows.row_count, rows.dim),
                "the randomised solver takes more");
  }
  return rows.row_count < rows.dim ? exact_by_rows(rows, shift, options, who, run)
                                   : exact_by_columns(rows, shift, options, who, run);
}

}  // namespace asterism
