#include "kernels/fixed_point_dots.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/kept_query.hpp"

namespace asterism {
namespace {

// Rows of i8 with their scales, at odd distances.
struct Rows {
  std::vector<std::byte> bytes;
  KeptRows view;
};

template <typename Component>
Rows make_rows(std::size_t row_count, std::size_t dim, Component component) {
  const std::size_t stride = kept_scale_offset(dim) + 4 + 13;
  Rows rows{std::vector<std::byte>(row_count * stride), {}};
  for (std::size_t r = 0; r < row_count; ++r) {
    for (std::size_t i = 0; i < dim; ++i) {
      rows.bytes[r * stride + i] = static_cast<std::byte>(static_cast<std::int8_t>(component()));
    }
    const float scale = 0.01F * static_cast<float>(r + 1);
    std::memcpy(rows.bytes.data() + r * stride + kept_scale_offset(dim), &scale, sizeof scale);
  }
  rows.view = {.data = rows.bytes.data(), .stride_bytes = stride, .dim = dim, .type = VectorType::kI8};
  return rows;
}

Rows random_rows(std::size_t row_count, std::size_t dim) {
  std::mt19937 random(static_cast<unsigned>(dim));
  std::uniform_int_distribution<int> component(-128, 127);
  return make_rows(row_count, dim, [&] { return component(random); });
}

std::vector<float> random_query(std::size_t dim, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> query(dim);
  std::ranges::generate(query, [&] { return normal(random); });
  return query;
}

struct Planes {
  struct alignas(kFixedPointPlaneAlign) Line {
    std::int8_t bytes[kFixedPointPlaneAlign];
  };
  std::vector<Line> lines;
  FixedPointQuery query;
};

template <typename Component>
Planes make_planes(std::size_t dim, Component component) {
  const std::size_t plane_bytes = fixed_point_plane_bytes(dim);
  Planes planes{std::vector<Planes::Line>(kFixedPointPlaneCount * plane_bytes / kFixedPointPlaneAlign), {}};
  planes.query.planes = planes.lines.front().bytes;
  std::int64_t weight = 1;
  for (std::size_t plane = 0; plane < kFixedPointPlaneCount; ++plane, weight *= 256) {
    for (std::size_t i = 0; i < dim; ++i) {
      const auto value = static_cast<std::int8_t>(component());
      planes.lines.front().bytes[plane * plane_bytes + i] = value;
      planes.query.sum += weight * value;
    }
  }
  return planes;
}

TEST(FixedPointDots, are_exact_at_every_length_and_number_of_rows) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> component(-128, 127);
  for (std::size_t dim = 1; dim < 270; ++dim) {
    const std::size_t row_count = 1 + dim % 9;
    const Rows rows = random_rows(row_count, dim);
    const Planes planes = make_planes(dim, [&] { return component(random); });
    std::vector<double> expected(row_count);
    std::vector<std::int32_t> expected_squares(row_count);
    fixed_point_dots().back().dots(planes.query, rows.view, expected, expected_squares);
    for (const FixedPointDots& kernel : fixed_point_dots()) {
      std::vector<double> products(row_count);
      std::vector<double> alone(row_count);
      std::vector<std::int32_t> squares(row_count);
      kernel.dots(planes.query, rows.view, products, squares);
      kernel.dots(planes.query, rows.view, alone, {});
      EXPECT_EQ(products, expected) << kernel.name << dim;
      EXPECT_EQ(alone, expected) << kernel.name << dim;
      EXPECT_EQ(squares, expected_squares) << kernel.name << dim;
    }
  }
  EXPECT_EQ(fixed_point_dots().back().name, "serial");
}

TEST(FixedPointDots, the_most_and_largest_components_do_not_wrap) {
  const std::size_t dim = 65536;
  for (const int row_value : {-128, 127}) {
    for (const int query_value : {-128, 127}) {
      const Rows rows = make_rows(1, dim, [&] { return row_value; });
      const Planes planes = make_planes(dim, [&] { return query_value; });
      for (const FixedPointDots& kernel : fixed_point_dots()) {
        std::vector<double> product(1);
        std::vector<std::int32_t> square(1);
        kernel.dots(planes.query, rows.view, product, square);
        EXPECT_EQ(product.front(), 65536.0 * 65793.0 * row_value * query_value) << kernel.name;
        EXPECT_EQ(square.front(), 65536 * row_value * row_value) << kernel.name;
      }
    }
  }
}

// Rounding moves a component by up to half a step of 1 / 8,355,711 of the largest, evenly: that of a product with a row
// varies by 3.5e-8 of the largest times the row's length (standard deviation). Seven of those are allowed.
TEST(KeptQuery, of_i8_rows_equals_the_scalar_oracle) {
  for (const std::size_t dim : {1U, 2U, 3U, 63U, 64U, 65U, 100U, 384U, 1000U, 4096U}) {
    const std::size_t row_count = 70;  // more than are scaled at once
    const Rows rows = random_rows(row_count, dim);
    const auto values = random_query(dim, 5);
    const KeptQuery query(values, VectorType::kI8);
    EXPECT_EQ(query.is_fixed_point(), fixed_point_dots().size() > 1);
    std::vector<float> dots(row_count), alone(row_count), squares(row_count), distances(row_count);
    std::vector<float> dots_expected(row_count), squares_expected(row_count), distances_expected(row_count);
    query.dots(rows.view, dots, squares);
    query.dots(rows.view, alone, {});
    query.squared_distances(rows.view, distances);
    kept_dots_scalar(rows.view, values, dots_expected, squares_expected);
    kept_squared_distances_scalar(rows.view, values, distances_expected);
    const float largest = std::abs(*std::ranges::max_element(values, {}, [](float v) { return std::abs(v); }));
    for (std::size_t r = 0; r < row_count; ++r) {
      const float tolerance = 1e-7F * std::abs(dots_expected[r]) + 2.5e-7F * largest * std::sqrt(squares_expected[r]);
      EXPECT_NEAR(dots[r], dots_expected[r], tolerance) << dim;
      EXPECT_EQ(dots[r], alone[r]) << dim;
      EXPECT_FLOAT_EQ(squares[r], squares_expected[r]) << dim;
      EXPECT_NEAR(distances[r], distances_expected[r], 2.0F * tolerance + 2e-7F * distances_expected[r]) << dim;
    }
  }
}

TEST(KeptQuery, a_row_is_as_near_to_itself_as_rounding_lets_it) {
  const std::size_t dim = 384;
  const Rows rows = random_rows(8, dim);
  for (std::size_t r = 0; r < 8; ++r) {
    std::vector<float> values(dim);
    for (std::size_t i = 0; i < dim; ++i) {
      const auto component = static_cast<std::int8_t>(rows.bytes[r * rows.view.stride_bytes + i]);
      values[i] = 0.01F * static_cast<float>(r + 1) * static_cast<float>(component);
    }
    std::vector<float> distances(8);
    KeptQuery(values, VectorType::kI8).squared_distances(rows.view, distances);
    const float square = std::inner_product(values.begin(), values.end(), values.begin(), 0.0F);
    EXPECT_LE(distances[r], 1e-13F * square);
    EXPECT_GE(distances[r], 0.0F);
  }
}

TEST(KeptQuery, few_large_components_do_not_drown_the_others) {
  // Rows that have nothing at the large component are told apart by the small ones alone.
  const std::size_t dim = 384;
  auto values = random_query(dim, 3);
  values[7] = 1e8F;
  Rows rows = random_rows(9, dim);
  for (std::size_t r = 0; r < 9; ++r) {
    rows.bytes[r * rows.view.stride_bytes + 7] = std::byte{0};
  }
  const KeptQuery query(values, VectorType::kI8);
  EXPECT_FALSE(query.is_fixed_point());
  std::vector<float> dots(9), expected(9), squares(9);
  query.dots(rows.view, dots, squares);
  kept_dots_scalar(rows.view, values, expected, squares);
  for (std::size_t r = 0; r < 9; ++r) {
    EXPECT_NEAR(dots[r], expected[r], 1e-5F * std::sqrt(squares[r]) * std::sqrt(static_cast<float>(dim)));
  }
}

TEST(KeptQuery, zero_huge_tiny_and_not_finite_queries_do_as_floats_do) {
  const std::size_t dim = 100;
  const Rows rows = random_rows(6, dim);
  for (const float factor :
       {0.0F, 1e-42F, 1e-30F, 1e30F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto values = random_query(dim, 4);
    std::ranges::transform(values, values.begin(), [&](float value) { return value * factor; });
    const KeptQuery query(values, VectorType::kI8);
    std::vector<float> dots(6), expected(6);
    query.dots(rows.view, dots, {});
    kept_dots_scalar(rows.view, values, expected, {});
    for (std::size_t r = 0; r < 6; ++r) {
      if (std::isfinite(expected[r])) {
        EXPECT_NEAR(dots[r], expected[r], 1e-4F * std::abs(factor)) << factor;
      } else {
        EXPECT_FALSE(std::isfinite(dots[r])) << factor;
      }
    }
  }
}

}  // namespace
}  // namespace asterism
