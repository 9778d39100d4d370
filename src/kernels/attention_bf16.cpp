#include "kernels/attention_bf16.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
// GCC 12 takes the undefined operands inside its own header for mistakes (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#define ASTERISM_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define ASTERISM_INLINE_AVX512_BF16 ASTERISM_AVX512_BF16 __attribute__((always_inline)) inline

namespace asterism {
namespace {

constexpr std::size_t kLanes = 16;    // floats, or pairs of bfloat16, of a register
constexpr std::size_t kTileRows = 8;  // queries of a tile: 16 of the 32 registers hold sums
constexpr float kLog2OfE = 1.44269504F;

// One head of one text. `Pair` is two neighbouring bfloat16: of an element's dimensions (keys), or of two tokens
// (values, weights).
using Pair = std::uint32_t;
struct Unit {
  const std::uint16_t* query;
  const std::uint16_t* key;
  const std::uint16_t* value;
  std::uint16_t* output;
  std::size_t token_count;
};

struct Buffers {
  std::size_t key_panel_count;  // of kLanes keys
  std::size_t token_pair_count;
  Pair* keys;                  // [key panels, head_dim / 2, kLanes], zeros past the text
  Pair* values;                // [head_dim / kLanes, token pairs, kLanes]
  float* scores;               // [kTileRows, columns()]
  std::uint16_t* weights;      // [kTileRows, columns()]
  const std::uint16_t* zeros;  // [head_dim]

  std::size_t columns() const { return key_panel_count * kLanes; }
};

Buffers make_buffers(std::size_t head_dim, std::size_t token_count, AttentionScratch& scratch) {
  constexpr std::size_t kAlignment = 64 / sizeof(float);
  Buffers buffers{};
  buffers.key_panel_count = (token_count + kLanes - 1) / kLanes;
  buffers.token_pair_count = (token_count + 1) / 2;
  const std::size_t keys = buffers.columns() * head_dim / 2;
  const std::size_t values = buffers.token_pair_count * head_dim;
  const std::size_t scores = buffers.columns() * kTileRows;
  const std::size_t size = keys + values + scores + scores / 2 + head_dim / 2 + kAlignment;
  if (scratch.size() < size) {
    scratch.resize(size);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
  float* next = scratch.data() + (64 - address % 64) % 64 / sizeof(float);
  buffers.keys = reinterpret_cast<Pair*>(next);
  buffers.values = buffers.keys + keys;
  buffers.scores = next + keys + values;
  buffers.weights = reinterpret_cast<std::uint16_t*>(buffers.scores + scores);
  std::uint16_t* const zeros = buffers.weights + scores;
  std::fill_n(zeros, head_dim, std::uint16_t{0});
  buffers.zeros = zeros;
  return buffers;
}

// Four rows of four pairs side by side: out[k] is pair k of the four.
ASTERISM_INLINE_AVX512_BF16 void transpose_pairs(const std::uint16_t* const (&rows)[4], std::size_t dim, Pair* out) {
  const auto load = [&](std::size_t row) ASTERISM_AVX512_BF16 {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + dim));
  };
  const __m128i a = load(0);
  const __m128i b = load(1);
  const __m128i c = load(2);
  const __m128i d = load(3);
  const __m128i ab_low = _mm_unpacklo_epi32(a, b);
  const __m128i ab_high = _mm_unpackhi_epi32(a, b);
  const __m128i cd_low = _mm_unpacklo_epi32(c, d);
  const __m128i cd_high = _mm_unpackhi_epi32(c, d);
  const auto store = [&](std::size_t pair, __m128i value) ASTERISM_AVX512_BF16 {
    _mm_store_si128(reinterpret_cast<__m128i*>(out + pair * kLanes), value);
  };
  store(0, _mm_unpacklo_epi64(ab_low, cd_low));
  store(1, _mm_unpackhi_epi64(ab_low, cd_low));
  store(2, _mm_unpacklo_epi64(ab_high, cd_high));
  store(3, _mm_unpackhi_epi64(ab_high, cd_high));
}

ASTERISM_AVX512_BF16 void pack_keys(const AttentionProblemBf16& p, const Unit& unit, const Buffers& buffers) {
  for (std::size_t j = 0; j < buffers.columns(); j += 4) {
    const std::uint16_t* rows[4];
    for (std::size_t i = 0; i < 4; ++i) {
      rows[i] = j + i < unit.token_count ? unit.key + (j + i) * p.key_stride : buffers.zeros;
    }
    Pair* const panel = buffers.keys + j / kLanes * kLanes * p.head_dim / 2 + j % kLanes;
    for (std::size_t dim = 0; dim < p.head_dim; dim += 8) {
      transpose_pairs(rows, dim, panel + dim / 2 * kLanes);
    }
  }
}

ASTERISM_AVX512_BF16 void pack_values(const AttentionProblemBf16& p, const Unit& unit, const Buffers& buffers) {
  for (std::size_t pair = 0; pair < buffers.token_pair_count; ++pair) {
    const std::uint16_t* const first = unit.value + 2 * pair * p.value_stride;
    const std::uint16_t* const second = 2 * pair + 1 < unit.token_count ? first + p.value_stride : buffers.zeros;
    for (std::size_t dim = 0; dim < p.head_dim; dim += kLanes) {
      const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(first + dim)));
      const __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(second + dim)));
      _mm512_store_si512(buffers.values + (dim * buffers.token_pair_count + pair * kLanes),
                         _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
}

