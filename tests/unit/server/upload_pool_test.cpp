#include "server/upload_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace asterism::server {
namespace {

using namespace std::chrono_literals;

void wait_until_cancelled(const CancelFlag& cancel) {
  while (!cancel.requested()) {
    std::this_thread::sleep_for(1ms);
  }
}

TEST(UploadPool, slow_ones_hold_up_nobody_and_one_past_the_limit_is_refused_at_once) {
  std::atomic<int> ended = 0;
  std::promise<void> quick;
  {
    UploadPool pool("tests", 65);
    for (int i = 0; i < 64; ++i) {
      ASSERT_TRUE(pool.post([&](const auto& cancel) {
        wait_until_cancelled(*cancel);
        ++ended;
      }));
    }
    ASSERT_TRUE(pool.post([&](const auto& cancel) {
      quick.set_value();
      wait_until_cancelled(*cancel);
      ++ended;
    }));
    quick.get_future().wait();
    EXPECT_EQ(ended, 0);
    EXPECT_EQ(pool.thread_count(), 65U);
    const auto refused = pool.post([](const auto&) {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
    EXPECT_NE(refused.error().message.find("tests"), std::string::npos);
  }
  EXPECT_EQ(ended, 65) << "the end of the pool cancels and waits";
}

TEST(UploadPool, takes_a_thread_that_is_idle_before_it_begins_one) {
  UploadPool pool("tests", 8);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(pool.post([](const auto&) {}));
    while (pool.upload_count() > 0) {
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_LE(pool.thread_count(), 1U);
  }
}

}  // namespace
}  // namespace asterism::server
