#include "kernels/sketch_bounds.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/avx512_sums.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sketch_bounds.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

std::int32_t sketch_sum_simd(const std::uint64_t* planes, const std::uint64_t* row, std::size_t word_count) {
  const hn::CappedTag<std::uint64_t, kSketchLineWords> d;
  // Weights are below zero for the last plane alone: 64-bit sums wrap back.
  auto sum = hn::Zero(d);
  for (std::size_t w = 0; w < word_count; w += hn::Lanes(d)) {
    const auto bits = hn::LoadU(d, row + w);
    const auto count = [&](std::size_t plane) {
      return hn::PopulationCount(hn::And(bits, hn::LoadU(d, planes + plane * word_count + w)));
    };
    const auto highest = count(3);
    const auto upper = hn::Sub(count(2), hn::Add(highest, highest));
    const auto middle = hn::Add(hn::Add(upper, upper), count(1));
    sum = hn::Add(sum, hn::Add(hn::Add(middle, middle), count(0)));
  }
  return static_cast<std::int32_t>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {
namespace {

HWY_EXPORT(sketch_sum_simd);

std::int32_t sketch_sum_highway(const std::uint64_t* planes, const std::uint64_t* row,
                                std::size_t word_count) noexcept {
  return HWY_DYNAMIC_DISPATCH(sketch_sum_simd)(planes, row, word_count);
}

std::int32_t sketch_sum_serial(const std::uint64_t* planes, const std::uint64_t* row, std::size_t word_count) noexcept {
  std::int32_t sum = 0;
  for (std::size_t plane = 0; plane < kSketchPlaneCount; ++plane) {
    const std::int32_t weight = plane + 1 == kSketchPlaneCount ? -(1 << plane) : 1 << plane;
    for (std::size_t w = 0; w < word_count; ++w) {
      sum += weight * std::popcount(row[w] & planes[plane * word_count + w]);
    }
  }
  return sum;
}

SketchNumbers numbers_of(const std::uint64_t* row, std::size_t stride_words) noexcept {
  SketchNumbers numbers;
  std::memcpy(&numbers, reinterpret_cast<const std::byte*>(row + stride_words) - sizeof numbers, sizeof numbers);
  return numbers;
}

template <std::int32_t (*Sum)(const std::uint64_t*, const std::uint64_t*, std::size_t) noexcept>
void bounds_one_by_one(const SketchTerms& query, const SketchRows& sketches, std::span<const std::uint32_t> rows,
                       float* bounds) noexcept {
  const std::size_t stride_words = sketches.stride_lines * kSketchLineWords;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint64_t* row = sketches.first + rows[i] * stride_words;
    const SketchNumbers numbers = numbers_of(row, stride_words);
    const std::int32_t sum = Sum(query.planes, row, sketches.line_count * kSketchLineWords);
    const float product = numbers.scale * (query.step * static_cast<float>(2 * sum - query.sum));
    const float bound =
        query.base + numbers.offset - query.mean_share * numbers.mean_product - product - query.margin * numbers.error;
    bounds[i] = std::isnan(bound) ? -std::numeric_limits<float>::infinity() : bound;
  }
}

#if defined(__x86_64__)
#define ASTERISM_VPOPCNTDQ __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq")))

constexpr std::size_t kSketchesAtOnce = 4;
// Sketches fetched ahead of those that are counted.
constexpr std::size_t kFetchedAhead = 24;

// The planes of one line.
struct Planes {
  __m512i plane[kSketchPlaneCount];
};

ASTERISM_VPOPCNTDQ inline Planes load_planes(const std::uint64_t* planes, std::size_t word_count) noexcept {
  return {{_mm512_load_si512(planes), _mm512_load_si512(planes + word_count),
           _mm512_load_si512(planes + 2 * word_count), _mm512_load_si512(planes + 3 * word_count)}};
}

// Sums by 32-bit lane of one line.
ASTERISM_VPOPCNTDQ inline __m512i line_sums(const Planes& planes, const std::uint64_t* line) noexcept {
  const __m512i bits = _mm512_load_si512(line);
  const __m512i highest = _mm512_popcnt_epi32(_mm512_and_si512(bits, planes.plane[3]));
  __m512i sum = _mm512_popcnt_epi32(_mm512_and_si512(bits, planes.plane[2]));
  sum = _mm512_sub_epi32(sum, _mm512_add_epi32(highest, highest));
  sum = _mm512_add_epi32(_mm512_add_epi32(sum, sum), _mm512_popcnt_epi32(_mm512_and_si512(bits, planes.plane[1])));
  return _mm512_add_epi32(_mm512_add_epi32(sum, sum), _mm512_popcnt_epi32(_mm512_and_si512(bits, planes.plane[0])));
}

// Of four sketches. What all groups have in common is computed once where this is inlined.
ASTERISM_VPOPCNTDQ inline __m128 group_bounds(const SketchTerms& query, const Planes& first_line,
                                              const SketchRows& sketches, const std::uint32_t* rows) noexcept {
  const std::size_t stride_words = sketches.stride_lines * kSketchLineWords;
  const std::uint64_t* group[kSketchesAtOnce];
  __m512i sum[kSketchesAtOnce];
  for (std::size_t j = 0; j < kSketchesAtOnce; ++j) {
    group[j] = sketches.first + rows[j] * stride_words;
    sum[j] = line_sums(first_line, group[j]);
  }
  for (std::size_t line = 1; line < sketches.line_count; ++line) {
    const Planes next_line =
        load_planes(query.planes + line * kSketchLineWords, sketches.line_count * kSketchLineWords);
    for (std::size_t j = 0; j < kSketchesAtOnce; ++j) {
      sum[j] = _mm512_add_epi32(sum[j], line_sums(next_line, group[j] + line * kSketchLineWords));
    }
  }
  const __m128i sums = sums_of_lanes(sum[0], sum[1], sum[2], sum[3]);
  const __m128i signed_sums = _mm_sub_epi32(_mm_add_epi32(sums, sums), _mm_set1_epi32(query.sum));

  constexpr std::size_t kNumberWords = sizeof(SketchNumbers) / sizeof(std::uint64_t);
  const auto numbers = [&](std::size_t j) ASTERISM_VPOPCNTDQ {
    return _mm_load_ps(reinterpret_cast<const float*>(group[j] + stride_words - kNumberWords));
  };
  __m128 scale = numbers(0);
  __m128 offset = numbers(1);
  __m128 mean_product = numbers(2);
  __m128 error = numbers(3);
  _MM_TRANSPOSE4_PS(scale, offset, mean_product, error);
  const __m128 product = _mm_mul_ps(scale, _mm_mul_ps(_mm_set1_ps(query.step), _mm_cvtepi32_ps(signed_sums)));
  __m128 bound = _mm_add_ps(_mm_set1_ps(query.base), offset);
  bound = _mm_sub_ps(bound, _mm_mul_ps(_mm_set1_ps(query.mean_share), mean_product));
  bound = _mm_sub_ps(_mm_sub_ps(bound, product), _mm_mul_ps(_mm_set1_ps(query.margin), error));
  return _mm_mask_blend_ps(_mm_cmp_ps_mask(bound, bound, _CMP_ORD_Q),
                           _mm_set1_ps(-std::numeric_limits<float>::infinity()), bound);
}

ASTERISM_VPOPCNTDQ void bounds_vpopcntdq(const SketchTerms& query, const SketchRows& sketches,
                                         std::span<const std::uint32_t> rows, float* bounds) noexcept {
  const std::size_t stride_words = sketches.stride_lines * kSketchLineWords;
  const Planes first_line = load_planes(query.planes, sketches.line_count * kSketchLineWords);
  std::size_t i = 0;
  for (; i + kSketchesAtOnce <= rows.size(); i += kSketchesAtOnce) {
    if (i + kFetchedAhead + kSketchesAtOnce <= rows.size()) {
      for (std::size_t j = 0; j < kSketchesAtOnce; ++j) {
        const std::uint64_t* ahead = sketches.first + rows[i + kFetchedAhead + j] * stride_words;
        for (std::size_t word = 0; word < stride_words; word += kSketchLineWords) {
          __builtin_prefetch(ahead + word);
        }
      }
    }
    _mm_storeu_ps(bounds + i, group_bounds(query, first_line, sketches, rows.data() + i));
  }
  if (i < rows.size()) {
    // Filled up with the last row.
    std::array<std::uint32_t, kSketchesAtOnce> rest{};
    for (std::size_t j = 0; j < rest.size(); ++j) {
      rest[j] = rows[std::min(i + j, rows.size() - 1)];
    }
    std::array<float, kSketchesAtOnce> values{};
    _mm_storeu_ps(values.data(), group_bounds(query, first_line, sketches, rest.data()));
    std::copy_n(values.begin(), rows.size() - i, bounds + i);
  }
}

bool has_vpopcntdq() noexcept {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vpopcntdq") != 0;
}
#endif

}  // namespace

std::span<const SketchBounds> sketch_bounds() noexcept {
  static constexpr std::array kBounds {
#if defined(__x86_64__)
    SketchBounds{"avx512-vpopcntdq", &bounds_vpopcntdq},
#endif
        SketchBounds{"highway", &bounds_one_by_one<&sketch_sum_highway>}, SketchBounds {
      "serial", &bounds_one_by_one<&sketch_sum_serial>
    }
  };
#if defined(__x86_64__)
  return std::span<const SketchBounds>(kBounds).subspan(has_vpopcntdq() ? 0 : 1);
#else
  return kBounds;
#endif
}

}  // namespace asterism
#endif
