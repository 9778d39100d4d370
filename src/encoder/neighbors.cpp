#include "asterism/neighbors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/distance.hpp"
#include "kernels/topk.hpp"

namespace asterism {
namespace {

// Rows scored at a time: their scores stay in the nearest cache.
constexpr std::size_t kRowsPerBlock = 1024;

float cosine_of(float dot, float square_a, float square_b) noexcept {
  const float norm = std::sqrt(square_a) * std::sqrt(square_b);
  // A zero vector has no direction; rounding may carry parallel vectors just past 1.
  return norm == 0.0F ? 0.0F : std::isnan(dot) ? dot : std::clamp(dot / norm, -1.0F, 1.0F);
}

}  // namespace

float cosine_similarity(std::span<const float> a, std::span<const float> b) noexcept {
  return cosine_of(dot_product(a, b), dot_product(a, a), dot_product(b, b));
}

Result<std::vector<Neighbor>> nearest_neighbors(const MatrixView& rows, std::span<const float> query, std::size_t k) {
  if (query.size() != rows.dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("nearest neighbours: expected a query of {} values, as the rows have, found {}", rows.dim,
                            query.size()));
  }
  if (rows.dim != 0 && rows.values.size() / rows.dim < rows.row_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("nearest neighbours: expected {} x {} values, found {}",
                                                         rows.row_count, rows.dim, rows.values.size()));
  }
  TopK best(std::min(k, rows.row_count));
  const float query_square = dot_product(query, query);
  std::vector<float> scores(std::min(rows.row_count, kRowsPerBlock));
  for (std::size_t begin = 0; begin < rows.row_count; begin += kRowsPerBlock) {
    const std::size_t count = std::min(kRowsPerBlock, rows.row_count - begin);
    const auto block = std::span(scores).first(count);
    dot_products(rows.values.subspan(begin * rows.dim, count * rows.dim), query, block);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = rows.values.subspan((begin + i) * rows.dim, rows.dim);
      best.offer(begin + i, cosine_of(block[i], dot_product(row, row), query_square));
    }
  }
  std::vector<Neighbor> neighbors;
  for (const ScoredIndex& entry : best.take()) {
    neighbors.push_back({.row = entry.index, .score = entry.score});
  }
  return neighbors;
}

}  // namespace asterism
