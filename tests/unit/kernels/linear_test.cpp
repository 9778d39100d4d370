#include "kernels/linear.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr float kCanary = 4321.0F;

struct LinearSize {
  std::size_t rows;
  std::size_t in;
  std::size_t out;
};

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

class Linear : public testing::TestWithParam<LinearSize> {};

TEST_P(Linear, equals_the_oracle_with_every_way_out) {
  const auto [rows, in, out] = GetParam();
  const auto weight = random_values(out * in, 1);
  const auto bias = random_values(out, 2);
  const auto x = random_values(rows * in, 3);
  const auto residual = random_values(rows * out, 4);
  const LinearPart part{weight, bias};
  const LinearWeight packed({&part, 1}, in);
  ASSERT_EQ(packed.out(), out);
  const LinearBlock whole{0, rows, 0, packed.panel_count()};
  // One rounding a term of a sum of `in` products of magnitude ~1, and what GELU's formula adds.
  const double tolerance = (4.0 * std::sqrt(static_cast<double>(in)) + 16.0) * 4.0 *
                           static_cast<double>(std::numeric_limits<float>::epsilon());
  for (const LinearActivation activation :
       {LinearActivation::kNone, LinearActivation::kGeluErf, LinearActivation::kRelu}) {
    for (const float* added : {static_cast<const float*>(nullptr), residual.data()}) {
      std::vector<float> y(rows * out + 1, kCanary);
      std::vector<float> expected(rows * out + 1, kCanary);
      linear({&packed, x.data(), added, y.data(), activation}, whole);
      linear_scalar({&packed, x.data(), added, expected.data(), activation}, part, whole);
      for (std::size_t i = 0; i < y.size(); ++i) {
        ASSERT_NEAR(y[i], expected[i], tolerance * std::sqrt(static_cast<double>(in))) << i;
      }
    }
  }
}

// Around the sizes of tiles (6 or 8 rows; panels of 8 to 48 columns), row blocks (48) and parts of the inputs (384).
INSTANTIATE_TEST_SUITE_P(All, Linear,
                         testing::Values(LinearSize{1, 1, 1}, LinearSize{1, 384, 16}, LinearSize{5, 7, 15},
                                         LinearSize{6, 8, 17}, LinearSize{7, 383, 33}, LinearSize{49, 385, 48},
                                         LinearSize{97, 32, 49}, LinearSize{13, 1000, 50}, LinearSize{48, 1536, 16}));

TEST(LinearBlocks, give_the_same_bits_as_one_call) {
  constexpr std::size_t kRows = 101;
  constexpr std::size_t kIn = 500;
  constexpr std::size_t kOut = 130;
  const auto weight = random_values(kOut * kIn, 1);
  const auto bias = random_values(kOut, 2);
  const auto x = random_values(kRows * kIn, 3);
  const LinearPart part{weight, bias};
  const LinearWeight packed({&part, 1}, kIn);
  std::vector<float> whole(kRows * kOut);
  std::vector<float> pieces(kRows * kOut);
  linear({&packed, x.data(), nullptr, whole.data(), LinearActivation::kGeluErf}, {0, kRows, 0, packed.panel_count()});
  for (std::size_t row = 0; row < kRows; row += 17) {
    for (std::size_t panel = 0; panel < packed.panel_count(); ++panel) {
      linear({&packed, x.data(), nullptr, pieces.data(), LinearActivation::kGeluErf},
             {row, std::min(kRows, row + 17), panel, panel + 1});
    }
  }
  EXPECT_EQ(whole, pieces);
}

