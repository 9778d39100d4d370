#include "store/store_module.hpp"

#include <gmock/gmock.h>

namespace asterism {
namespace {

using testing::HasSubstr;

TEST(StoreModule, one_that_is_not_there_is_named) {
  const auto module = load_store_module("nowhere");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(module.error().message, HasSubstr("libasterism_nowhere.so"));
  EXPECT_THAT(module.error().hint, HasSubstr("install"));
}

}  // namespace
}  // namespace asterism
