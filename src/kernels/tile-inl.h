// The inner loop of matrix products: a tile of rows x columns whose sums stay in registers. Per target of Highway,
// hence the guard; private to src/kernels.
//
// The right-hand side is a panel: kVectors vectors of columns for each step of the inner dimension, one after the
// other, aligned. The loops over rows and vectors must unroll whole, early enough that the sums become registers: the
// pragmas.
#if defined(ASTERISM_KERNELS_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ASTERISM_KERNELS_TILE_INL_H
#undef ASTERISM_KERNELS_TILE_INL_H
#else
#define ASTERISM_KERNELS_TILE_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;

// Up to AVX2 there are 16 registers, from AVX-512 on 32. With kTileRowsMax rows of kTileVectors, 12 and 24 of them hold
// sums.
#if HWY_TARGET <= HWY_AVX3
inline constexpr std::size_t kTileRowsMax = 8;
inline constexpr std::size_t kTileVectors = 3;
#else
inline constexpr std::size_t kTileRowsMax = 6;
inline constexpr std::size_t kTileVectors = 2;
#endif

// What to bring into the second-level cache while a tile is computed: so many floats a step, so that memory is read
// evenly beside the arithmetic. (In bursts between tiles the same requests fill the miss buffers and stall.)
inline constexpr std::size_t kLineFloats = 64 / sizeof(float);  // of a cache line
struct Ahead {
  const float* address = nullptr;
  std::size_t step = 0;  // floats
};

template <std::size_t kRows, std::size_t kVectors>
struct Tile {
  FloatVector sums[kRows][kVectors];

  // Row r starts from start[r * stride ...].
  HWY_INLINE void load(const float* start, std::size_t stride) {
    const FloatTag d;
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::LoadU(d, start + r * stride + v * hn::Lanes(d));
      }
    }
  }

  HWY_INLINE void clear() {
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::Zero(FloatTag());
      }
    }
  }

  // sums[r] += x[r, k] * panel[k] for k in [0, depth).
  HWY_INLINE void multiply(const float* HWY_RESTRICT x, std::size_t x_stride, const float* HWY_RESTRICT panel,
                           std::size_t depth) {
    multiply<false>(x, x_stride, panel, depth, {});
  }

  template <bool kPrefetch>
  HWY_INLINE void multiply(const float* HWY_RESTRICT x, std::size_t x_stride, const float* HWY_RESTRICT panel,
                           std::size_t depth, Ahead ahead) {
    const FloatTag d;
    const std::size_t lanes = hn::Lanes(d);
    for (std::size_t k = 0; k < depth; ++k, panel += kVectors * lanes) {
      if constexpr (kPrefetch) {
        for (const float* line = ahead.address; line < ahead.address + ahead.step; line += kLineFloats) {
          __builtin_prefetch(line, 0, 2);
        }
        ahead.address += ahead.step;
      }
      FloatVector w[kVectors];
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        w[v] = hn::Load(d, panel + v * lanes);
      }
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r) {
        const auto a = hn::Set(d, x[r * x_stride + k]);
#pragma GCC unroll 8
        for (std::size_t v = 0; v < kVectors; ++v) {
          sums[r][v] = hn::MulAdd(a, w[v], sums[r][v]);
        }
      }
    }
  }

  // sums[r] += x[k, r] * panel[k] for k in [0, depth): x by columns, its rows `x_stride` apart.
  HWY_INLINE void multiply_columns(const float* HWY_RESTRICT x, std::size_t x_stride, const float* HWY_RESTRICT panel,
                                   std::size_t depth) {
    const FloatTag d;
    const std::size_t lanes = hn::Lanes(d);
    for (std::size_t k = 0; k < depth; ++k, x += x_stride, panel += kVectors * lanes) {
      FloatVector w[kVectors];
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        w[v] = hn::Load(d, panel + v * lanes);
      }
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r) {
        const auto a = hn::Set(d, x[r]);
#pragma GCC unroll 8
        for (std::size_t v = 0; v < kVectors; ++v) {
          sums[r][v] = hn::MulAdd(a, w[v], sums[r][v]);
        }
      }
    }
  }

  // finish(r, v, sum) gives the vector to store at out[r * stride + v * lanes].
  template <typename Finish>
  HWY_INLINE void store(float* out, std::size_t stride, Finish finish) const {
    const FloatTag d;
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        hn::StoreU(finish(r, v, sums[r][v]), d, out + r * stride + v * hn::Lanes(d));
      }
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
