#include "asterism/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace asterism {
namespace {

TEST(ErrorTable, every_code_has_one_row_with_its_own_name_and_exit_code) {
  std::set<std::string_view> names;
  std::set<int> exit_codes;
  int expected = 1;
  for (const ErrorTraits& traits : error_table()) {
    EXPECT_EQ(static_cast<int>(traits.code), expected++);
    EXPECT_TRUE(names.insert(traits.name).second) << traits.name;
    EXPECT_TRUE(exit_codes.insert(traits.exit_code).second) << traits.name;
    EXPECT_NE(traits.exit_code, 0);
    EXPECT_GE(traits.http_status, 200);
    EXPECT_LT(traits.http_status, 600);
    EXPECT_FALSE(traits.python_exception.empty());
    EXPECT_EQ(&error_traits(traits.code), &traits);
  }
  EXPECT_EQ(expected - 1, static_cast<int>(ErrorCode::kNoSpace));
}

}  // namespace
}  // namespace asterism
