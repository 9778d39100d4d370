// Similarity of vectors and exact nearest neighbours among rows in memory.
//
// Thread-safety: pure functions. Cost: rows x dim multiply-adds per query; nothing is indexed.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

// Rows of equal length, one after the other; borrowed.
struct MatrixView {
  std::span<const float> values;  // [row_count, dim]
  std::size_t row_count = 0;
  std::size_t dim = 0;
};

// Cosine of the angle between two vectors of one length, in [-1, 1]; 0 when either is zero.
float cosine_similarity(std::span<const float> a, std::span<const float> b) noexcept;

struct Neighbor {
  std::size_t row = 0;
  float score = 0.0F;  // cosine: larger is nearer
};

// The `k` rows nearest to `query` by cosine, best first; equal scores in row order. Rows with NaN are never neighbours.
// kInvalidArgument when the lengths disagree.
Result<std::vector<Neighbor>> nearest_neighbors(const MatrixView& rows, std::span<const float> query, std::size_t k);

}  // namespace asterism
