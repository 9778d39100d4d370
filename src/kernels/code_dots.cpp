#include "kernels/code_dots.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/avx512_sums.hpp"
#include "tensor/dtype.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/code_dots.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

float i8_dot_simd(const std::byte* a, const std::byte* b, std::size_t dim) {
  const hn::ScalableTag<std::int16_t> wide;
  const hn::Rebind<std::int8_t, decltype(wide)> narrow;
  const hn::RepartitionToWide<decltype(wide)> sums;
  const std::size_t lanes = hn::Lanes(wide);
  const auto* x = reinterpret_cast<const std::int8_t*>(a);
  const auto* y = reinterpret_cast<const std::int8_t*>(b);
  auto low = hn::Zero(sums);
  auto high = hn::Zero(sums);
  std::size_t i = 0;
  for (; i + lanes <= dim; i += lanes) {
    low = hn::ReorderWidenMulAccumulate(sums, hn::PromoteTo(wide, hn::LoadU(narrow, x + i)),
                                        hn::PromoteTo(wide, hn::LoadU(narrow, y + i)), low, high);
  }
  std::int32_t sum = hn::GetLane(hn::SumOfLanes(sums, hn::Add(low, high)));
  for (; i < dim; ++i) {
    sum += std::int32_t{x[i]} * y[i];
  }
  return static_cast<float>(sum);
}

float bf16_dot_simd(const std::byte* a, const std::byte* b, std::size_t dim) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::uint16_t, decltype(d)> half;
  const hn::RebindToUnsigned<decltype(d)> wide;
  const std::size_t lanes = hn::Lanes(d);
  const auto* x = reinterpret_cast<const std::uint16_t*>(a);
  const auto* y = reinterpret_cast<const std::uint16_t*>(b);
  const auto at = [&](const std::uint16_t* p) {
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LoadU(half, p))));
  };
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 2 * lanes <= dim; i += 2 * lanes) {
    sum0 = hn::MulAdd(at(x + i), at(y + i), sum0);
    sum1 = hn::MulAdd(at(x + i + lanes), at(y + i + lanes), sum1);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  for (; i < dim; ++i) {
    sum += bf16_to_f32(x[i]) * bf16_to_f32(y[i]);
  }
  return sum;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {
namespace {

HWY_EXPORT(i8_dot_simd);
HWY_EXPORT(bf16_dot_simd);

float i8_dot_serial(const std::byte* a, const std::byte* b, std::size_t dim) noexcept {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += std::int32_t{static_cast<std::int8_t>(a[i])} * static_cast<std::int8_t>(b[i]);
  }
  return static_cast<float>(sum);
}

float bf16_dot_serial(const std::byte* a, const std::byte* b, std::size_t dim) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    std::uint16_t x = 0;
    std::uint16_t y = 0;
    std::memcpy(&x, a + 2 * i, sizeof x);
    std::memcpy(&y, b + 2 * i, sizeof y);
    sum += static_cast<double>(bf16_to_f32(x)) * static_cast<double>(bf16_to_f32(y));
  }
  return static_cast<float>(sum);
}

float i8_dot_highway(const std::byte* a, const std::byte* b, std::size_t dim) noexcept {
  return HWY_DYNAMIC_DISPATCH(i8_dot_simd)(a, b, dim);
}

float bf16_dot_highway(const std::byte* a, const std::byte* b, std::size_t dim) noexcept {
  return HWY_DYNAMIC_DISPATCH(bf16_dot_simd)(a, b, dim);
}

template <float (*Product)(const std::byte*, const std::byte*, std::size_t) noexcept>
ProductGroup one_by_one(const std::byte* a, const CodeGroup& codes, std::size_t dim) noexcept {
  ProductGroup products{};
  for (std::size_t row = 0; row < kCodesAtOnce; ++row) {
    products[row] = Product(a, codes[row], dim);
  }
  return products;
}

#if defined(__x86_64__)
#define ASTERISM_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define ASTERISM_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

// The instruction multiplies unsigned by signed bytes: a is moved up by 128, and 128 times the sum of b taken off
// again.
ASTERISM_VNNI float i8_dot_vnni(const std::byte* a, const std::byte* b, std::size_t dim) noexcept {
  const __m512i high_bits = _mm512_set1_epi8(-128);
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i products = _mm512_setzero_si512();
  __m512i sums = _mm512_setzero_si512();
  std::size_t i = 0;
  for (; i + 64 <= dim; i += 64) {
    const __m512i y = _mm512_loadu_si512(b + i);
    products = _mm512_dpbusd_epi32(products, _mm512_xor_si512(_mm512_loadu_si512(a + i), high_bits), y);
    sums = _mm512_dpbusd_epi32(sums, ones, y);
  }
  if (i < dim) {
    const __mmask64 rest = ~std::uint64_t{0} >> (64 - (dim - i));
    const __m512i y = _mm512_maskz_loadu_epi8(rest, b + i);
    products = _mm512_dpbusd_epi32(products, _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, a + i), high_bits), y);
    sums = _mm512_dpbusd_epi32(sums, ones, y);
  }
  return static_cast<float>(_mm512_reduce_add_epi32(_mm512_sub_epi32(products, _mm512_slli_epi32(sums, 7))));
}

