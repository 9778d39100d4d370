#include "kernels/distance.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/topk.hpp"

namespace asterism {
namespace {

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

TEST(DotProduct, equals_the_scalar_oracle) {
  for (std::size_t count = 0; count < 300; ++count) {
    const auto a = random_values(count, 1);
    const auto b = random_values(count, 2);
    EXPECT_NEAR(dot_product(a, b), dot_product_scalar(a, b), 3e-5F) << count;
  }
}

TEST(DotProduct, nan_goes_through) {
  std::vector<float> a(40, 1.0F);
  a[33] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(dot_product(a, a)));
}

TEST(TopK, keeps_the_best_in_order) {
  TopK best(3);
  const float scores[] = {0.5F, 0.9F, std::numeric_limits<float>::quiet_NaN(), 0.9F, -1.0F, 0.7F};
  for (std::size_t i = 0; i < std::size(scores); ++i) {
    best.offer(i, scores[i]);
  }
  const auto kept = best.take();
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].index, 1U);
  EXPECT_EQ(kept[1].index, 3U);
  EXPECT_EQ(kept[2].index, 5U);
}

TEST(TopK, of_nothing_keeps_nothing) {
  TopK best(0);
  best.offer(1, 1.0F);
  EXPECT_TRUE(best.take().empty());
}

}  // namespace
}  // namespace asterism