ASTERISM_INLINE_AVX512_BF16 __m512bh broadcast_pair(const std::uint16_t* at) {
  Pair pair = 0;
  std::memcpy(&pair, at, sizeof pair);
  return __builtin_bit_cast(__m512bh, _mm512_set1_epi32(static_cast<int>(pair)));
}

// sums[r][v] += rows[r] by panel v, over `depth` pairs.
template <std::size_t kRows, std::size_t kVectors>
ASTERISM_INLINE_AVX512_BF16 void multiply(const std::uint16_t* rows, std::size_t stride, const Pair* panels,
                                          std::size_t depth, __m512 (&sums)[kRows][kVectors]) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) {
      sums[r][v] = _mm512_setzero_ps();
    }
  }
  for (std::size_t k = 0; k < depth; ++k) {
    __m512bh columns[kVectors];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) {
      columns[v] = __builtin_bit_cast(__m512bh, _mm512_load_si512(panels + (v * depth + k) * kLanes));
    }
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
      const __m512bh row = broadcast_pair(rows + r * stride + 2 * k);
#pragma GCC unroll 2
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], row, columns[v]);
      }
    }
  }
}

// Scores in units of log2: what is stored is the product by scale / ln 2.
template <std::size_t kRows, std::size_t kVectors>
ASTERISM_AVX512_BF16 void score_panels(const AttentionProblemBf16& p, const std::uint16_t* query,
                                       const Buffers& buffers, std::size_t panel) {
  __m512 sums[kRows][kVectors];
  multiply<kRows, kVectors>(query, p.query_stride, buffers.keys + panel * kLanes * p.head_dim / 2, p.head_dim / 2,
                            sums);
  const __m512 scale = _mm512_set1_ps(p.scale * kLog2OfE);
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) {
      _mm512_store_ps(buffers.scores + r * buffers.columns() + (panel + v) * kLanes, _mm512_mul_ps(sums[r][v], scale));
    }
  }
}

// 2^x for x <= 0: a polynomial of degree 3 on [-1/2, 1/2] with a relative error below 8e-5, a twentieth of the
// rounding to bfloat16 that follows. NaN stays NaN.
ASTERISM_INLINE_AVX512_BF16 __m512 power_of_two(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(x, whole);
  __m512 power = _mm512_fmadd_ps(rest, _mm512_set1_ps(5.51716672e-02F), _mm512_set1_ps(2.42611122e-01F));
  power = _mm512_fmadd_ps(power, rest, _mm512_set1_ps(6.93260986e-01F));
  power = _mm512_fmadd_ps(power, rest, _mm512_set1_ps(9.99928074e-01F));
  return _mm512_scalef_ps(power, whole);
}

