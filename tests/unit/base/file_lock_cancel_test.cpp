#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "base/file.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

TEST(FileLock, waiting_ends_when_cancelled_or_when_the_holder_lets_go) {
  const ScratchFolder folder("base");
  CancelFlag cancel;
  {
    auto held = FileLock::try_acquire(folder / "lock");
    ASSERT_TRUE(held);
    std::thread user([&cancel] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      cancel.request();
    });
    const auto waited = FileLock::acquire(folder / "lock", &cancel);
    user.join();
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ErrorCode::kCancelled);
  }
  const CancelFlag never;
  EXPECT_TRUE(FileLock::acquire(folder / "lock", &never));
  EXPECT_TRUE(FileLock::acquire(folder / "lock"));
}

}  // namespace
}  // namespace asterism
