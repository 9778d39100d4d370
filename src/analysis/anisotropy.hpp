// Whether rows use all directions alike, or lie in a narrow cone.
//
// Thread-safety: pure. Cost: rows x dim for the cosines; for the variances that of the eigenvectors of at most
// kAnisotropyRowCountMax rows, evenly chosen.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

inline constexpr std::size_t kAnisotropyRowCountMax = 20'000;
// Dimensions up to which all variances are computed.
inline constexpr std::size_t kAnisotropyDimMax = 2048;

struct Anisotropy {
  // Of all pairs of different rows (exact, not of a sample): about 0 where directions are even, 1 where all are one
  // (Ethayarajh 2019). Rows of zeros have none and are left out.
  double mean_cosine = 0.0;
  // The rest is there for 2 rows or more that differ, and up to kAnisotropyDimMax dimensions.
  std::vector<double> variance_shares;  // of the first ten directions of largest variance, largest first
  // (sum of variances)^2 / sum of their squares: 1 where rows vary in one direction, dim where in all alike.
  std::optional<double> participation_ratio;
  // (participation ratio - 1) / (dim - 1), which is what IsoScore (Rudman, Gillman, Rayne, Eickhoff 2022) comes to.
  std::optional<double> iso_score;
};

// The rows are finite, 1 or more. kCancelled.
Result<Anisotropy> anisotropy(const RowsView& rows, const AnalysisRun& run);

}  // namespace asterism
