#include "analysis/neighbor_space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/thread_pool.hpp"
#include "kernels/distance.hpp"
#include "kernels/kept_rows.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerChunk = 256;

std::vector<float> mean_of(const RowsView& rows) {
  std::vector<double> sum(rows.dim, 0.0);
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    const auto row = rows.row(r);
    for (std::size_t d = 0; d < rows.dim; ++d) {
      sum[d] += static_cast<double>(row[d]);
    }
  }
  std::vector<float> mean(rows.dim);
  std::ranges::transform(sum, mean.begin(),
                         [&](double v) { return static_cast<float>(v / static_cast<double>(rows.row_count)); });
  return mean;
}

// Length in double, so that no row is too short or too long for it.
double length_of(std::span<const float> row) {
  double sum = 0.0;
  for (const float v : row) {
    sum += static_cast<double>(v) * static_cast<double>(v);
  }
  return std::sqrt(sum);
}

// Fills `to` with the row in the space; its square.
float lay_out(std::span<const float> row, std::span<const float> centre, Metric metric, std::span<float> to) {
  if (metric == Metric::kEuclidean) {
    std::ranges::transform(row, centre, to.begin(), [](float v, float c) { return v - c; });
    return dot_product(to, to);
  }
  return to_unit_length(row, to) ? dot_product(to, to) : 0.0F;
}

NeighborSpace make_space(const RowsView& rows, Metric metric, std::vector<float> centre, ThreadPool& pool) {
  NeighborSpace space;
  space.metric = metric;
  space.centre = std::move(centre);
  space.values.resize(rows.row_count * rows.dim);
  space.squares.resize(rows.row_count);
  pool.parallel_for(rows.row_count, kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const std::span<float> to(space.values.data() + r * rows.dim, rows.dim);
      space.squares[r] = lay_out(rows.row(r), space.centre, metric, to);
    }
  });
  space.exact = rows;
  if (metric == Metric::kCosine) {
    space.exact = {.values = space.values, .row_count = rows.row_count, .dim = rows.dim};
    space.is_zero.resize(rows.row_count);
    for (std::size_t r = 0; r < rows.row_count; ++r) {
      space.is_zero[r] = space.squares[r] == 0.0F;
      space.squares[r] = space.is_zero[r] ? 1.0F : space.squares[r];
    }
  }
  return space;
}

}  // namespace

Result<void> check_neighbor_rows(const RowsView& rows, Metric metric, std::size_t begin, std::size_t end) {
  if (metric == Metric::kDot) {
    return fail(ErrorCode::kUnsupported, "neighbours: expected the metric cosine or euclidean, found dot",
                "an inner product is no distance: use cosine");
  }
  if (rows.dim == 0 || rows.values.size() / rows.dim < rows.row_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("neighbours: expected {} x {} values, found {}",
                                                         rows.row_count, rows.dim, rows.values.size()));
  }
  for (std::size_t r = begin; r < end; ++r) {
    const auto row = rows.row(r);
    unsigned bad_count = 0;
    for (const float v : row) {  // without a branch: many values at a time
      bad_count += std::abs(v) <= kNeighborValueMax ? 0U : 1U;
    }
    if (bad_count != 0) {
      const auto bad = std::ranges::find_if(row, [](float v) { return !(std::abs(v) <= kNeighborValueMax); });
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("neighbours: row {}, component {}: expected a value of magnitude up to {:g}, found {}", r,
                              bad - row.begin(), kNeighborValueMax, *bad));
    }
  }
  return {};
}

bool to_unit_length(std::span<const float> row, std::span<float> to) {
  const double length = length_of(row);
  if (length == 0.0) {
    std::ranges::fill(to, 0.0F);
    return false;
  }
  std::ranges::transform(row, to.begin(), [&](float v) { return static_cast<float>(static_cast<double>(v) / length); });
  return true;
}

float NeighborSpace::key(std::size_t a, std::size_t b) const noexcept {
  return squares[b] - 2.0F * dot_product(row(a), row(b));
}

Result<NeighborSpace> neighbor_space(const RowsView& rows, Metric metric, ThreadPool& pool) {
  if (auto checked = check_neighbor_rows(rows, metric, 0, rows.row_count); !checked) {
    return std::unexpected(checked.error());
  }
  return make_space(rows, metric, metric == Metric::kEuclidean ? mean_of(rows) : std::vector<float>{}, pool);
}

Result<NeighborSpace> neighbor_queries(const RowsView& queries, const NeighborSpace& rows, ThreadPool& pool) {
  if (auto checked = check_neighbor_rows(queries, rows.metric, 0, queries.row_count); !checked) {
    return std::unexpected(checked.error());
  }
  return make_space(queries, rows.metric, rows.centre, pool);
}

float exact_distance(const NeighborSpace& queries, std::size_t query, const NeighborSpace& rows, std::size_t row) {
  if (rows.metric == Metric::kCosine && (queries.is_zero[query] || rows.is_zero[row])) {
    return 1.0F;
  }
  const std::size_t dim = rows.dim();
  const KeptRows kept{.data = reinterpret_cast<const std::byte*>(rows.exact.values.data() + row * dim),
                      .stride_bytes = dim * sizeof(float),
                      .dim = dim,
                      .type = VectorType::kF32};
  float square = 0.0F;
  kept_squared_distances(kept, queries.exact.row(query), std::span(&square, 1));
  return rows.metric == Metric::kCosine ? 0.5F * square : std::sqrt(square);
}

}  // namespace asterism
