#include "kernels/image_rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/image_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#ifndef ASTERISM_IMAGE_ROWS_ONCE
#define ASTERISM_IMAGE_ROWS_ONCE
namespace asterism {

// weight = high * 2^kLowBits + low with 0 <= low < 2^kLowBits: both parts fit the 16 bits that SIMD multiplies.
inline constexpr int kLowBits = 15;
inline constexpr std::size_t kRgbChannels = 3;

}  // namespace asterism
#endif

HWY_BEFORE_NAMESPACE();
namespace asterism::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
void filter_rgb_rows_simd(ConstImageRows in, std::size_t row_count, const FilterTaps& taps, std::size_t first,
                          std::size_t count, ImageRows out) {
  filter_rgb_rows_scalar(in, row_count, taps, first, count, out);
}

void filter_across_rows_simd(ConstImageRows in, std::size_t first_row, const FilterTaps& taps, std::size_t position,
                             std::span<std::uint8_t> out) {
  filter_across_rows_scalar(in, first_row, taps, position, out);
}
#else

using D8 = hn::ScalableTag<std::uint8_t>;
using D16 = hn::Repartition<std::int16_t, D8>;
using D32 = hn::Repartition<std::int32_t, D8>;
using V8 = hn::Vec<D8>;
using V32 = hn::Vec<D32>;

constexpr std::size_t kBlockSizeBytes = 16;
// Rows that one vector holds, one in each block of 16 bytes.
constexpr std::size_t kRowsPerVector = HWY_MAX_BYTES / kBlockSizeBytes;
using RowPointers = std::array<const std::uint8_t*, kRowsPerVector>;

// Sums of products with the high and with the low parts of the weights; two registers each where the processor's
// pairwise multiply-add splits odd and even lanes.
struct Sums {
  V32 high0, high1, low0, low1;
};

HWY_INLINE Sums zero_sums() {
  const V32 zero = hn::Zero(D32());
  return {zero, zero, zero, zero};
}

// `pixels` holds pairs of 16-bit samples of two taps, `parts` the four numbers of these taps.
template <class V16>
HWY_INLINE void add_pair(V16 pixels, const std::int16_t* parts, Sums& sums) {
  const D32 d32;
  const D16 d16;
  std::array<std::int32_t, 2> both;
  std::memcpy(both.data(), parts, sizeof(both));
  const auto high = hn::BitCast(d16, hn::Set(d32, both[0]));
  const auto low = hn::BitCast(d16, hn::Set(d32, both[1]));
  sums.high0 = hn::ReorderWidenMulAccumulate(d32, pixels, high, sums.high0, sums.high1);
  sums.low0 = hn::ReorderWidenMulAccumulate(d32, pixels, low, sums.low0, sums.low1);
}

// Bytes, each in a 32-bit lane.
HWY_INLINE V32 finish_sums(const Sums& sums, int precision_bits) {
  const D32 d32;
  const V32 high = hn::ShiftLeft<kLowBits>(hn::RearrangeToOddPlusEven(sums.high0, sums.high1));
  const V32 low = hn::RearrangeToOddPlusEven(sums.low0, sums.low1);
  const V32 half = hn::Set(d32, 1 << (precision_bits - 1));
  const V32 value = hn::ShiftRightSame(hn::Add(hn::Add(high, low), half), precision_bits);
  return hn::Min(hn::Max(value, hn::Zero(d32)), hn::Set(d32, 255));
}

// Byte i of the lanes of `values[i]` side by side: lane k of the result is a[k] | b[k] << 8 | c[k] << 16 | d[k] << 24.
HWY_INLINE V8 join_bytes(const V32 (&values)[4]) {
  const V32 low = hn::Or(values[0], hn::ShiftLeft<8>(values[1]));
  const V32 high = hn::Or(hn::ShiftLeft<16>(values[2]), hn::ShiftLeft<24>(values[3]));
  return hn::BitCast(D8(), hn::Or(low, high));
}

