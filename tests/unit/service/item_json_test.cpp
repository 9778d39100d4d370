#include "service/item_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>

namespace asterism::service {
namespace {

using testing::HasSubstr;

void expect_same(const Item& a, const Item& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.content, b.content);
  EXPECT_EQ(a.data, b.data);
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.vector.size(), b.vector.size());
  for (std::size_t i = 0; i < a.vector.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(a.vector[i]), std::bit_cast<std::uint32_t>(b.vector[i]));
  }
  EXPECT_EQ(a.content_sha256, b.content_sha256);
}

void expect_round_trip(const Item& item) {
  std::string line;
  append_item_json(line, item);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = parse_item_json(line, "in:1");
  ASSERT_TRUE(read) << read.error().to_string() << line;
  expect_same(*read, item);
}

TEST(ItemJson, items_come_back_as_they_were) {
  expect_round_trip({.id = "a",
                     .kind = asterism::ItemKind::kText,
                     .content = "two\nlines \"quoted\"",
                     .metadata = R"({"price":1.5,"tags":["x",null]})",
                     .vector = {0.1F, -0.0F, 1e-30F, 3.0F},
                     .content_sha256 = "00ff"});
  expect_round_trip({.id = std::string("nul\0and\xff", 8), .kind = asterism::ItemKind::kText, .content = "\xff\xfe"});
  expect_round_trip({.id = "p.jpg",
                     .kind = asterism::ItemKind::kImage,
                     .content = "/p.jpg",
                     .data = std::string("\xff\xd8\0\x01", 4),
                     .vector = {1.0F}});
  expect_round_trip(
      {.id = "v",
       .vector = {std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(), 16777217.0F, 0.3F}});
}

TEST(ItemJson, lines_that_are_no_items_say_what_is_wrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "in:7"},
      {"[]", "expected an item, found array"},
      {R"({"id":"a"})", "\"kind\""},
      {R"({"id":"a","kind":"film"})", "expected vector, text or image, found 'film'"},
      {R"({"id":1,"kind":"text"})", "\"id\""},
      {R"({"id_base64":"a","kind":"text"})", "id_base64: expected base64"},
      {R"({"id":"a","kind":"text","vector":"x"})", "vector: expected a list of float32 numbers"},
      {R"({"id":"a","kind":"text","vector":[1e39]})", "vector: expected a list of float32 numbers"},
      {R"({"id":"a","kind":"text","vector":[1,null]})", "vector: expected a list of float32 numbers"}};
  for (const auto& [line, message] : cases) {
    const auto read = parse_item_json(line, "in:7");
    ASSERT_FALSE(read) << line;
    EXPECT_THAT(read.error().message, HasSubstr("in:7"));
    EXPECT_THAT(read.error().message, HasSubstr(message));
  }
}

TEST(ItemJson, metadata_may_be_missing) {
  const auto read = parse_item_json(R"({"id":"a","kind":"vector","vector":[1]})", "in:1");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->metadata, "{}");
}

}  // namespace
}  // namespace asterism::service
