#include "kernels/image_rows.hpp"

#include <gtest/gtest.h>

#include <random>

namespace asterism {
namespace {

FilterTaps random_taps(std::mt19937_64& random, std::size_t input_size, std::size_t position_count,
                       std::size_t tap_count, int precision_bits) {
  FilterTaps taps(position_count, tap_count, precision_bits);
  for (std::size_t position = 0; position < position_count; ++position) {
    const std::size_t count = 1 + random() % std::min(tap_count, input_size);
    std::vector<std::int32_t> weights(count);
    for (std::int32_t& weight : weights) {
      // Between -2 and 2, so that sums leave the range of bytes on both sides.
      weight = static_cast<std::int32_t>(random() % (1ULL << (precision_bits + 2))) - (1 << (precision_bits + 1));
    }
    taps.set(position, static_cast<std::uint32_t>(random() % (input_size - count + 1)), weights);
  }
  return taps;
}

std::vector<std::uint8_t> random_bytes(std::mt19937_64& random, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(random());
  }
  return bytes;
}

TEST(ImageRows, WeightsComeBack) {
  FilterTaps taps(2, 5, 22);
  const std::vector<std::int32_t> weights{1 << 22, -1, 0, -(1 << 23), 12345};
  taps.set(1, 7, weights);
  EXPECT_EQ(taps.begin(1), 7U);
  EXPECT_EQ(taps.size(1), 5U);
  EXPECT_EQ(taps.tap_count(), 8U);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ(taps.weight(1, i), weights[i]);
  }
}

TEST(ImageRows, AlongRowsEqualsTheScalarOracle) {
  std::mt19937_64 random(1);
  for (const std::size_t width : {1U, 2U, 5U, 16U, 33U, 100U}) {
    for (const std::size_t position_count : {1U, 3U, 4U, 5U, 17U, 64U}) {
      for (const std::size_t row_count : {1U, 2U, 3U, 4U, 7U}) {
        const int precision_bits = random() % 2 == 0 ? 22 : 15;
        const FilterTaps taps = random_taps(random, width, position_count, 1 + random() % 13, precision_bits);
        const std::size_t in_stride = width * 3 + kImageRowPaddingBytes;
        const std::size_t out_stride = position_count * 3 + kImageRowPaddingBytes;
        const auto in = random_bytes(random, in_stride * row_count);
        std::vector<std::uint8_t> simd(out_stride * row_count);
        std::vector<std::uint8_t> scalar(out_stride * row_count);
        const std::size_t first = position_count / 3;
        filter_rgb_rows({in.data(), in_stride}, row_count, taps, first, position_count - first,
                        {simd.data(), out_stride});
        filter_rgb_rows_scalar({in.data(), in_stride}, row_count, taps, first, position_count - first,
                               {scalar.data(), out_stride});
        for (std::size_t row = 0; row < row_count; ++row) {
          const auto begin = static_cast<std::ptrdiff_t>(row * out_stride);
          const auto end = begin + static_cast<std::ptrdiff_t>((position_count - first) * 3);
          ASSERT_TRUE(std::equal(simd.begin() + begin, simd.begin() + end, scalar.begin() + begin))
              << width << " to " << position_count << ", row " << row << " of " << row_count;
        }
      }
    }
  }
}

TEST(ImageRows, AcrossRowsEqualsTheScalarOracle) {
  std::mt19937_64 random(2);
  for (const std::size_t size : {1U, 15U, 16U, 63U, 64U, 65U, 200U}) {
    for (const std::size_t row_count : {1U, 2U, 3U, 9U, 40U}) {
      const FilterTaps taps = random_taps(random, row_count, 6, 1 + random() % 20, 22);
      const auto in = random_bytes(random, size * row_count);
      std::vector<std::uint8_t> simd(size);
      std::vector<std::uint8_t> scalar(size);
      for (std::size_t position = 0; position < 6; ++position) {
        const std::size_t first_row = taps.begin(position);
        const ConstImageRows rows{in.data() + first_row * size, size};
        filter_across_rows(rows, first_row, taps, position, simd);
        filter_across_rows_scalar(rows, first_row, taps, position, scalar);
        ASSERT_EQ(simd, scalar) << size << " bytes of " << row_count << " rows";
      }
    }
  }
}

}  // namespace
}  // namespace asterism
