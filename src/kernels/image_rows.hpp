// The two passes of a separable image filter over 8-bit RGB, in Pillow's fixed-point arithmetic.
//
// A weight is a whole number of 2^-precision_bits; a sum starts at half a unit, is shifted down and clipped to a byte.
// Sums wrap at 32 bits, as Pillow's do. SIMD by run-time dispatch (Highway), equal to the *_scalar oracles bit for bit.
// Thread-safety: pure functions. Cost: one multiply-add for each tap and byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

// SIMD reads and writes whole vectors: rows must have this many bytes behind their last pixel.
inline constexpr std::size_t kImageRowPaddingBytes = 64;
// Taps are stored in groups of this many; zeros fill the last group.
inline constexpr std::size_t kImageTapGroup = 4;

// Output position i is the sum over t of weight(i, t) * input[begin[i] + t].
class FilterTaps {
 public:
  // `tap_count` is the largest number of taps of one position.
  FilterTaps(std::size_t position_count, std::size_t tap_count, int precision_bits);

  // Weights of one position, at most tap_count; |weight| < 2^26.
  void set(std::size_t position, std::uint32_t begin, std::span<const std::int32_t> weights);

  std::size_t position_count() const noexcept { return begin_.size(); }
  // A multiple of kImageTapGroup.
  std::size_t tap_count() const noexcept { return tap_count_; }
  int precision_bits() const noexcept { return precision_bits_; }
  std::uint32_t begin(std::size_t position) const noexcept { return begin_[position]; }
  // Taps of this position that are not padding.
  std::uint32_t size(std::size_t position) const noexcept { return size_[position]; }
  // Four numbers for each two taps: the high parts of both weights, then the low parts.
  std::span<const std::int16_t> parts(std::size_t position) const noexcept {
    return std::span(parts_).subspan(position * tap_count_ * 2, tap_count_ * 2);
  }
  std::int32_t weight(std::size_t position, std::size_t tap) const noexcept;

 private:
  std::size_t tap_count_;
  int precision_bits_;
  std::vector<std::uint32_t> begin_;
  std::vector<std::uint32_t> size_;
  std::vector<std::int16_t> parts_;
};

struct ConstImageRows {
  const std::uint8_t* data = nullptr;
  std::size_t stride_bytes = 0;
};

struct ImageRows {
  std::uint8_t* data = nullptr;
  std::size_t stride_bytes = 0;
};

// Positions [first, first + count) of every row: out[r][i] = filter at first + i over in[r], three channels each.
// Rows of both have kImageRowPaddingBytes readable and, in `out`, writable behind them.
void filter_rgb_rows(ConstImageRows in, std::size_t row_count, const FilterTaps& taps, std::size_t first,
                     std::size_t count, ImageRows out);
void filter_rgb_rows_scalar(ConstImageRows in, std::size_t row_count, const FilterTaps& taps, std::size_t first,
                            std::size_t count, ImageRows out);

// One output row of the pass across rows: out[x] = sum over t of weight(position, t) * in[begin - first_row + t][x].
// `in` starts with row number `first_row`.
void filter_across_rows(ConstImageRows in, std::size_t first_row, const FilterTaps& taps, std::size_t position,
                        std::span<std::uint8_t> out);
void filter_across_rows_scalar(ConstImageRows in, std::size_t first_row, const FilterTaps& taps, std::size_t position,
                               std::span<std::uint8_t> out);

}  // namespace asterism
