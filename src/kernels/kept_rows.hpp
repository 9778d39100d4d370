// A float query against rows that are kept as f32, f16, bf16 or i8: products, squares and distances.
//
// The layout is that of index/vector_rows.hpp: i8 rows end with their scale. SIMD by run-time dispatch (Highway); the
// *_scalar functions are the oracles of the tests and accumulate in double. NaN goes through.
// Thread-safety: pure functions. Cost: one pass over the rows.
#pragma once

#include <cstddef>
#include <span>

#include "asterism/metric.hpp"

namespace asterism {

// Rows [count, dim], stride_bytes apart; borrowed.
struct KeptRows {
  const std::byte* data = nullptr;
  std::size_t stride_bytes = 0;
  std::size_t dim = 0;
  VectorType type = VectorType::kF32;
};

// Where the scale of an i8 row lies: the next multiple of four bytes behind its components.
constexpr std::size_t kept_scale_offset(std::size_t dim) noexcept {
  return (dim + 3) / 4 * 4;
}

// dots[r] = row r times query [dim], for dots.size() rows; squares[r] = row r times itself where squares is not empty
// (else it has the length of dots).
void kept_dots(const KeptRows& rows, std::span<const float> query, std::span<float> dots,
               std::span<float> squares) noexcept;
void kept_dots_scalar(const KeptRows& rows, std::span<const float> query, std::span<float> dots,
                      std::span<float> squares) noexcept;

// out[r] = sum of (query - row r)^2, for out.size() rows.
void kept_squared_distances(const KeptRows& rows, std::span<const float> query, std::span<float> out) noexcept;
void kept_squared_distances_scalar(const KeptRows& rows, std::span<const float> query, std::span<float> out) noexcept;

}  // namespace asterism
