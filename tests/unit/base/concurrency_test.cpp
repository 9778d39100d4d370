#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/bounded_queue.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

TEST(ThreadPool, every_index_is_visited_once_for_any_thread_count) {
  for (const std::size_t thread_count : {1U, 2U, 5U}) {
    ThreadPool pool(thread_count);
    EXPECT_EQ(pool.thread_count(), thread_count);
    for (const std::size_t count : {0U, 1U, 7U, 1000U}) {
      std::vector<std::atomic<int>> visits(count);
      pool.parallel_for(count, 3, [&](std::size_t begin, std::size_t end) {
        EXPECT_LE(end - begin, 3U);
        for (std::size_t i = begin; i < end; ++i) {
          visits[i].fetch_add(1);
        }
      });
      for (const auto& visit : visits) {
        EXPECT_EQ(visit.load(), 1);
      }
    }
  }
}

TEST(BoundedQueue, producer_waits_while_full_and_order_is_kept) {
  BoundedQueue<int> queue(2);
  std::atomic<int> pushed{0};
  std::jthread producer([&] {
    for (int i = 0; i < 100; ++i) {
      queue.push(i);
      pushed.fetch_add(1);
    }
    queue.close();
  });
  int expected = 0;
  while (const auto value = queue.pop()) {
    EXPECT_EQ(*value, expected++);
    // At most: popped + two queued + one that was let in between pop and this check.
    EXPECT_LE(pushed.load(), expected + 3);
  }
  EXPECT_EQ(expected, 100);
}

TEST(BoundedQueue, cancel_releases_a_blocked_producer_and_drops_items) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::atomic<bool> accepted{true};
  std::jthread producer([&] { accepted = queue.push(2); });
  queue.cancel();
  producer.join();
  EXPECT_FALSE(accepted.load());
  EXPECT_EQ(queue.pop(), std::nullopt);
}

}  // namespace
}  // namespace asterism