HWY_INLINE V8 load_rows(const RowPointers& rows, std::size_t offset) {
  const D8 d;
  if constexpr (kRowsPerVector == 1) {
    return hn::LoadU(d, rows[0] + offset);
  } else if constexpr (kRowsPerVector == 2) {
    const hn::Half<D8> dh;
    return hn::Combine(d, hn::LoadU(dh, rows[1] + offset), hn::LoadU(dh, rows[0] + offset));
  } else {
    const hn::Half<D8> dh;
    const hn::Half<decltype(dh)> dq;
    const auto low = hn::Combine(dh, hn::LoadU(dq, rows[1] + offset), hn::LoadU(dq, rows[0] + offset));
    const auto high = hn::Combine(dh, hn::LoadU(dq, rows[3] + offset), hn::LoadU(dq, rows[2] + offset));
    return hn::Combine(d, high, low);
  }
}

HWY_INLINE void store_rows(V8 values, const std::array<std::uint8_t*, kRowsPerVector>& rows, std::size_t offset) {
  const D8 d;
  if constexpr (kRowsPerVector == 1) {
    hn::StoreU(values, d, rows[0] + offset);
  } else if constexpr (kRowsPerVector == 2) {
    const hn::Half<D8> dh;
    hn::StoreU(hn::LowerHalf(dh, values), dh, rows[0] + offset);
    hn::StoreU(hn::UpperHalf(dh, values), dh, rows[1] + offset);
  } else {
    const hn::Half<D8> dh;
    const hn::Half<decltype(dh)> dq;
    const auto low = hn::LowerHalf(dh, values);
    const auto high = hn::UpperHalf(dh, values);
    hn::StoreU(hn::LowerHalf(dq, low), dq, rows[0] + offset);
    hn::StoreU(hn::UpperHalf(dq, low), dq, rows[1] + offset);
    hn::StoreU(hn::LowerHalf(dq, high), dq, rows[2] + offset);
    hn::StoreU(hn::UpperHalf(dq, high), dq, rows[3] + offset);
  }
}

// Within each block: two neighbouring RGB pixels as 16-bit pairs (R0 R1) (G0 G1) (B0 B1) (0 0).
alignas(16) constexpr std::uint8_t kFirstPair[16] = {0, 128, 3, 128, 1,   128, 4,   128,
                                                     2, 128, 5, 128, 128, 128, 128, 128};
alignas(16) constexpr std::uint8_t kSecondPair[16] = {6, 128, 9,  128, 7,   128, 10,  128,
                                                      8, 128, 11, 128, 128, 128, 128, 128};
// Within each block: lanes R, G, B of four pixels' bytes become twelve bytes RGB RGB RGB RGB.
alignas(16) constexpr std::uint8_t kPlanesToRgb[16] = {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 128, 128, 128, 128};
// Within each block: a 4 x 4 transpose of bytes.
alignas(16) constexpr std::uint8_t kTranspose[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};

HWY_INLINE V32 filter_position(const RowPointers& rows, const FilterTaps& taps, std::size_t position, V8 first_pair,
                               V8 second_pair) {
  const D16 d16;
  Sums sums = zero_sums();
  const std::int16_t* parts = taps.parts(position).data();
  std::size_t offset = taps.begin(position) * kRgbChannels;
  const std::size_t tap_count = taps.size(position);
  for (std::size_t tap = 0; tap < tap_count; tap += kImageTapGroup) {
    const V8 pixels = load_rows(rows, offset);
    add_pair(hn::BitCast(d16, hn::TableLookupBytesOr0(pixels, first_pair)), parts, sums);
    add_pair(hn::BitCast(d16, hn::TableLookupBytesOr0(pixels, second_pair)), parts + 4, sums);
    offset += kImageTapGroup * kRgbChannels;
    parts += 2 * kImageTapGroup;
  }
  return finish_sums(sums, taps.precision_bits());
}

