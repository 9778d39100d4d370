#include "encoder/batch_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

std::vector<std::size_t> tokens_of_batches(const BatchPlan& plan, std::span<const std::size_t> token_counts) {
  std::vector<std::size_t> sums;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const Batch batch = plan.batch(i);
    sums.push_back(std::accumulate(batch.begin(), batch.end(), std::size_t{0},
                                   [&](std::size_t sum, std::uint32_t text) { return sum + token_counts[text]; }));
  }
  return sums;
}

void expect_every_text_once(const BatchPlan& plan, std::size_t text_count) {
  std::vector<std::uint32_t> sorted = plan.order;
  std::ranges::sort(sorted);
  std::vector<std::uint32_t> expected(text_count);
  std::iota(expected.begin(), expected.end(), 0U);
  EXPECT_EQ(sorted, expected);
  EXPECT_EQ(plan.ends.empty() ? 0 : plan.ends.back(), text_count);
}

std::vector<std::size_t> random_token_counts(std::size_t text_count, std::size_t count_max, std::uint64_t seed) {
  const CounterRandom random(seed);
  std::vector<std::size_t> counts(text_count);
  for (std::size_t i = 0; i < text_count; ++i) {
    counts[i] = 1 + random.below(i, static_cast<std::uint32_t>(count_max));
  }
  return counts;
}

TEST(BatchPlan, NoTextsAreNoBatches) {
  EXPECT_EQ(plan_batches({}, {}).size(), 0U);
}

TEST(BatchPlan, WhatFitsIsOneBatch) {
  const std::vector<std::size_t> counts = {5, 9, 7};
  const BatchPlan plan = plan_batches(counts, {.token_count_max = 21});
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan.order, (std::vector<std::uint32_t>{1, 2, 0}));
}

// 32 clients of single texts: a third batch would run alone while the other stream waits.
TEST(BatchPlan, StreamsGetEqualShares) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto counts = random_token_counts(32, 120, seed);
    const BatchPlan plan = plan_batches(counts, {.token_count_max = 4096, .stream_count = 2});
    expect_every_text_once(plan, counts.size());
    const auto sums = tokens_of_batches(plan, counts);
    ASSERT_EQ(sums.size(), 2U) << "seed " << seed;
    EXPECT_LE(std::max(sums[0], sums[1]) - std::min(sums[0], sums[1]), 20U) << "seed " << seed;
  }
}

TEST(BatchPlan, SharesThatWouldBeTooSmallAreNotMade) {
  const std::vector<std::size_t> counts(10, 40);
  EXPECT_EQ(plan_batches(counts, {.stream_count = 2, .shared_token_count_min = 256}).size(), 1U);
  EXPECT_EQ(plan_batches(counts, {.stream_count = 2, .shared_token_count_min = 200}).size(), 2U);
}

TEST(BatchPlan, LimitsHoldWhateverTheTexts) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto counts = random_token_counts(1 + seed * 3, 1 + seed * 7, seed);
    const BatchLimits limits{
        .token_count_max = 700 + 10 * seed, .text_count_max = 1 + seed % 40, .stream_count = 1 + seed % 3};
    const BatchPlan plan = plan_batches(counts, limits);
    expect_every_text_once(plan, counts.size());
    const auto sums = tokens_of_batches(plan, counts);
    for (std::size_t i = 0; i < plan.size(); ++i) {
      EXPECT_LE(plan.batch(i).size(), limits.text_count_max);
      EXPECT_TRUE(sums[i] <= limits.token_count_max || plan.batch(i).size() == 1) << "seed " << seed;
    }
  }
}

TEST(BatchPlan, ATextOverTheLimitIsABatchOfItsOwn) {
  const std::vector<std::size_t> counts = {10, 900, 10};
  const BatchPlan plan = plan_batches(counts, {.token_count_max = 100});
  expect_every_text_once(plan, counts.size());
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(plan.batch(0).size(), 1U);
  EXPECT_EQ(plan.batch(0)[0], 1U);
}

TEST(BatchPlan, OneTextABatchKeepsTextsApart) {
  const std::vector<std::size_t> counts = {3, 3, 3};
  EXPECT_EQ(plan_batches(counts, {.text_count_max = 1}).size(), 3U);
}

}  // namespace
}  // namespace asterism
