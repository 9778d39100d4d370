#include "base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace asterism {
namespace {

using ::testing::HasSubstr;

TEST(Json, member_of_another_type_names_key_expected_and_found) {
  const Json object = parse_json(R"({"size": "big"})", "config.json").value();
  const auto size = json_get<std::int64_t>(object, "size", "config.json");
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(size.error().message, HasSubstr("config.json: \"size\": expected an integer in range, found \"big\""));
}

TEST(Json, missing_and_null_members_are_errors_in_get_and_absent_in_find) {
  const Json object = parse_json(R"({"none": null})", "x").value();
  EXPECT_FALSE(json_get<bool>(object, "none", "x"));
  EXPECT_FALSE(json_get<bool>(object, "other", "x"));
  EXPECT_EQ(json_find<bool>(object, "none", "x").value(), std::nullopt);
  EXPECT_EQ(json_find<bool>(object, "other", "x").value(), std::nullopt);
}

TEST(Json, integers_out_of_range_are_refused) {
  const Json object = parse_json(R"({"a": 9223372036854775808, "b": -1, "c": 2147483648, "d": 1.0})", "x").value();
  EXPECT_FALSE(json_get<std::int64_t>(object, "a", "x"));
  EXPECT_EQ(json_get<std::uint64_t>(object, "a", "x").value(), 9223372036854775808ULL);
  EXPECT_FALSE(json_get<std::uint64_t>(object, "b", "x"));
  EXPECT_FALSE(json_get<std::int32_t>(object, "c", "x"));
  EXPECT_FALSE(json_get<std::int32_t>(object, "d", "x"));
}

TEST(Json, nesting_one_past_the_limit_is_refused) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(parse_json(nested(kJsonDepthMax), "x"));
  const auto past = parse_json(nested(kJsonDepthMax + 1), "x");
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\"", "x"));  // brackets in strings do not nest
}

TEST(Json, what_is_no_json_is_told_in_words_without_the_librarys_numbers) {
  EXPECT_EQ(parse_json(" \n", "body").error().message, "body: expected JSON, found nothing");
  const std::string message = parse_json("{", "body").error().message;
  EXPECT_TRUE(message.starts_with("body: expected JSON, found parse error at line 1, column 2")) << message;
  EXPECT_EQ(message.find("json.exception"), std::string::npos) << message;
}

TEST(Json, unknown_keys_are_listed) {
  const Json object = parse_json(R"({"a": 1, "b": 2, "c": 3})", "x").value();
  EXPECT_TRUE(json_expect_only(object, {"a", "b", "c", "d"}, "x"));
  const auto only = json_expect_only(object, {"a"}, "x");
  ASSERT_FALSE(only);
  EXPECT_THAT(only.error().message, HasSubstr("\"b\", \"c\""));
}

TEST(Json, truncated_text_is_an_error_with_its_source) {
  const auto parsed = parse_json(R"({"a": [1, 2)", "broken.json");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("broken.json"));
}

TEST(JsonNumber, has_the_fewest_digits_that_give_the_float_back) {
  EXPECT_EQ(json_number(0.7F).dump(), "0.7");
  EXPECT_EQ(static_cast<float>(json_number(0.1234567F).get<double>()), 0.1234567F);
  EXPECT_TRUE(json_number(NAN).is_null());
  EXPECT_TRUE(json_number(INFINITY).is_null());
}

}  // namespace
}  // namespace asterism
