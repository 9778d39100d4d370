#include "analysis/anisotropy.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "analysis/pca.hpp"
#include "analysis/rows_check.hpp"

namespace asterism {
namespace {

constexpr std::size_t kShareCount = 10;

// The sum of the unit vectors has the squared length n + the sum of the cosines of all ordered pairs.
double mean_cosine(const RowsView& rows) {
  std::vector<double> sum(rows.dim);
  double count = 0.0;
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    const auto row = rows.row(r);
    double square = 0.0;
    for (const float value : row) {
      square += static_cast<double>(value) * static_cast<double>(value);
    }
    if (square <= 0.0) {
      continue;
    }
    const double scale = 1.0 / std::sqrt(square);
    for (std::size_t d = 0; d < rows.dim; ++d) {
      sum[d] += static_cast<double>(row[d]) * scale;
    }
    count += 1.0;
  }
  double square = 0.0;
  for (const double value : sum) {
    square += value * value;
  }
  return count > 1.0 ? (square - count) / (count * (count - 1.0)) : 0.0;
}

std::vector<float> evenly_chosen(const RowsView& rows, std::size_t count) {
  std::vector<float> chosen;
  chosen.reserve(count * rows.dim);
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = rows.row(i * rows.row_count / count);
    chosen.insert(chosen.end(), row.begin(), row.end());
  }
  return chosen;
}

}  // namespace

Result<Anisotropy> anisotropy(const RowsView& rows, const AnalysisRun& run) {
  if (auto checked = expect_finite_rows(rows, "anisotropy", run); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  Anisotropy out;
  out.mean_cosine = mean_cosine(rows);
  if (rows.row_count < 2 || rows.dim > kAnisotropyDimMax) {
    return out;
  }
  std::vector<float> chosen;
  RowsView some = rows;
  if (rows.row_count > kAnisotropyRowCountMax) {
    chosen = evenly_chosen(rows, kAnisotropyRowCountMax);
    some = {.values = chosen, .row_count = kAnisotropyRowCountMax, .dim = rows.dim};
  }
  const auto pca =
      Pca::fit(some, {.count = std::min(some.row_count, some.dim), .solver = DirectionSolver::kExact}, run);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  double sum = 0.0;
  double squares = 0.0;
  for (const double variance : pca->explained_variances()) {
    sum += variance;
    squares += variance * variance;
  }
  if (squares <= 0.0) {
    return out;
  }
  const auto shares = pca->explained_variance_ratios();
  out.variance_shares.assign(shares.begin(),
                             shares.begin() + static_cast<std::ptrdiff_t>(std::min(kShareCount, shares.size())));
  out.participation_ratio = sum * sum / squares;
  if (rows.dim > 1) {
    out.iso_score = (*out.participation_ratio - 1.0) / static_cast<double>(rows.dim - 1);
  }
  return out;
}

}  // namespace asterism
