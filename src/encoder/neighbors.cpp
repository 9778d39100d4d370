#include "asterism/neighbors.hpp"

#include <fmt/format.h>

#include "index/exact_scan.hpp"
#include "kernels/distance.hpp"

namespace asterism {

float cosine_similarity(std::span<const float> a, std::span<const float> b) noexcept {
  return cosine_from_products(dot_product(a, b), dot_product(a, a), dot_product(b, b));
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
  const VectorRows kept{.data = std::as_bytes(rows.values),
                        .row_count = rows.row_count,
                        .dim = rows.dim,
                        .type = VectorType::kF32,
                        .stride_bytes = rows.dim * sizeof(float),
                        .verifier = nullptr};
  const auto hits = scan_nearest(kept, query, k, ScanOptions{});
  if (!hits) {
    return std::unexpected(hits.error());
  }
  std::vector<Neighbor> neighbors;
  neighbors.reserve(hits->size());
  for (const Hit& hit : *hits) {
    neighbors.push_back({.row = hit.position, .score = hit.value});
  }
  return neighbors;
}

}  // namespace asterism