void filter_rgb_rows_simd(ConstImageRows in, std::size_t row_count, const FilterTaps& taps, std::size_t first,
                          std::size_t count, ImageRows out) {
  constexpr std::size_t kPositions = 4;
  if (count < kPositions) {
    filter_rgb_rows_scalar(in, row_count, taps, first, count, out);
    return;
  }
  const D8 d;
  const V8 first_pair = hn::LoadDup128(d, kFirstPair);
  const V8 second_pair = hn::LoadDup128(d, kSecondPair);
  const V8 planes_to_rgb = hn::LoadDup128(d, kPlanesToRgb);
  for (std::size_t row = 0; row < row_count; row += kRowsPerVector) {
    RowPointers from{};
    std::array<std::uint8_t*, kRowsPerVector> to{};
    for (std::size_t r = 0; r < kRowsPerVector; ++r) {
      const std::size_t clamped = std::min(row + r, row_count - 1);
      from[r] = in.data + clamped * in.stride_bytes;
      to[r] = out.data + clamped * out.stride_bytes;
    }
    for (std::size_t i = 0; i < count; i += kPositions) {
      // The last four overlap those before where count is no multiple.
      const std::size_t at = std::min(i, count - kPositions);
      V32 values[kPositions];
      for (std::size_t k = 0; k < kPositions; ++k) {
        values[k] = filter_position(from, taps, first + at + k, first_pair, second_pair);
      }
      store_rows(hn::TableLookupBytesOr0(join_bytes(values), planes_to_rgb), to, at * kRgbChannels);
    }
  }
}

void filter_across_rows_simd(ConstImageRows in, std::size_t first_row, const FilterTaps& taps, std::size_t position,
                             std::span<std::uint8_t> out) {
  const D8 d;
  const D16 d16;
  const V8 zero = hn::Zero(d);
  const V8 transpose = hn::LoadDup128(d, kTranspose);
  const std::size_t lanes = hn::Lanes(d);
  const std::uint8_t* rows = in.data + (taps.begin(position) - first_row) * in.stride_bytes;
  const std::size_t tap_count = taps.size(position);
  std::size_t x = 0;
  for (; x + lanes <= out.size(); x += lanes) {
    Sums sums[4] = {zero_sums(), zero_sums(), zero_sums(), zero_sums()};
    const std::int16_t* parts = taps.parts(position).data();
    for (std::size_t tap = 0; tap < tap_count; tap += 2) {
      const V8 even = hn::LoadU(d, rows + tap * in.stride_bytes + x);
      // An odd number of taps ends with a weight of zero, which may take any row.
      const V8 odd = hn::LoadU(d, rows + std::min(tap + 1, tap_count - 1) * in.stride_bytes + x);
      const V8 low = hn::InterleaveLower(d, even, odd);
      const V8 high = hn::InterleaveUpper(d, even, odd);
      add_pair(hn::BitCast(d16, hn::InterleaveLower(d, low, zero)), parts, sums[0]);
      add_pair(hn::BitCast(d16, hn::InterleaveUpper(d, low, zero)), parts, sums[1]);
      add_pair(hn::BitCast(d16, hn::InterleaveLower(d, high, zero)), parts, sums[2]);
      add_pair(hn::BitCast(d16, hn::InterleaveUpper(d, high, zero)), parts, sums[3]);
      parts += 4;
    }
    const V32 values[4] = {finish_sums(sums[0], taps.precision_bits()), finish_sums(sums[1], taps.precision_bits()),
                           finish_sums(sums[2], taps.precision_bits()), finish_sums(sums[3], taps.precision_bits())};
    hn::StoreU(hn::TableLookupBytes(join_bytes(values), transpose), d, out.data() + x);
  }
  filter_across_rows_scalar({in.data + x, in.stride_bytes}, first_row, taps, position, out.subspan(x));
}
#endif

}  // namespace asterism::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {
namespace {

std::uint8_t finish_sum(std::uint32_t sum, int precision_bits) {
  const auto rounded = static_cast<std::int32_t>(sum + (1U << static_cast<unsigned>(precision_bits - 1)));
  return static_cast<std::uint8_t>(std::clamp(rounded >> precision_bits, 0, 255));
}

}  // namespace

