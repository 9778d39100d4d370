// A machine where the torch module is installed and libtorch is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/backend_module.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

TEST(TorchModule, without_libtorch_says_what_is_missing_and_what_to_install) {
  const auto module = load_backend_module("torch");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(module.error().message, HasSubstr("libasterism_test_gone.so"));
  EXPECT_THAT(module.error().hint, HasSubstr("libtorch-dev"));
  EXPECT_THAT(module.error().hint, HasSubstr("libopenblas0-pthread"));
}

}  // namespace
}  // namespace asterism