TEST(LinearBlocks, threads_give_the_same_bits_as_one_call) {
  // One panel, some, and more than groups; one row, and several blocks of rows.
  for (const auto& [rows, in, out] : {LinearSize{1, 30, 5}, LinearSize{110, 400, 700}, LinearSize{300, 70, 2500}}) {
    const auto weight = random_values(out * in, 1);
    const auto x = random_values(rows * in, 3);
    const LinearPart part{weight, {}};
    const LinearWeight packed({&part, 1}, in);
    std::vector<float> whole(rows * out);
    linear({&packed, x.data(), nullptr, whole.data(), LinearActivation::kNone}, {0, rows, 0, packed.panel_count()});
    for (const std::size_t thread_count : {1U, 2U, 3U}) {
      ThreadPool pool(thread_count);
      std::vector<float> y(rows * out + 1, kCanary);
      linear({&packed, x.data(), nullptr, y.data(), LinearActivation::kNone}, rows, pool);
      EXPECT_EQ(y.back(), kCanary);
      y.pop_back();
      EXPECT_EQ(y, whole) << rows << " rows, " << thread_count << " threads";
    }
  }
}

TEST(LinearBlocks, write_only_their_rows_and_columns) {
  const auto weight = random_values(64 * 8, 1);
  const LinearPart part{weight, {}};
  const LinearWeight packed({&part, 1}, 8);
  const auto x = random_values(10 * 8, 3);
  std::vector<float> y(10 * 64, kCanary);
  ASSERT_GE(packed.panel_count(), 2U);
  linear({&packed, x.data(), nullptr, y.data(), LinearActivation::kNone}, {3, 5, 1, 2});
  for (std::size_t row = 0; row < 10; ++row) {
    for (std::size_t column = 0; column < 64; ++column) {
      const bool inside = row >= 3 && row < 5 && column / packed.panel_width() == 1;
      EXPECT_EQ(y[row * 64 + column] == kCanary, !inside) << row << " " << column;
    }
  }
}

TEST(LinearWeight, joins_parts_whose_outputs_end_inside_a_panel) {
  constexpr std::size_t kIn = 9;
  const auto first = random_values(5 * kIn, 1);
  const auto second = random_values(7 * kIn, 2);
  const auto bias = random_values(7, 3);
  const std::vector<LinearPart> parts{{first, {}}, {second, bias}};
  const LinearWeight joined(parts, kIn);
  const auto x = random_values(4 * kIn, 4);
  std::vector<float> y(4 * 12);
  linear({&joined, x.data(), nullptr, y.data(), LinearActivation::kNone}, {0, 4, 0, joined.panel_count()});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const LinearWeight alone({&parts[i], 1}, kIn);
    std::vector<float> own(4 * alone.out());
    linear({&alone, x.data(), nullptr, own.data(), LinearActivation::kNone}, {0, 4, 0, alone.panel_count()});
    for (std::size_t row = 0; row < 4; ++row) {
      for (std::size_t column = 0; column < alone.out(); ++column) {
        EXPECT_EQ(own[row * alone.out() + column], y[row * 12 + (i == 0 ? 0 : 5) + column]);
      }
    }
  }
}

TEST(LinearGelu, is_exact_to_a_few_roundings_over_the_whole_range) {
  const std::vector<float> one{1.0F};
  const LinearPart part{one, {}};
  const LinearWeight identity({&part, 1}, 1);
  std::vector<float> x;
  for (float value = -12.0F; value <= 12.0F; value += 0.0009765625F) {
    x.push_back(value);
  }
  x.push_back(1e30F);
  x.push_back(-1e30F);
  std::vector<float> y(x.size());
  linear({&identity, x.data(), nullptr, y.data(), LinearActivation::kGeluErf},
         {0, x.size(), 0, identity.panel_count()});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto value = static_cast<double>(x[i]);
    const double expected = 0.5 * value * (1.0 + std::erf(value / std::sqrt(2.0)));
    // Two or three roundings of erf, times x / 2; past |x| = 5.42 erf is taken as 1.
    ASSERT_NEAR(y[i], expected,
                std::abs(value) < 5.42 ? 1.5e-7 * (1.0 + std::abs(value)) : 2e-7 * std::max(1.0, std::abs(expected)))
        << value;
  }
}

}  // namespace
}  // namespace asterism
