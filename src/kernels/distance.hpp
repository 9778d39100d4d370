// Inner products of float vectors.
//
// SIMD by run-time dispatch (Highway); the *_scalar functions are the oracles of the tests and accumulate in double.
// Thread-safety: pure functions. Cost: one pass.
#pragma once

#include <cstddef>
#include <span>

namespace asterism {

// Sum of a[i] * b[i]; the spans have one length.
float dot_product(std::span<const float> a, std::span<const float> b) noexcept;
float dot_product_scalar(std::span<const float> a, std::span<const float> b) noexcept;

// Cosine from the product of two vectors and the products of each with itself, in [-1, 1]: 0 where one is zero, since
// it has no direction; rounding may carry parallel vectors just past 1. NaN stays NaN.
float cosine_from_products(float dot, float square_a, float square_b) noexcept;

}  // namespace asterism
