#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "base/file.hpp"

namespace asterism {
namespace {

TEST(FileLock, waiting_ends_when_cancelled_or_when_the_holder_lets_go) {
  std::string pattern = (std::filesystem::temp_directory_path() / "asterism-base-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
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
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace asterism
