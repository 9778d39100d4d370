#include "index/vector_rows.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support.hpp"

namespace asterism {
namespace {

TEST(VectorRows, a_row_comes_back_within_the_rounding_of_its_type) {
  for (const std::size_t dim : {1U, 3U, 50U, 384U}) {
    const auto values = random_vectors(7 * dim, 1);
    EXPECT_EQ(keep(values, dim, VectorType::kF32).values, values);
    const auto f16 = keep(values, dim, VectorType::kF16);
    const auto bf16 = keep(values, dim, VectorType::kBF16);
    const auto i8 = keep(values, dim, VectorType::kI8);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto row = std::span(values).subspan(i / dim * dim, dim);
      const float largest = std::abs(*std::ranges::max_element(row, {}, [](float v) { return std::abs(v); }));
      EXPECT_NEAR(f16.values[i], values[i], std::abs(values[i]) / 2048.0F + 1e-7F);
      EXPECT_NEAR(bf16.values[i], values[i], std::abs(values[i]) / 256.0F);
      // Half a step of the largest magnitude over 127.
      EXPECT_NEAR(i8.values[i], values[i], largest / 254.0F * 1.001F);
    }
  }
}

TEST(VectorRows, zero_and_tiny_vectors_are_kept_as_i8) {
  for (const float value : {0.0F, 1e-44F, 1e-38F}) {
    const std::vector<float> vector(9, value);
    const auto kept = keep(vector, 9, VectorType::kI8);
    for (const float back : kept.values) {
      EXPECT_TRUE(std::isfinite(back));
      EXPECT_NEAR(back, value, 2e-38F);
    }
  }
}

TEST(VectorRows, values_that_are_not_finite_are_refused_by_name) {
  std::vector<float> vector(5, 1.0F);
  vector[3] = std::numeric_limits<float>::infinity();
  std::vector<std::byte> row(vector_size_bytes(VectorType::kI8, 5));
  const auto kept = quantise_row(VectorType::kI8, vector, row);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(kept.error().message.find("component 3"), std::string::npos) << kept.error().message;
  EXPECT_FALSE(quantise_row(VectorType::kF32, vector, row));  // too little room
}

TEST(VectorRows, a_view_that_does_not_hold_its_rows_is_refused) {
  const std::vector<float> values(30);
  VectorRows rows = float_rows(values, 10);
  EXPECT_TRUE(check_rows(rows));
  rows.row_count = 4;
  EXPECT_EQ(check_rows(rows).error().code, ErrorCode::kInvalidArgument);
  rows = float_rows(values, 10);
  rows.stride_bytes = 39;
  EXPECT_EQ(check_rows(rows).error().code, ErrorCode::kInvalidArgument);
  rows = float_rows(values, 10);
  rows.dim = kVectorDimMax + 1;
  EXPECT_EQ(check_rows(rows).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace asterism
