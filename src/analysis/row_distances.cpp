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

std::vector<double> RowDistances::origin(std::size_t row) const {
  const auto values = rows_.row(row);
  return {values.begin(), values.end()};
}

double RowDistances::between(std::span<const double> origin, std::size_t row, std::size_t other) const noexcept {
  if (other == row) {
    return 0.0;
  }
  const Eigen::Map<const Eigen::VectorXd> query(origin.data(), static_cast<Eigen::Index>(origin.size()));
  const auto values = row_of(rows_, other).cast<double>();
  if (metric_ == Metric::kEuclidean) {
    return std::sqrt((values - query).squaredNorm());
  }
  const double lengths = lengths_[row] * lengths_[other];
  return 1.0 - (lengths > 0.0 ? values.dot(query) / lengths : 0.0);
}

void RowDistances::from(std::size_t row, std::span<double> out) const noexcept {
  const std::vector<double> query = origin(row);
  for (std::size_t i = 0; i < rows_.row_count; ++i) {
    out[i] = between(query, row, i);
  }
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
