#include "kernels/fixed_point_dots.hpp"

#include <algorithm>
#include <array>

#include "kernels/avx512_sums.hpp"

namespace asterism {
namespace {

void dots_serial(const FixedPointQuery& query, const KeptRows& rows, std::span<double> products,
                 std::span<std::int32_t> squares) noexcept {
  const std::size_t plane_bytes = fixed_point_plane_bytes(rows.dim);
  for (std::size_t r = 0; r < products.size(); ++r) {
    const auto* row = reinterpret_cast<const std::int8_t*>(rows.data + r * rows.stride_bytes);
    std::int64_t product = 0;
    std::int32_t square = 0;
    for (std::size_t i = 0; i < rows.dim; ++i) {
      const std::int32_t component =
          query.planes[i] + 256 * query.planes[plane_bytes + i] + 65536 * query.planes[2 * plane_bytes + i];
      product += std::int64_t{component} * row[i];
      square += std::int32_t{row[i]} * row[i];
    }
    products[r] = static_cast<double>(product);
    if (!squares.empty()) {
      squares[r] = square;
    }
  }
}

#if defined(__x86_64__)
#define ASTERISM_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

// Rows whose sums are brought together at once.
constexpr std::size_t kRowsAtOnce = 4;
// What is fetched ahead of the row that is computed: the processor's own fetching stops at every page.
constexpr std::size_t kFetchedAheadBytes = 4096;
constexpr std::size_t kLineBytes = 64;

struct GroupSums {
  __m512i planes[kFixedPointPlaneCount][kRowsAtOnce];
  __m512i squares[kRowsAtOnce];
  __m512i components[kRowsAtOnce];
};

// The instruction multiplies unsigned by signed bytes: rows are moved up by 128, and 128 times the sum of what they are
// multiplied with is taken off again.
template <bool HasSquares>
ASTERISM_VNNI inline void add_products(GroupSums& sums, const std::int8_t* planes, std::size_t plane_bytes,
                                       const std::byte* const* rows, std::size_t i, __mmask64 kept) noexcept {
  const __m512i high_bits = _mm512_set1_epi8(-128);
  const __m512i ones = _mm512_set1_epi8(1);
  for (std::size_t r = 0; r < kRowsAtOnce; ++r) {
    const __m512i row = _mm512_maskz_loadu_epi8(kept, rows[r] + i);
    const __m512i moved_up = _mm512_xor_si512(row, high_bits);
    for (std::size_t plane = 0; plane < kFixedPointPlaneCount; ++plane) {
      sums.planes[plane][r] =
          _mm512_dpbusd_epi32(sums.planes[plane][r], moved_up, _mm512_load_si512(planes + plane * plane_bytes + i));
    }
    if constexpr (HasSquares) {
      sums.squares[r] = _mm512_dpbusd_epi32(sums.squares[r], moved_up, row);
      sums.components[r] = _mm512_dpbusd_epi32(sums.components[r], ones, row);
    }
  }
}

ASTERISM_VNNI inline __m128i sums_of_rows(const __m512i (&sums)[kRowsAtOnce]) noexcept {
  return sums_of_lanes(sums[0], sums[1], sums[2], sums[3]);
}

template <bool HasSquares>
ASTERISM_VNNI inline void group_dots(const FixedPointQuery& query, const std::byte* const* rows, std::size_t dim,
                                     double* products, std::int32_t* squares) noexcept {
  const std::size_t plane_bytes = fixed_point_plane_bytes(dim);
  GroupSums sums;
  for (std::size_t r = 0; r < kRowsAtOnce; ++r) {
    for (auto& plane : sums.planes) {
      plane[r] = _mm512_setzero_si512();
    }
    sums.squares[r] = _mm512_setzero_si512();
    sums.components[r] = _mm512_setzero_si512();
  }
  std::size_t i = 0;
  for (; i + kLineBytes <= dim; i += kLineBytes) {
    add_products<HasSquares>(sums, query.planes, plane_bytes, rows, i, ~__mmask64{0});
  }
  if (i < dim) {
    add_products<HasSquares>(sums, query.planes, plane_bytes, rows, i, ~__mmask64{0} >> (kLineBytes - (dim - i)));
  }
  // All of it is below 2^53: exact as double.
  const auto plane_sums = [&](std::size_t plane)
                              ASTERISM_VNNI { return _mm256_cvtepi32_pd(sums_of_rows(sums.planes[plane])); };
  __m256d product = _mm256_add_pd(_mm256_mul_pd(plane_sums(2), _mm256_set1_pd(256.0)), plane_sums(1));
  product = _mm256_add_pd(_mm256_mul_pd(product, _mm256_set1_pd(256.0)), plane_sums(0));
  _mm256_storeu_pd(products, _mm256_sub_pd(product, _mm256_set1_pd(static_cast<double>(128 * query.sum))));
  if constexpr (HasSquares) {
    const __m128i moved = _mm_slli_epi32(sums_of_rows(sums.components), 7);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(squares), _mm_sub_epi32(sums_of_rows(sums.squares), moved));
  }
}

template <bool HasSquares>
ASTERISM_VNNI void all_dots(const FixedPointQuery& query, const KeptRows& rows, std::span<double> products,
                            std::int32_t* squares) noexcept {
  std::array<const std::byte*, kRowsAtOnce> group;
  std::size_t r = 0;
  for (; r + kRowsAtOnce <= products.size(); r += kRowsAtOnce) {
    for (std::size_t j = 0; j < kRowsAtOnce; ++j) {
      group[j] = rows.data + (r + j) * rows.stride_bytes;
    }
    for (std::size_t offset = 0; offset < kRowsAtOnce * rows.stride_bytes; offset += kLineBytes) {
      __builtin_prefetch(group.front() + kFetchedAheadBytes + offset);
    }
    group_dots<HasSquares>(query, group.data(), rows.dim, products.data() + r, squares + (HasSquares ? r : 0));
  }
  if (r < products.size()) {
    // Filled up with the last row.
    const std::size_t rest = products.size() - r;
    for (std::size_t j = 0; j < kRowsAtOnce; ++j) {
      group[j] = rows.data + (r + std::min(j, rest - 1)) * rows.stride_bytes;
    }
    std::array<double, kRowsAtOnce> rest_products{};
    std::array<std::int32_t, kRowsAtOnce> rest_squares{};
    group_dots<HasSquares>(query, group.data(), rows.dim, rest_products.data(), rest_squares.data());
    std::copy_n(rest_products.begin(), rest, products.begin() + static_cast<std::ptrdiff_t>(r));
    if constexpr (HasSquares) {
      std::copy_n(rest_squares.begin(), rest, squares + r);
    }
  }
}

void dots_vnni(const FixedPointQuery& query, const KeptRows& rows, std::span<double> products,
               std::span<std::int32_t> squares) noexcept {
  if (squares.empty()) {
    all_dots<false>(query, rows, products, nullptr);
  } else {
    all_dots<true>(query, rows, products, squares.data());
  }
}

bool has_vnni() noexcept {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
}
#endif

}  // namespace

std::span<const FixedPointDots> fixed_point_dots() noexcept {
  static constexpr std::array kDots {
#if defined(__x86_64__)
    FixedPointDots{"avx512-vnni", &dots_vnni},
#endif
        FixedPointDots {
      "serial", &dots_serial
    }
  };
#if defined(__x86_64__)
  return std::span<const FixedPointDots>(kDots).subspan(has_vnni() ? 0 : 1);
#else
  return kDots;
#endif
}

}  // namespace asterism
