#include "kernels/column_products.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

ColumnPanels random_panels(std::size_t row_count, std::size_t column_count, std::uint64_t seed) {
  ColumnPanels panels(row_count, column_count);
  const CounterRandom random(seed);
  std::vector<float> row(column_count);
  for (std::size_t r = 0; r < row_count; ++r) {
    for (std::size_t c = 0; c < column_count; ++c) {
      row[c] = static_cast<float>(random.normal(r * column_count + c));
    }
    panels.set_row(r, row);
  }
  return panels;
}

TEST(ColumnProducts, equal_the_oracle_in_double_within_float_over_256_rows) {
  for (const std::size_t columns : {1U, 5U, 48U, 50U, 131U}) {
    for (const std::size_t row_count : {1U, 7U, 256U, 300U}) {
      const ColumnPanels left = random_panels(300, columns, 1);
      const ColumnPanels right = random_panels(300, 33, 2);
      std::vector<double> ours(columns * 33, 0.25);
      std::vector<double> theirs = ours;
      for (std::size_t i = 0; i < left.panel_count(); ++i) {
        for (std::size_t j = 0; j < right.panel_count(); ++j) {
          add_column_products(left, i, right, j, row_count, ours);
          add_column_products_scalar(left, i, right, j, row_count, theirs);
        }
      }
      // Sums of about sqrt(rows), rounded `rows` times by 2^-24: an error of rows x 2^-24, six deviations of it.
      const double tolerance = 6.0 * 0x1.0p-24 * static_cast<double>(row_count + 10);
      for (std::size_t at = 0; at < ours.size(); ++at) {
        ASSERT_NEAR(ours[at], theirs[at], tolerance) << columns << " columns, " << row_count << " rows, sum " << at;
      }
    }
  }
}

TEST(ColumnProducts, large_sums_do_not_lose_what_double_keeps) {
  // 1 a row for 16 blocks of 256 rows, and 2^24 before: float would stop counting.
  ColumnPanels ones(256, 1);
  for (std::size_t r = 0; r < 256; ++r) {
    ones.set_row(r, std::vector<float>{1.0F});
  }
  std::vector<double> sum{16777216.0};
  for (int block = 0; block < 16; ++block) {
    add_column_products(ones, 0, ones, 0, 256, sum);
  }
  EXPECT_EQ(sum[0], 16777216.0 + 4096.0);
}

}  // namespace
}  // namespace asterism
