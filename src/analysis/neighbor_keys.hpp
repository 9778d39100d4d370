// Keys of a few rows to all rows of a space, as blocked matrix products, and how wrong such a key may be.
//
// The key of b to a is square(b) - 2 a.b (neighbor_space.hpp): with square(a) added the squared distance, but for
// rounding. Thread-safety: pure functions; a call owns its pool. Cost: queries x rows x dim products at the speed of
// the float kernel, and a copy of the rows in its layout; many queries at once are worth it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "analysis/neighbor_space.hpp"
#include "base/thread_pool.hpp"
#include "kernels/linear.hpp"

namespace asterism {

// Rows whose products with a block of queries stay in the second cache.
inline constexpr std::size_t kKeyColumns = 512;

// By how much a squared distance from products may be wrong, between two rows whose squares sum up to `squares`: the
// rounding of three chains of dim multiply-adds and of moving the rows to their centre, and what is too small for a
// float.
constexpr double key_error(std::size_t dim, double squares) noexcept {
  return static_cast<double>(dim + 8) * (0x1.0p-22 * squares + 0x1.0p-122);
}

// rows [count, dim] laid out as what is multiplied with.
LinearWeight rows_as_weight(std::span<const float> rows, std::size_t dim);

// keys [queries, space.row_count()], in the order of `queries`, which are rows of the space; infinite to itself.
void neighbor_keys(const NeighborSpace& space, std::span<const std::uint32_t> queries, std::span<float> keys,
                   ThreadPool& pool);

}  // namespace asterism