HWY_EXPORT(filter_rgb_rows_simd);
HWY_EXPORT(filter_across_rows_simd);

FilterTaps::FilterTaps(std::size_t position_count, std::size_t tap_count, int precision_bits)
    : tap_count_((tap_count + kImageTapGroup - 1) / kImageTapGroup * kImageTapGroup),
      precision_bits_(precision_bits),
      begin_(position_count),
      size_(position_count),
      parts_(position_count * tap_count_ * 2) {}

void FilterTaps::set(std::size_t position, std::uint32_t begin, std::span<const std::int32_t> weights) {
  begin_[position] = begin;
  size_[position] = static_cast<std::uint32_t>(weights.size());
  std::int16_t* parts = parts_.data() + position * tap_count_ * 2;
  for (std::size_t tap = 0; tap < weights.size(); ++tap) {
    std::int16_t* pair = parts + tap / 2 * 4;
    pair[tap % 2] = static_cast<std::int16_t>(weights[tap] >> kLowBits);
    pair[2 + tap % 2] = static_cast<std::int16_t>(weights[tap] & ((1 << kLowBits) - 1));
  }
}

std::int32_t FilterTaps::weight(std::size_t position, std::size_t tap) const noexcept {
  const std::int16_t* pair = parts_.data() + position * tap_count_ * 2 + tap / 2 * 4;
  return pair[tap % 2] * (1 << kLowBits) + pair[2 + tap % 2];
}

void filter_rgb_rows(ConstImageRows in, std::size_t row_count, const FilterTaps& taps, std::size_t first,
                     std::size_t count, ImageRows out) {
  HWY_DYNAMIC_DISPATCH(filter_rgb_rows_simd)(in, row_count, taps, first, count, out);
}

void filter_rgb_rows_scalar(ConstImageRows in, std::size_t row_count, const FilterTaps& taps, std::size_t first,
                            std::size_t count, ImageRows out) {
  for (std::size_t row = 0; row < row_count; ++row) {
    const std::uint8_t* from = in.data + row * in.stride_bytes;
    std::uint8_t* to = out.data + row * out.stride_bytes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t position = first + i;
      const std::uint8_t* pixels = from + taps.begin(position) * kRgbChannels;
      for (std::size_t c = 0; c < kRgbChannels; ++c) {
        std::uint32_t sum = 0;
        for (std::size_t tap = 0; tap < taps.size(position); ++tap) {
          sum += static_cast<std::uint32_t>(taps.weight(position, tap)) * pixels[tap * kRgbChannels + c];
        }
        to[i * kRgbChannels + c] = finish_sum(sum, taps.precision_bits());
      }
    }
  }
}

void filter_across_rows(ConstImageRows in, std::size_t first_row, const FilterTaps& taps, std::size_t position,
                        std::span<std::uint8_t> out) {
  HWY_DYNAMIC_DISPATCH(filter_across_rows_simd)(in, first_row, taps, position, out);
}

void filter_across_rows_scalar(ConstImageRows in, std::size_t first_row, const FilterTaps& taps, std::size_t position,
                               std::span<std::uint8_t> out) {
  const std::uint8_t* rows = in.data + (taps.begin(position) - first_row) * in.stride_bytes;
  for (std::size_t x = 0; x < out.size(); ++x) {
    std::uint32_t sum = 0;
    for (std::size_t tap = 0; tap < taps.size(position); ++tap) {
      sum += static_cast<std::uint32_t>(taps.weight(position, tap)) * rows[tap * in.stride_bytes + x];
    }
    out[x] = finish_sum(sum, taps.precision_bits());
  }
}

}  // namespace asterism
#endif
