// A program that was built without gRPC: its modules' folder has no module for Milvus.
#include <gmock/gmock.h>

#include "store/store_module.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

TEST(MilvusModule, without_grpc_says_what_to_install) {
  const auto module = load_store_module("milvus");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(module.error().message, HasSubstr("libasterism_milvus.so"));
  EXPECT_THAT(module.error().hint, HasSubstr("libgrpc++-dev"));
}

}  // namespace
}  // namespace asterism
