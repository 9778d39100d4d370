#include "openvino/run_sizes.hpp"

#include <gtest/gtest.h>

namespace asterism {
namespace {

TEST(BucketSize, is_exact_for_small_runs_and_at_least_one) {
  EXPECT_EQ(bucket_size(0), 1);
  for (std::int64_t count = 1; count <= 32; ++count) {
    EXPECT_EQ(bucket_size(count), count);
  }
}

TEST(BucketSize, pads_by_at_most_a_sixteenth_and_never_falls) {
  std::int64_t last = 0;
  std::int64_t distinct = 0;
  for (std::int64_t count = 1; count <= 100'000; ++count) {
    const std::int64_t size = bucket_size(count);
    ASSERT_GE(size, count);
    ASSERT_LE(size - count, count / 16) << count;
    ASSERT_GE(size, last);
    distinct += size != last ? 1 : 0;
    last = size;
  }
  EXPECT_LT(distinct, 240);
}

}  // namespace
}  // namespace asterism
