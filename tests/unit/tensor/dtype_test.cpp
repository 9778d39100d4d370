#include "tensor/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace asterism {
namespace {

TEST(Half, every_bit_pattern_survives_the_round_trip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = f16_to_f32(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
    } else {
      EXPECT_EQ(f32_to_f16(value), half) << bits;
    }
  }
}

TEST(Half, ties_round_to_even_and_large_values_to_infinity) {
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), 0x3C00);      // halfway, even below
  EXPECT_EQ(f32_to_f16(1.0F + 3 * 0x1p-11F), 0x3C02);  // halfway, even above
  EXPECT_EQ(f32_to_f16(65519.0F), 0x7BFF);             // just under the rounding limit
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7C00);
  EXPECT_EQ(f32_to_f16(0x1p-25F), 0x0000);  // halfway to the smallest subnormal
  EXPECT_EQ(f32_to_f16(0x1.8p-25F), 0x0001);
}

TEST(BFloat, every_bit_pattern_survives_the_round_trip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float value = bf16_to_f32(pattern);
    if (!std::isnan(value)) {
      EXPECT_EQ(f32_to_bf16(value), pattern) << bits;
    }
  }
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace
}  // namespace asterism
