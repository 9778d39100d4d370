#include "scheduler/task_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace asterism {
namespace {

TEST(TaskQueue, runs_what_it_took_and_refuses_what_is_too_much_or_too_late) {
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();
  std::promise<void> begun;
  std::atomic<int> done = 0;
  TaskQueue tasks({.thread_count = 1, .task_count_max = 2});
  ASSERT_TRUE(tasks.post([&] {
    begun.set_value();
    opened.wait();
    ++done;
  }));
  begun.get_future().wait();
  ASSERT_TRUE(tasks.post([&] { ++done; }));
  ASSERT_TRUE(tasks.post([&] { ++done; }));
  EXPECT_EQ(tasks.waiting_count(), 2U);
  EXPECT_EQ(tasks.post([&] { ++done; }).error().code, ErrorCode::kOverloaded);
  gate.set_value();
  tasks.drain();
  EXPECT_EQ(done, 3);
  EXPECT_EQ(tasks.post([&] { ++done; }).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace asterism
