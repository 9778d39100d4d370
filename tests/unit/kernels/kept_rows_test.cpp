#include "kernels/kept_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tensor/dtype.hpp"

namespace asterism {
namespace {

constexpr VectorType kTypes[] = {VectorType::kF32, VectorType::kF16, VectorType::kBF16, VectorType::kI8};
constexpr std::size_t kRowCount = 5;

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

// Rows of random components, with 13 bytes between them that are no multiple of anything.
struct Rows {
  std::vector<std::byte> bytes;
  KeptRows view;
};

Rows random_rows(VectorType type, std::size_t dim) {
  const std::size_t component = type == VectorType::kF32 ? 4 : type == VectorType::kI8 ? 1 : 2;
  const std::size_t stride = kept_scale_offset(dim * component) + 4 + 13;
  Rows rows{std::vector<std::byte>(kRowCount * stride), {}};
  const auto values = random_values(kRowCount * dim, 7);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::byte* row = rows.bytes.data() + i / dim * stride;
    std::byte* place = row + i % dim * component;
    const std::uint16_t half = type == VectorType::kF16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
    if (type == VectorType::kF32) {
      std::memcpy(place, &values[i], 4);
    } else if (type == VectorType::kI8) {
      *place = static_cast<std::byte>(static_cast<std::int8_t>(std::lround(values[i] * 30.0F)));
      const float scale = 0.03125F;
      std::memcpy(row + kept_scale_offset(dim), &scale, 4);
    } else {
      std::memcpy(place, &half, 2);
    }
  }
  rows.view = {.data = rows.bytes.data(), .stride_bytes = stride, .dim = dim, .type = type};
  return rows;
}

TEST(KeptRows, products_and_distances_equal_the_scalar_oracle) {
  for (const VectorType type : kTypes) {
    for (std::size_t dim = 1; dim < 150; ++dim) {
      const Rows rows = random_rows(type, dim);
      const auto query = random_values(dim, 9);
      std::vector<float> dots(kRowCount), squares(kRowCount), alone(kRowCount), distances(kRowCount);
      std::vector<float> dots_expected(kRowCount), squares_expected(kRowCount), distances_expected(kRowCount);
      kept_dots(rows.view, query, dots, squares);
      kept_dots(rows.view, query, alone, {});
      kept_squared_distances(rows.view, query, distances);
      kept_dots_scalar(rows.view, query, dots_expected, squares_expected);
      kept_squared_distances_scalar(rows.view, query, distances_expected);
      for (std::size_t r = 0; r < kRowCount; ++r) {
        const float tolerance = 1e-6F * (4.0F + squares_expected[r] + distances_expected[r]);
        EXPECT_NEAR(dots[r], dots_expected[r], tolerance) << vector_type_name(type) << dim;
        EXPECT_NEAR(alone[r], dots_expected[r], tolerance) << vector_type_name(type) << dim;
        EXPECT_NEAR(squares[r], squares_expected[r], tolerance) << vector_type_name(type) << dim;
        EXPECT_NEAR(distances[r], distances_expected[r], tolerance) << vector_type_name(type) << dim;
      }
    }
  }
}

TEST(KeptRows, nan_goes_through) {
  std::vector<float> row(40, 1.0F);
  row[33] = std::numeric_limits<float>::quiet_NaN();
  const KeptRows rows{
      .data = std::as_bytes(std::span(row)).data(), .stride_bytes = 160, .dim = 40, .type = VectorType::kF32};
  const std::vector<float> query(40, 1.0F);
  float dot = 0.0F;
  float square = 0.0F;
  float distance = 0.0F;
  kept_dots(rows, query, {&dot, 1}, {&square, 1});
  kept_squared_distances(rows, query, {&distance, 1});
  EXPECT_TRUE(std::isnan(dot) && std::isnan(square) && std::isnan(distance));
}

}  // namespace
}  // namespace asterism
