#include "dataset/zip_writer.hpp"

#include <gtest/gtest.h>

#include "weights/zip_directory.hpp"

namespace asterism {
namespace {

std::string inflated(const ZipMember& member) {
  const auto bytes = inflate_member(member, "test");
  EXPECT_TRUE(bytes);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : std::string();
}

TEST(ZipWriter, members_come_back_as_they_were) {
  const std::string long_text(100'000, 'a');
  ZipWriter zip;
  ASSERT_TRUE(zip.add("a/long.txt", long_text));
  ASSERT_TRUE(zip.add("short", "x"));
  ASSERT_TRUE(zip.add("empty", ""));
  const std::string archive = zip.finish();
  EXPECT_LT(archive.size(), 2000U);
  const auto directory = read_zip_directory(std::as_bytes(std::span(archive)), "test");
  ASSERT_TRUE(directory);
  ASSERT_EQ(directory->size(), 3U);
  EXPECT_EQ(inflated(directory->at("a/long.txt")), long_text);
  EXPECT_EQ(directory->at("short").data.size(), 1U);
  EXPECT_EQ(directory->at("empty").data.size(), 0U);
}

TEST(ZipWriter, the_same_members_give_the_same_bytes_and_a_name_too_long_is_refused) {
  ZipWriter one;
  ZipWriter two;
  ASSERT_TRUE(one.add("a", "b"));
  ASSERT_TRUE(two.add("a", "b"));
  EXPECT_EQ(one.finish(), two.finish());
  EXPECT_EQ(one.add(std::string(65'536, 'n'), "").error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace asterism
