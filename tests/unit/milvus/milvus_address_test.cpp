#include "milvus/milvus_address.hpp"

#include <gmock/gmock.h>

namespace asterism {
namespace {

using testing::HasSubstr;

MilvusAddress address(std::string_view url) {
  return *parse_milvus_address(*parse_location(url));
}

Error refused(std::string_view url) {
  return parse_milvus_address(*parse_location(url)).error();
}

TEST(MilvusAddress, host_alone_gets_the_port_of_milvus) {
  const auto found = address("milvus://localhost?collection=c");
  EXPECT_EQ(found.target, "localhost:19530");
  EXPECT_EQ(found.database, "");
  EXPECT_EQ(found.collection, "c");
  EXPECT_EQ(found.authorization(), "");
  EXPECT_FALSE(found.tls);
}

TEST(MilvusAddress, all_parts_are_read_and_decoded) {
  const auto found = address("milvuss://us%40er:p%3Ass%2f@db.example:1/photos/?collection=c_1");
  EXPECT_EQ(found.target, "db.example:1");
  EXPECT_EQ(found.user, "us@er");
  EXPECT_EQ(found.password, "p:ss/");
  EXPECT_EQ(found.database, "photos");
  EXPECT_TRUE(found.tls);
  EXPECT_THAT(found.shown, testing::Not(HasSubstr("p%3Ass")));
}

TEST(MilvusAddress, authorization_is_base64_of_user_and_password_or_of_the_token) {
  EXPECT_EQ(address("milvus://root:Milvus@h?collection=c").authorization(), "cm9vdDpNaWx2dXM=");
  EXPECT_EQ(address("milvus://token@h?collection=c").authorization(), "dG9rZW4=");
}

TEST(MilvusAddress, ipv6_keeps_its_brackets) {
  EXPECT_EQ(address("milvus://[::1]?collection=c").target, "[::1]:19530");
  EXPECT_EQ(address("milvus://[::1]:7/d?collection=c").target, "[::1]:7");
}

TEST(MilvusAddress, what_is_wrong_is_named) {
  EXPECT_THAT(refused("milvus://:7?collection=c").message, HasSubstr("expected a host"));
  EXPECT_THAT(refused("milvus://h:0?collection=c").message, HasSubstr("found '0'"));
  EXPECT_THAT(refused("milvus://h:65536?collection=c").message, HasSubstr("found '65536'"));
  EXPECT_THAT(refused("milvus://h:1x?collection=c").message, HasSubstr("found '1x'"));
  EXPECT_THAT(refused("milvus://h?timeout=3&collection=c").message, HasSubstr("found 'timeout=3'"));
  EXPECT_THAT(refused("milvus://h?collection=my-photos").message, HasSubstr("found 'my-photos'"));
  EXPECT_THAT(refused("milvus://h?collection=1a").message, HasSubstr("found '1a'"));
  EXPECT_THAT(refused("milvus://h/a%0Ab?collection=c").message, HasSubstr("letters, digits"));
  for (const auto* url : {"milvus://:7?collection=c", "milvus://h?collection=a b"}) {
    EXPECT_EQ(refused(url).code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace asterism
