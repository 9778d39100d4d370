#include "load/latency_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace asterism::load {
namespace {

using std::chrono::nanoseconds;

TEST(LatencyHistogram, IsExactForSmallTimes) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) {
    histogram.record(nanoseconds(i));
  }
  EXPECT_EQ(histogram.count(), 100U);
  EXPECT_EQ(histogram.quantile(0.5).count(), 50);
  EXPECT_EQ(histogram.quantile(0.99).count(), 99);
  EXPECT_EQ(histogram.quantile(0.991).count(), 100);
  EXPECT_EQ(histogram.quantile(0.0).count(), 1);
  EXPECT_EQ(histogram.quantile(1.0).count(), 100);
  EXPECT_EQ(histogram.max().count(), 100);
  EXPECT_NEAR(histogram.mean_ms(), 50.5e-6, 1e-12);
}

// Against the sorted times themselves, over nine powers of ten.
TEST(LatencyHistogram, QuantilesAreAtMostOneBucketAboveTheTrueOnes) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0.0, 11.0);
  LatencyHistogram histogram;
  std::vector<std::int64_t> times;
  for (int i = 0; i < 20'000; ++i) {
    times.push_back(static_cast<std::int64_t>(std::pow(10.0, exponent(random))));
    histogram.record(nanoseconds(times.back()));
  }
  std::ranges::sort(times);
  for (const double q : {0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(times.size())));
    const std::int64_t truth = times[rank - 1];
    EXPECT_GE(histogram.quantile(q).count(), truth) << q;
    EXPECT_LE(static_cast<double>(histogram.quantile(q).count()), static_cast<double>(truth) * (1.0 + 1.0 / 128)) << q;
  }
}

TEST(LatencyHistogram, TakesTheEndsOfTheRange) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5).count(), 0);
  EXPECT_EQ(histogram.mean_ms(), 0.0);
  histogram.record(nanoseconds(-5));
  EXPECT_EQ(histogram.max().count(), 0);
  const nanoseconds longest(std::numeric_limits<std::int64_t>::max());
  histogram.record(longest);
  EXPECT_EQ(histogram.quantile(1.0), longest);
  EXPECT_EQ(histogram.quantile(0.5).count(), 0);
}

TEST(LatencyHistogram, AddsAnother) {
  LatencyHistogram a;
  LatencyHistogram b;
  a.record(nanoseconds(10));
  b.record(nanoseconds(30));
  b.record(nanoseconds(20));
  a.add(b);
  EXPECT_EQ(a.count(), 3U);
  EXPECT_EQ(a.quantile(0.5).count(), 20);
  EXPECT_EQ(a.max().count(), 30);
  EXPECT_NEAR(a.mean_ms(), 20e-6, 1e-12);
}

}  // namespace
}  // namespace asterism::load
