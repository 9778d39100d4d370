#include "store/filter_matcher.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <stdexcept>
#include <string>

#include "store/filter_parser.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

constexpr std::string_view kItem = R"({
  "price": 12, "ratio": 0.5, "big": 9007199254740993, "huge": 18446744073709551616, "name": "Crème 'X' 50%",
  "one": "1", "yes": true, "no": false, "nothing": null, "tags": ["a", 1, true, null, [2]], "empty": [],
  "deep": {"list": [{"k": "v"}, 7], "odd name": -3}, "a.b": 4, "tab\there": 5
})";

bool matched(std::string_view filter, std::string_view metadata = kItem) {
  auto parsed = parse_filter(filter);
  if (!parsed) {
    throw std::runtime_error(parsed.error().to_string());
  }
  const auto answer =
      FilterMatcher(*parsed).matches({.id = "id-1", .kind = "text", .content = "Hello", .metadata = metadata});
  if (!answer) {
    throw std::runtime_error(answer.error().to_string());
  }
  return *answer;
}

TEST(FilterMatcher, numbers_compare_as_numbers) {
  EXPECT_TRUE(matched("price = 12 and price = 12.0 and 11.5 < price and price <= 12"));
  EXPECT_FALSE(matched("price > 12.0"));
  EXPECT_TRUE(matched("ratio between 0 and 1 and ratio not between 1 and 2"));
  // Neighbours of 2^53 + 1 that a double cannot tell apart.
  EXPECT_TRUE(matched("big = 9007199254740993 and big != 9007199254740992 and big > 9007199254740992.0"));
  EXPECT_TRUE(matched("huge = 18446744073709551616.0 and huge > 9223372036854775807"));
}

TEST(FilterMatcher, kinds_never_equal_each_other) {
  EXPECT_TRUE(matched("one = '1' and one != 1 and not one = 1"));
  EXPECT_TRUE(matched("yes = true and yes != 1 and yes != 'true' and no != 0 and no = false"));
  EXPECT_FALSE(matched("price < 'zzz'"));
  EXPECT_FALSE(matched("one > 0"));
  EXPECT_TRUE(matched("yes and not no and not price and not one"));
}

TEST(FilterMatcher, nothing_is_false_until_it_is_negated_as_a_whole) {
  for (const std::string path : {"nothing", "missing", "name.deeper", "deep.list[9]", "deep.list.k", "price[0]"}) {
    EXPECT_FALSE(matched(path + " = 1")) << path;
    EXPECT_FALSE(matched(path + " != 1")) << path;
    EXPECT_FALSE(matched(path + " not in [1]")) << path;
    EXPECT_FALSE(matched(path + " not like 'x'")) << path;
    EXPECT_FALSE(matched(fmt::format("exists {}", path))) << path;
    EXPECT_TRUE(matched(fmt::format("not ({} = 1)", path))) << path;
    EXPECT_TRUE(matched(path + " is null")) << path;
  }
}

TEST(FilterMatcher, arrays_and_objects_compare_with_nothing) {
  EXPECT_FALSE(matched("tags = 'a' or tags != 'a' or deep = 1 or deep != 1"));
  EXPECT_TRUE(matched("exists tags and exists deep and exists empty and deep is not null"));
}

TEST(FilterMatcher, arrays_are_asked_for_their_elements) {
  EXPECT_TRUE(matched("array_contains(tags, 'a') and array_contains(tags, 1) and array_contains(tags, true)"));
  EXPECT_FALSE(matched("array_contains(tags, '1') or array_contains(tags, 2) or array_contains(name, 'C')"));
  EXPECT_TRUE(matched("array_contains_any(tags, ['z', 1.0]) and array_contains_all(tags, ['a', true, 'a'])"));
  EXPECT_FALSE(matched("array_contains_any(tags, []) or array_contains_all(missing, [])"));
  EXPECT_TRUE(matched("array_contains_all(empty, []) and array_length(empty) = 0 and array_length(tags) > 4"));
  EXPECT_TRUE(matched("array_length(name) is null and array_length(deep.list) in [2, 3]"));
}

TEST(FilterMatcher, like_minds_case_and_counts_characters) {
  EXPECT_TRUE(matched("name like 'Cr_me%' and name not like 'cr%' and name like '%50\\%' and name like '%''X''%'"));
  EXPECT_FALSE(matched("name like 'Cr__me%'"));
  EXPECT_TRUE(matched("name like '%' and one like '_' and price not like '%'"));
}

TEST(FilterMatcher, paths_lead_into_objects_and_arrays) {
  EXPECT_TRUE(matched("deep.list[0].k = 'v' and deep.list[1] = 7 and deep[\"odd name\"] < 0 and `a.b` = 4"));
  EXPECT_TRUE(matched("tags[1] = 1 and tags[3] is null and tags[4][0] = 2"));
}

TEST(FilterMatcher, item_itself_has_an_id_a_kind_and_a_content) {
  EXPECT_TRUE(matched("$id = 'id-1' and $kind in ['text', 5] and $content like 'Hel%' and $id != 5"));
  EXPECT_TRUE(matched("price is null and $content = 'Hello'", ""));
  const auto answer = FilterMatcher(*parse_filter("$content is null and $content != 'x'"))
                          .matches({.id = "1", .kind = "image", .content = {}, .metadata = "{}"});
  EXPECT_FALSE(answer.value());
}

TEST(FilterMatcher, one_matcher_serves_items_of_all_sizes) {
  FilterMatcher matcher(*parse_filter("a = 1"));
  for (const std::size_t size : {0U, 1U, 100U, 100'000U, 3U}) {
    const std::string metadata = fmt::format(R"({{"b":"{}","a":1}})", std::string(size, 'x'));
    EXPECT_TRUE(matcher.matches({.id = "1", .kind = "text", .content = {}, .metadata = metadata}).value()) << size;
  }
}

TEST(FilterMatcher, metadata_that_is_no_object_is_an_error) {
  FilterMatcher matcher(*parse_filter("a = 1"));
  for (const char* metadata : {"[1]", "5", "{", "x", "{\"a\" 1}"}) {
    const auto answer = matcher.matches({.id = "id-9", .kind = "text", .content = {}, .metadata = metadata});
    ASSERT_FALSE(answer) << metadata;
    EXPECT_EQ(answer.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(answer.error().message, HasSubstr("'id-9'"));
  }
  EXPECT_TRUE(matcher.matches({.id = "1", .kind = "text", .content = {}, .metadata = "{\"a\":1}"}).value());
}

}  // namespace
}  // namespace asterism
