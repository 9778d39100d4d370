#include "base/writable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

using ::testing::HasSubstr;

TEST(Writable, a_new_file_and_one_that_is_there_are) {
  const ScratchFolder scratch{"writable"};
  EXPECT_TRUE(expect_writable(scratch.path() / "new.txt"));
  EXPECT_EQ(scratch.entry_count(), 0U) << "asking makes nothing";
  ASSERT_TRUE(write_file_atomic(scratch.path() / "old.txt", "x"));
  EXPECT_TRUE(expect_writable(scratch.path() / "old.txt"));
  EXPECT_TRUE(expect_writable({}));
  EXPECT_TRUE(expect_writable("name-alone.txt"));
}

TEST(Writable, a_missing_folder_and_a_folder_in_its_place_are_named) {
  const ScratchFolder scratch{"writable"};
  const auto missing = expect_writable(scratch.path() / "absent" / "new.txt");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("absent to exist"));
  const auto folder = expect_writable(scratch.path());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kInvalidArgument);
}

TEST(Writable, a_folder_that_cannot_be_written_to_is) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root writes everywhere";
  }
  const ScratchFolder scratch{"writable"};
  const auto locked = scratch.path() / "locked";
  std::filesystem::create_directory(locked);
  std::filesystem::permissions(locked, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const auto denied = expect_writable(locked / "new.txt");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kIo);
  EXPECT_THAT(denied.error().message, HasSubstr("new.txt: cannot create"));
}

}  // namespace
}  // namespace asterism
