#include "kernels/static_pool.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace asterism {
namespace {

struct Table {
  std::vector<std::byte> bytes;
  StaticTableView view;
};

Table random_table(DType dtype, std::size_t row_count, std::size_t dim) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  Table table;
  table.bytes.resize(row_count * dim * dtype_size_bytes(dtype));
  for (std::size_t i = 0; i < row_count * dim; ++i) {
    const float value = normal(random);
    std::byte* to = table.bytes.data() + i * dtype_size_bytes(dtype);
    if (dtype == DType::kF32) {
      std::memcpy(to, &value, sizeof(value));
    } else if (dtype == DType::kI8) {
      *to = static_cast<std::byte>(static_cast<std::int8_t>(std::lround(value * 40.0F) % 128));
    } else {
      const std::uint16_t bits = dtype == DType::kF16 ? f32_to_f16(value) : f32_to_bf16(value);
      std::memcpy(to, &bits, sizeof(bits));
    }
  }
  table.view = {.dtype = dtype, .data = table.bytes.data(), .row_count = row_count, .dim = dim};
  return table;
}

std::vector<std::uint32_t> random_rows(std::size_t count, std::size_t row_count) {
  std::mt19937 random(9);
  std::vector<std::uint32_t> rows(count);
  for (auto& row : rows) {
    row = static_cast<std::uint32_t>(random() % row_count);
  }
  return rows;
}

TEST(StaticRowSum, equals_the_plain_loop_bit_for_bit) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8}) {
    for (const std::size_t dim : {1U, 3U, 8U, 16U, 17U, 64U, 100U, 256U, 259U, 300U}) {
      const Table table = random_table(dtype, 50, dim);
      for (const std::size_t count : {0U, 1U, 2U, 13U, 255U, 256U, 600U}) {
        const auto rows = random_rows(count, 50);
        std::vector<float> out(dim, -1.0F);
        std::vector<float> expected(dim, -1.0F);
        static_row_sum(table.view, rows, {}, out);
        static_row_sum_scalar(table.view, rows, {}, expected);
        ASSERT_EQ(out, expected) << dtype_name(dtype) << " dim " << dim << " rows " << count;
      }
    }
  }
}

TEST(StaticRowSum, weights_multiply_rows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8}) {
    const Table table = random_table(dtype, 40, 131);
    const auto rows = random_rows(77, 40);
    std::vector<float> weights(rows.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = 0.01F * static_cast<float>(i) - 0.3F;
    }
    std::vector<float> out(131);
    std::vector<float> expected(131);
    static_row_sum(table.view, rows, weights, out);
    static_row_sum_scalar(table.view, rows, weights, expected);
    for (std::size_t d = 0; d < out.size(); ++d) {
      EXPECT_NEAR(out[d], expected[d], 1e-5F * (1.0F + std::abs(expected[d]))) << dtype_name(dtype);
    }
  }
}

TEST(StaticRowSum, int8_extremes_do_not_overflow) {
  const std::size_t dim = 64;
  for (const int extreme : {-128, 127}) {
    std::vector<std::int8_t> values(dim, static_cast<std::int8_t>(extreme));
    const StaticTableView view{
        .dtype = DType::kI8, .data = std::as_bytes(std::span(values)).data(), .row_count = 1, .dim = dim};
    const std::vector<std::uint32_t> rows(5000, 0);
    std::vector<float> out(dim);
    static_row_sum(view, rows, {}, out);
    for (const float value : out) {
      ASSERT_EQ(value, 5000.0F * static_cast<float>(extreme));
    }
  }
}

TEST(StaticRowSum, fewer_columns_than_the_table) {
  const Table table = random_table(DType::kI8, 20, 256);
  const auto rows = random_rows(9, 20);
  std::vector<float> whole(256);
  std::vector<float> part(37);
  static_row_sum(table.view, rows, {}, whole);
  static_row_sum(table.view, rows, {}, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
}

}  // namespace
}  // namespace asterism
