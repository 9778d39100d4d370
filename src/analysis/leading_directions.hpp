// The directions in which rows, less a point, are longest: eigenvectors of their scatter matrix, largest first.
//
// About their mean these are principal components, about the origin the right singular vectors. Exact: eigenvectors of
// the scatter, dim x dim or rows x rows, whichever is smaller. Randomised: subspace iteration from random directions
// (Halko, Martinsson and Tropp 2011, "Finding structure with randomness", algorithm 4.4 on the scatter, which is never
// formed), for wide rows. Repeatable: the same bytes at any thread count. Ownership: values. Cost: exact rows x dim^2 /
// 2 + 9 x dim^3; randomised 2 x (iterations + 1) x rows x dim x count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/row_products.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

enum class DirectionSolver : std::uint8_t { kAuto, kExact, kRandomized };

// Largest matrix whose eigenvectors are computed: 2 GB.
inline constexpr std::size_t kExactDimMax = 16384;

struct DirectionOptions {
  std::size_t count = 2;  // 1 to min(rows, dim)
  // kAuto: exact up to 1,024 dimensions or rows, or where more than a quarter of the directions are wanted.
  DirectionSolver solver = DirectionSolver::kAuto;
  std::size_t iteration_count = 7;  // of the randomised solver, as scikit-learn's for few directions
  std::uint64_t seed = 0;           // of the randomised solver
  ProductPrecision precision = ProductPrecision::kAuto;
};

struct LeadingDirections {
  // [count, dim], orthonormal; each signed so that its entry of largest magnitude is positive.
  std::vector<double> directions;
  std::vector<double> squares;  // [count]: sum over the rows of their squared length along each direction
  double total_square = 0.0;    // sum of the rows' squared lengths
};

// The rows are finite and as many as they say. kInvalidArgument for a count that cannot be, kLimitExceeded past
// kExactDimMax, kCancelled; `who` starts the messages.
Result<LeadingDirections> leading_directions(const RowsView& rows, std::span<const double> shift,
                                             const DirectionOptions& options, std::string_view who,
                                             const AnalysisRun& run);

}  // namespace asterism
