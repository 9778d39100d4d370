#include "base/system_error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace asterism {
namespace {

TEST(SystemError, a_full_disk_and_a_used_up_quota_are_a_code_of_their_own) {
  for (const int number : {ENOSPC, EDQUOT}) {
    const Error error = system_failure("x: cannot write", number, "look at the rights").error();
    EXPECT_EQ(error.code, ErrorCode::kNoSpace);
    EXPECT_TRUE(error.message.starts_with("x: cannot write: ")) << error.message;
    EXPECT_NE(error.hint.find("make room"), std::string::npos) << error.hint;
    EXPECT_EQ(system_failure("x", std::error_code(number, std::system_category())).error().code, ErrorCode::kNoSpace);
  }
  const Error denied = system_failure("x", EACCES, "look at the rights").error();
  EXPECT_EQ(denied.code, ErrorCode::kIo);
  EXPECT_EQ(denied.hint, "look at the rights");
  EXPECT_EQ(error_traits(ErrorCode::kNoSpace).http_status, 507);
}

}  // namespace
}  // namespace asterism
