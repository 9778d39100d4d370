#include "train/batches_ahead.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace asterism {
namespace {

// Batches that name where they stand and take a little, so that workers finish in another order than they began. The
// first waits for `company`, which are that many made at once.
class SlowSource final : public BatchSource {
 public:
  explicit SlowSource(std::int64_t broken = -1, int company = 1) : broken_(broken), company_(company) {}

  std::int64_t batch_count() const noexcept override { return 5; }
  std::int64_t row_count() const noexcept override { return 5; }
  Result<Batch> batch(std::int64_t epoch, std::int64_t index) const override {
    const std::int64_t number = epoch * batch_count() + index;
    const int at_once = ++running_;
    int before = most_.load();
    while (at_once > before && !most_.compare_exchange_weak(before, at_once)) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(number % 3 * 700));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (number == 0 && most_ < company_ && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    --running_;
    ++made_;
    if (number == broken_) {
      return fail(ErrorCode::kIo, "the disk is gone");
    }
    Batch out;
    out.rows = {number};
    return out;
  }
  int most() const { return most_; }
  int made() const { return made_; }

 private:
  std::int64_t broken_;
  int company_;
  mutable std::atomic<int> running_{0};
  mutable std::atomic<int> most_{0};
  mutable std::atomic<int> made_{0};
};

TEST(BatchesAhead, batches_come_in_order_and_no_more_are_made_than_allowed) {
  const SlowSource source(-1, 2);
  constexpr std::int64_t kWorkerCount = 3;
  constexpr std::int64_t kAsked = 40;
  {
    const BatchesAhead ahead(source, kWorkerCount);
    for (std::int64_t number = 0; number < kAsked; ++number) {
      EXPECT_EQ(ahead.batch(number / 5, number % 5).value().rows.front(), number);
    }
  }
  EXPECT_GE(source.most(), 2) << "nobody worked ahead";
  EXPECT_LE(source.most(), kWorkerCount);
  EXPECT_LE(source.made(), kAsked + 2 * kWorkerCount);
}

TEST(BatchesAhead, an_error_stays_with_its_batch) {
  const SlowSource source(7);
  const BatchesAhead ahead(source, 2);
  for (std::int64_t number = 5; number < 10; ++number) {
    const auto batch = ahead.batch(number / 5, number % 5);
    ASSERT_EQ(batch.has_value(), number != 7);
    if (!batch) {
      EXPECT_EQ(batch.error().message, "the disk is gone");
    }
  }
}

TEST(BatchesAhead, jumps_start_anew_from_there) {
  const SlowSource source;
  const BatchesAhead ahead(source, 4);
  for (const std::int64_t number : {0, 1, 12, 13, 3, 3, 4}) {
    EXPECT_EQ(ahead.batch(number / 5, number % 5).value().rows.front(), number);
  }
}

TEST(BatchesAhead, may_go_unasked_and_in_the_middle_of_its_work) {
  const SlowSource source;
  { const BatchesAhead idle(source, 4); }
  EXPECT_EQ(source.made(), 0);
  for (int i = 0; i < 20; ++i) {
    const BatchesAhead ahead(source, 4);
    EXPECT_TRUE(ahead.batch(i, 0));
  }
}

}  // namespace
}  // namespace asterism
