// Sums of rows of an embedding table: what a static text model does with its tokens.
//
// The table stays as it is stored (float32, float16, bfloat16 or int8): rows are widened on the fly. SIMD by run-time
// dispatch (Highway); the scalar oracle is static_row_sum_scalar. Thread-safety: pure functions.
// Exactness: float32 rows are added in the given order in float32, bit for bit as a plain loop; int8 rows are added as
// integers, exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.hpp"

namespace asterism {

// A row-major table, borrowed; `data` is aligned for its dtype. dtype is kF32, kF16, kBF16 or kI8.
struct StaticTableView {
  DType dtype = DType::kF32;
  const std::byte* data = nullptr;
  std::size_t row_count = 0;
  std::size_t dim = 0;
};

// out[d] = sum over i of weights[i] * table[rows[i]][d] for the first out.size() <= dim columns; `weights` empty = 1.
// Every row index must be below row_count.
void static_row_sum(const StaticTableView& table, std::span<const std::uint32_t> rows, std::span<const float> weights,
                    std::span<float> out);
void static_row_sum_scalar(const StaticTableView& table, std::span<const std::uint32_t> rows,
                           std::span<const float> weights, std::span<float> out);

}  // namespace asterism
