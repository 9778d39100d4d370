// Inner products of float vectors.
//
// SIMD by run-time dispatch (Highway); the *_scalar functions are the oracles of the tests and accumulate in double.
// Thread-safety: pure functions. Cost: one pass.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace asterism {

// Sum of a[i] * b[i]; the spans have one length.
float dot_product(std::span<const float> a, std::span<const float> b) noexcept;
float dot_product_scalar(std::span<const float> a, std::span<const float> b) noexcept;

// Cosine from the product of two vectors and the products of each with itself, in [-1, 1]: 0 where one is zero, since
// it has no direction; rounding may carry parallel vectors just past 1. NaN stays NaN. Here, because scans of short
// rows spend a twentieth of their time in the call.
inline float cosine_from_products(float dot, float square_a, float square_b) noexcept {
  const float norm = std::sqrt(square_a) * std::sqrt(square_b);
  return norm == 0.0F ? 0.0F : std::isnan(dot) ? dot : std::clamp(dot / norm, -1.0F, 1.0F);
}

}  // namespace asterism
