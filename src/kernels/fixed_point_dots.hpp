// Products of a fixed-point query with rows of i8: what a scan of i8 rows computes.
//
// Products of whole numbers are exact and need a quarter of the instructions that floats need, which must be made of
// the bytes first. A component of the query is a whole number of 24 bits, kept as three signed bytes in three planes:
// it is the first plus 256 times the second plus 65,536 times the third. Which instructions compute is chosen once:
// VNNI by intrinsics; the serial function is the oracle of the tests. kernels/kept_query.hpp makes the planes.
// Thread-safety: pure functions. Cost: one pass over the rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/kept_rows.hpp"

namespace asterism {

inline constexpr std::size_t kFixedPointPlaneCount = 3;
// Planes are a multiple of so many bytes long, zero behind the last component.
inline constexpr std::size_t kFixedPointPlaneAlign = 64;
// The largest magnitude that three balanced bytes hold.
inline constexpr std::int32_t kFixedPointMax = 127 * 65536 + 127 * 256 + 127;

constexpr std::size_t fixed_point_plane_bytes(std::size_t dim) noexcept {
  return (dim + kFixedPointPlaneAlign - 1) / kFixedPointPlaneAlign * kFixedPointPlaneAlign;
}

// Borrowed: [kFixedPointPlaneCount, fixed_point_plane_bytes(dim)], and the sum of all components.
struct FixedPointQuery {
  const std::int8_t* planes = nullptr;
  std::int64_t sum = 0;
};

struct FixedPointDots {
  std::string_view name;  // "avx512-vnni", "serial"
  // products[r] = the query times the components of row r, without its scale; squares[r] = those times themselves where
  // squares is not empty (else it has the length of products). Exact: dim <= 65536.
  void (*dots)(const FixedPointQuery& query, const KeptRows& rows, std::span<double> products,
               std::span<std::int32_t> squares) noexcept;
};

// The ones that this processor can run, fastest first; the last one is "serial".
std::span<const FixedPointDots> fixed_point_dots() noexcept;

}  // namespace asterism
