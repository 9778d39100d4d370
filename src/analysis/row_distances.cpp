#include "analysis/row_distances.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

using FloatRow = Eigen::Map<const Eigen::VectorXf>;

FloatRow row_of(const RowsView& rows, std::size_t i) {
  return {rows.values.data() + i * rows.dim, static_cast<Eigen::Index>(rows.dim)};
}

}  // namespace

Result<RowDistances> RowDistances::make(const RowsView& rows, Metric metric, std::string_view name) {
  if (metric == Metric::kDot) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected the metric euclidean or cosine, found dot, which is no distance", name));
  }
  for (std::size_t i = 0; i < rows.row_count; ++i) {
    if (!row_of(rows, i).allFinite()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}, row {}: expected finite numbers, found NaN or infinity", name, i));
    }
  }
  RowDistances out(rows, metric);
  if (metric == Metric::kCosine) {
    for (std::size_t i = 0; i < rows.row_count; ++i) {
      out.lengths_.push_back(row_of(rows, i).cast<double>().norm());
    }
  }
  return out;
}

void RowDistances::from(std::size_t row, std::span<double> out) const noexcept {
  const Eigen::VectorXd query = row_of(rows_, row).cast<double>();
  for (std::size_t i = 0; i < rows_.row_count; ++i) {
    const auto other = row_of(rows_, i).cast<double>();
    if (metric_ == Metric::kEuclidean) {
      out[i] = std::sqrt((other - query).squaredNorm());
    } else {
      const double lengths = lengths_[row] * lengths_[i];
      out[i] = 1.0 - (lengths > 0.0 ? other.dot(query) / lengths : 0.0);
    }
  }
  out[row] = 0.0;
}

std::vector<std::uint32_t> sample_rows(std::size_t row_count, std::size_t count, std::uint64_t seed) {
  std::vector<std::uint32_t> rows(row_count);
  std::iota(rows.begin(), rows.end(), 0U);
  if (count >= row_count) {
    return rows;
  }
  const CounterRandom random(seed);
  const auto key = [&](std::uint32_t row) { return std::pair(random.bits(row), row); };
  std::ranges::nth_element(rows, rows.begin() + static_cast<std::ptrdiff_t>(count), {}, key);
  rows.resize(count);
  std::ranges::sort(rows);
  return rows;
}

}  // namespace asterism
