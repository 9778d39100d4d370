#include "server/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace asterism::server {
namespace {

TEST(WorkerPool, refuses_what_is_too_much_and_finishes_what_it_took) {
  std::atomic<int> done = 0;
  {
    std::promise<void> begun;
    std::promise<void> go_on;
    WorkerPool pool("tests", 1, 2);
    ASSERT_TRUE(pool.post([&, may_go_on = go_on.get_future().share()] {
      begun.set_value();
      may_go_on.wait();
      ++done;
    }));
    begun.get_future().wait();
    EXPECT_TRUE(pool.post([&] { ++done; }));
    EXPECT_TRUE(pool.post([&] { ++done; }));
    const auto refused = pool.post([&] { ++done; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
    EXPECT_NE(refused.error().message.find("tests"), std::string::npos);
    pool.post_rest([&] { ++done; });
    EXPECT_EQ(pool.waiting_count(), 3U);
    go_on.set_value();
  }
  EXPECT_EQ(done, 4);
}

}  // namespace
}  // namespace asterism::server
