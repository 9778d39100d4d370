// Principal component analysis: the directions in which rows vary most.
//
// Estimator with fit and transform, as scikit-learn's PCA(svd_solver="covariance_eigh"). Deterministic: each component
// is signed so that its entry of largest magnitude is positive (the first such entry on a tie).
// Ownership: values. Thread-safety: a fitted Pca is immutable. Cost of fit: that of leading_directions.hpp; memory
// beside the input does not grow with the rows. Parity: tests/unit/analysis against recorded scikit-learn values.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analysis/leading_directions.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

class Pca {
 public:
  // Keeps `component_count` components, at least 1 and at most min(row_count, dim). At least 2 rows, all values finite.
  // kInvalidArgument names what was expected.
  // All in double, on the calling thread.
  static Result<Pca> fit(const RowsView& rows, std::size_t component_count);
  // The same on the threads of a pool, of many rows with products in float (row_products.hpp), or randomised. The rows
  // are finite. kCancelled where the run was stopped.
  static Result<Pca> fit(const RowsView& rows, const DirectionOptions& options, const AnalysisRun& run);

  // [row_count, component_count]: the rows, less the mean, in the components. kInvalidArgument when dim differs.
  Result<std::vector<float>> transform(const RowsView& rows) const;

  std::size_t dim() const noexcept { return mean_.size(); }
  std::size_t component_count() const noexcept { return variances_.size(); }
  std::span<const double> mean() const noexcept { return mean_; }
  // [component_count, dim], unit length, largest variance first.
  std::span<const double> components() const noexcept { return components_; }
  // Variance along each component, with row_count - 1 as divisor.
  std::span<const double> explained_variances() const noexcept { return variances_; }
  // Of the whole variance, the part along each component.
  std::span<const double> explained_variance_ratios() const noexcept { return ratios_; }

 private:
  std::vector<double> mean_;
  std::vector<double> components_;
  std::vector<double> variances_;
  std::vector<double> ratios_;
};

}  // namespace asterism
