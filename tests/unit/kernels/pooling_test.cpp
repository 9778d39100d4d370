#include "kernels/pooling.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace asterism {
namespace {

constexpr std::array kKinds{PoolKind::kFirst,       PoolKind::kMax,          PoolKind::kMean,
                            PoolKind::kMeanSqrtLen, PoolKind::kWeightedMean, PoolKind::kLast};
constexpr float kCanary = 777.0F;

TEST(PoolRows, equals_the_oracle_for_every_kind_length_and_width) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const std::size_t count : {1U, 2U, 7U, 100U}) {
    for (const std::size_t dim : {1U, 3U, 8U, 17U, 64U}) {
      const std::size_t stride = dim + 3;
      std::vector<float> rows(count * stride, std::numeric_limits<float>::quiet_NaN());  // between rows: never read
      for (std::size_t t = 0; t < count; ++t) {
        for (std::size_t i = 0; i < dim; ++i) {
          rows[t * stride + i] = normal(random);
        }
      }
      for (const PoolKind kind : kKinds) {
        std::vector<float> out(dim + 1, kCanary);
        std::vector<float> expected(dim + 1, kCanary);
        pool_rows(kind, rows.data(), count, stride, dim, out.data());
        pool_rows_scalar(kind, rows.data(), count, stride, dim, expected.data());
        for (std::size_t i = 0; i <= dim; ++i) {
          // A sum of n terms of magnitude ~1 to n (weighted): at most one rounding a term.
          const float tolerance = 4.0F * static_cast<float>(count) * std::numeric_limits<float>::epsilon();
          ASSERT_NEAR(out[i], expected[i], tolerance)
              << static_cast<int>(kind) << " " << count << " " << dim << " " << i;
        }
      }
    }
  }
}

TEST(PoolRows, of_no_tokens_is_zero) {
  for (const PoolKind kind : kKinds) {
    std::vector<float> out(5, kCanary);
    pool_rows(kind, nullptr, 0, 5, 5, out.data());
    EXPECT_EQ(out, std::vector<float>(5, 0.0F));
  }
}

TEST(PoolRows, known_values) {
  const std::array<float, 6> rows{1, -2, 3, 4, -5, 6};  // three tokens of two
  const auto pooled = [&](PoolKind kind) {
    std::array<float, 2> out{};
    pool_rows(kind, rows.data(), 3, 2, 2, out.data());
    return out;
  };
  EXPECT_EQ(pooled(PoolKind::kFirst), (std::array<float, 2>{1, -2}));
  EXPECT_EQ(pooled(PoolKind::kLast), (std::array<float, 2>{-5, 6}));
  EXPECT_EQ(pooled(PoolKind::kMax), (std::array<float, 2>{3, 6}));
  EXPECT_FLOAT_EQ(pooled(PoolKind::kMean)[0], -1.0F / 3.0F);
  EXPECT_FLOAT_EQ(pooled(PoolKind::kMeanSqrtLen)[1], 8.0F / std::sqrt(3.0F));
  EXPECT_FLOAT_EQ(pooled(PoolKind::kWeightedMean)[0], (1.0F + 6.0F - 15.0F) / 6.0F);
}

}  // namespace
}  // namespace asterism