// Here the four are moved up: what is taken off is then 128 times the sum of a, the same for all.
ASTERISM_VNNI ProductGroup i8_four_dots_vnni(const std::byte* a, const CodeGroup& codes, std::size_t dim) noexcept {
  const __m512i high_bits = _mm512_set1_epi8(-128);
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums = _mm512_setzero_si512();
  __m512i products0 = sums;
  __m512i products1 = sums;
  __m512i products2 = sums;
  __m512i products3 = sums;
  for (std::size_t i = 0; i < dim; i += 64) {
    const __mmask64 kept = dim - i >= 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} >> (64 - (dim - i));
    const auto moved_up = [&](std::size_t row) ASTERISM_VNNI {
      return _mm512_xor_si512(_mm512_maskz_loadu_epi8(kept, codes[row] + i), high_bits);
    };
    const __m512i x = _mm512_maskz_loadu_epi8(kept, a + i);
    sums = _mm512_dpbusd_epi32(sums, ones, x);
    products0 = _mm512_dpbusd_epi32(products0, moved_up(0), x);
    products1 = _mm512_dpbusd_epi32(products1, moved_up(1), x);
    products2 = _mm512_dpbusd_epi32(products2, moved_up(2), x);
    products3 = _mm512_dpbusd_epi32(products3, moved_up(3), x);
  }
  sums = _mm512_slli_epi32(sums, 7);
  const __m128i values = sums_of_lanes(_mm512_sub_epi32(products0, sums), _mm512_sub_epi32(products1, sums),
                                       _mm512_sub_epi32(products2, sums), _mm512_sub_epi32(products3, sums));
  ProductGroup result;
  _mm_storeu_ps(result.data(), _mm_cvtepi32_ps(values));
  return result;
}

ASTERISM_AVX512_BF16 __m512bh bf16_lanes(__m512i bits) noexcept {
  return reinterpret_cast<__m512bh>(bits);
}

ASTERISM_AVX512_BF16 float bf16_dot_avx512(const std::byte* a, const std::byte* b, std::size_t dim) noexcept {
  __m512 sum0 = _mm512_setzero_ps();
  __m512 sum1 = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + 64 <= dim; i += 64) {
    sum0 = _mm512_dpbf16_ps(sum0, bf16_lanes(_mm512_loadu_si512(a + 2 * i)), bf16_lanes(_mm512_loadu_si512(b + 2 * i)));
    sum1 = _mm512_dpbf16_ps(sum1, bf16_lanes(_mm512_loadu_si512(a + 2 * i + 64)),
                            bf16_lanes(_mm512_loadu_si512(b + 2 * i + 64)));
  }
  for (; i < dim; i += 32) {
    const __mmask32 rest = dim - i >= 32 ? ~std::uint32_t{0} : ~std::uint32_t{0} >> (32 - (dim - i));
    sum0 = _mm512_dpbf16_ps(sum0, bf16_lanes(_mm512_maskz_loadu_epi16(rest, a + 2 * i)),
                            bf16_lanes(_mm512_maskz_loadu_epi16(rest, b + 2 * i)));
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
}

template <typename Dots>
std::span<const CodeDots> runnable(const Dots& fastest_first, bool has_first) noexcept {
  return std::span(fastest_first).subspan(has_first ? 0 : 1);
}

bool has_avx512_and(int feature) noexcept {
  return feature != 0 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0;
}

#endif

}  // namespace

std::span<const CodeDots> i8_code_dots() noexcept {
  static constexpr std::array kDots {
#if defined(__x86_64__)
    CodeDots{"avx512-vnni", &i8_dot_vnni, &i8_four_dots_vnni},
#endif
        CodeDots{"highway", &i8_dot_highway, &one_by_one<&i8_dot_highway>}, CodeDots {
      "serial", &i8_dot_serial, &one_by_one<&i8_dot_serial>
    }
  };
#if defined(__x86_64__)
  return runnable(kDots, has_avx512_and(__builtin_cpu_supports("avx512vnni")));
#else
  return kDots;
#endif
}

std::span<const CodeDots> bf16_code_dots() noexcept {
  static constexpr std::array kDots {
#if defined(__x86_64__)
    CodeDots{"avx512-bf16", &bf16_dot_avx512, &one_by_one<&bf16_dot_avx512>},
#endif
        CodeDots{"highway", &bf16_dot_highway, &one_by_one<&bf16_dot_highway>}, CodeDots {
      "serial", &bf16_dot_serial, &one_by_one<&bf16_dot_serial>
    }
  };
#if defined(__x86_64__)
  return runnable(kDots, has_avx512_and(__builtin_cpu_supports("avx512bf16")));
#else
  return kDots;
#endif
}

}  // namespace asterism
#endif
