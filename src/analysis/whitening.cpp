#include "analysis/whitening.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace asterism {
namespace {

// Of the largest variance. What is below is rounding of float rows, and would be blown up to 1.
constexpr double kVarianceShareMin = 1e-10;

std::size_t varying_count(const Pca& pca) {
  const auto variances = pca.explained_variances();
  return static_cast<std::size_t>(std::ranges::count_if(
      variances, [&](double variance) { return variance > 0.0 && variance > kVarianceShareMin * variances.front(); }));
}

}  // namespace

Result<Whitening> Whitening::fit(const RowsView& rows, std::size_t direction_count_max) {
  // The mean takes one of the rows' degrees of freedom.
  const std::size_t most = rows.row_count == 0 ? 0 : std::min(rows.row_count - 1, rows.dim);
  const std::size_t count = std::min(direction_count_max, most);
  if (count == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("whitening: expected at least 1 direction and 2 rows, found {} directions and {} rows of "
                            "{} values",
                            direction_count_max, rows.row_count, rows.dim));
  }
  const auto pca = Pca::fit(rows, count);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  const std::size_t varying = varying_count(*pca);
  if (varying == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("whitening: expected rows that vary, found {} equal rows", rows.row_count));
  }
  Whitening out;
  for (const double mean : pca->mean()) {
    out.shift_.push_back(static_cast<float>(-mean));
  }
  out.weight_.reserve(varying * pca->dim());
  for (std::size_t k = 0; k < varying; ++k) {
    const double deviation = std::sqrt(pca->explained_variances()[k]);
    for (const double entry : pca->components().subspan(k * pca->dim(), pca->dim())) {
      out.weight_.push_back(static_cast<float>(entry / deviation));
    }
  }
  return out;
}

Result<std::vector<float>> Whitening::transform(const RowsView& rows) const {
  if (rows.dim != dim() || rows.values.size() < rows.row_count * dim()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("whitening: expected {} rows of {} values, as it was fitted on, found {} values in rows of "
                            "{}",
                            rows.row_count, dim(), rows.values.size(), rows.dim));
  }
  std::vector<float> out;
  out.reserve(rows.row_count * direction_count());
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    const auto values = rows.values.subspan(row * dim(), dim());
    for (std::size_t k = 0; k < direction_count(); ++k) {
      const auto direction = weight().subspan(k * dim(), dim());
      double sum = 0.0;
      for (std::size_t i = 0; i < dim(); ++i) {
        sum += static_cast<double>(direction[i]) * (static_cast<double>(values[i]) + static_cast<double>(shift_[i]));
      }
      out.push_back(static_cast<float>(sum));
    }
  }
  return out;
}

}  // namespace asterism
