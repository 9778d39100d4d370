// Sums over all rows that linear reductions start from: means, scatter matrices, power iterations.
//
// Rows are read in blocks and never copied whole; everything large is summed in double in an order that does not depend
// on the number of threads: the same bytes with any. Ownership: values. Thread-safety: one call owns its pool. Cost:
// rows x dim^2 / 2 multiplications for a scatter, on the kernel of kernels/column_products.hpp; few rows (rows x dim^2
// up to kPlainProductsMax) are multiplied in double throughout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

// What is small enough that double costs nothing to speak of.
inline constexpr std::size_t kPlainProductsMax = std::size_t{1} << 26;

// What is taken from each row before it is multiplied.
struct RowShifts {
  std::span<const double> values;             // [shift_count, dim]
  std::span<const std::int32_t> of_row = {};  // [row_count]: which; below 0 leaves the row out. Empty: the first
};

enum class ProductPrecision : std::uint8_t { kAuto, kDouble };

struct GroupMeans {
  std::vector<double> means;        // [group_count, dim]; zeros for a group without rows
  std::vector<std::size_t> counts;  // [group_count]
};

// Means of the rows of each group, those of groups below 0 left out; `groups` [row_count] as RowShifts::of_row, empty
// for one group of all.
GroupMeans group_means(const RowsView& rows, std::span<const std::int32_t> groups, std::size_t group_count,
                       const AnalysisRun& run);

// [dim, dim]: sum over rows of (x - shift)(x - shift)^T. kCancelled where the run was stopped.
Result<std::vector<double>> scatter_of(const RowsView& rows, const RowShifts& shifts, ProductPrecision precision,
                                       std::string_view who, const AnalysisRun& run);

// [row_count, row_count]: products of rows, each less `shift` [dim]: for fewer rows than dimensions.
Result<std::vector<double>> row_scatter_of(const RowsView& rows, std::span<const double> shift,
                                           ProductPrecision precision, std::string_view who, const AnalysisRun& run);

// One pass of subspace iteration over `basis` [count, dim]: with Y = (X - shift) basis^T, the products (X - shift)^T Y.
struct SubspacePass {
  std::vector<double> images;    // [dim, count]
  std::vector<double> products;  // [count, count]: Y^T Y
  double squared_norm = 0.0;     // of X - shift
};
Result<SubspacePass> subspace_pass(const RowsView& rows, std::span<const double> shift, std::span<const float> basis,
                                   std::string_view who, const AnalysisRun& run);

}  // namespace asterism