// weights <- 2^(scores - largest), zero from column `seen_count` on; returns 1 / their sum before rounding.
ASTERISM_AVX512_BF16 float weigh_row(const float* scores, std::size_t seen_count, std::size_t columns,
                                     std::uint16_t* weights) {
  const auto seen = [&](std::size_t column) -> __mmask16 {
    const std::size_t count = seen_count > column ? std::min(seen_count - column, kLanes) : 0;
    return static_cast<__mmask16>((1U << count) - 1U);
  };
  __m512 largest = _mm512_set1_ps(-3.4e38F);
  for (std::size_t j = 0; j < columns; j += kLanes) {
    largest = _mm512_mask_max_ps(largest, seen(j), largest, _mm512_load_ps(scores + j));
  }
  const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t j = 0; j < columns; j += kLanes) {
    const __m512 power = _mm512_maskz_mov_ps(seen(j), power_of_two(_mm512_sub_ps(_mm512_load_ps(scores + j), top)));
    sum = _mm512_add_ps(sum, power);
    _mm256_store_si256(reinterpret_cast<__m256i*>(weights + j), __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(power)));
  }
  return 1.0F / _mm512_reduce_add_ps(sum);
}

template <std::size_t kRows>
ASTERISM_AVX512_BF16 void run_rows(const AttentionProblemBf16& p, const Unit& unit, const Buffers& buffers,
                                   std::size_t row) {
  const std::uint16_t* const query = unit.query + row * p.query_stride;
  std::size_t panel = 0;
  for (; panel + 2 <= buffers.key_panel_count; panel += 2) {
    score_panels<kRows, 2>(p, query, buffers, panel);
  }
  if (panel < buffers.key_panel_count) {
    score_panels<kRows, 1>(p, query, buffers, panel);
  }
  const std::size_t columns = buffers.columns();
  float inverse[kRows];
  for (std::size_t r = 0; r < kRows; ++r) {
    inverse[r] = weigh_row(buffers.scores + r * columns, p.causal ? row + r + 1 : unit.token_count, columns,
                           buffers.weights + r * columns);
  }
  for (std::size_t dim = 0; dim < p.head_dim; dim += 2 * kLanes) {
    __m512 sums[kRows][2];
    multiply<kRows, 2>(buffers.weights, columns, buffers.values + dim * buffers.token_pair_count,
                       buffers.token_pair_count, sums);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
      const __m512 factor = _mm512_set1_ps(inverse[r]);
      const __m512bh rounded =
          _mm512_cvtne2ps_pbh(_mm512_mul_ps(sums[r][1], factor), _mm512_mul_ps(sums[r][0], factor));
      _mm512_storeu_si512(unit.output + (row + r) * p.output_stride + dim, __builtin_bit_cast(__m512i, rounded));
    }
  }
}

ASTERISM_AVX512_BF16 void run_unit(const AttentionProblemBf16& p, const Unit& unit, AttentionScratch& scratch) {
  const Buffers buffers = make_buffers(p.head_dim, unit.token_count, scratch);
  pack_keys(p, unit, buffers);
  pack_values(p, unit, buffers);
  std::size_t row = 0;
  for (; row + kTileRows <= unit.token_count; row += kTileRows) {
    run_rows<kTileRows>(p, unit, buffers, row);
  }
  for (; row + 4 <= unit.token_count; row += 4) {
    run_rows<4>(p, unit, buffers, row);
  }
  for (; row < unit.token_count; ++row) {
    run_rows<1>(p, unit, buffers, row);
  }
}

}  // namespace

bool has_bf16_products(std::size_t head_dim) noexcept {
  static const bool found = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  }();
  return found && head_dim > 0 && head_dim % 32 == 0;
}

void attention_by_bf16_products(const AttentionProblemBf16& p, std::size_t unit_begin, std::size_t unit_end,
                                AttentionScratch& scratch) {
  for (std::size_t i = unit_begin; i < unit_end; ++i) {
    const auto begin = static_cast<std::size_t>(p.offsets[i / p.head_count]);
    const auto end = static_cast<std::size_t>(p.offsets[i / p.head_count + 1]);
    const std::size_t column = i % p.head_count * p.head_dim;
    if (end > begin) {
      run_unit(p,
               {p.query + begin * p.query_stride + column, p.key + begin * p.key_stride + column,
                p.value + begin * p.value_stride + column, p.output + begin * p.output_stride + column, end - begin},
               scratch);
    }
  }
}

}  // namespace asterism

#else

namespace asterism {

bool has_bf16_products(std::size_t /*head_dim*/) noexcept {
  return false;
}

void attention_by_bf16_products(const AttentionProblemBf16& /*problem*/, std::size_t /*unit_begin*/,
                                std::size_t /*unit_end*/, AttentionScratch& /*scratch*/) {}

}  // namespace asterism

#endif
