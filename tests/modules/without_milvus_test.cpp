// A program that was built without gRPC: its modules' folder has no module for Milvus.
#include <gmock/gmock.h>

#include "store/vector_store.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

TEST(MilvusModule, without_grpc_says_what_to_install) {
  const auto location = parse_location("milvus://localhost/db?collection=c");
  ASSERT_TRUE(location);
  for (const auto& error :
       {create_store(*location, {}).error(), open_store(*location, {}).error(), drop_store(*location).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.message, HasSubstr("libasterism_milvus.so"));
    EXPECT_THAT(error.hint, HasSubstr("libgrpc++-dev"));
  }
}

}  // namespace
}  // namespace asterism
