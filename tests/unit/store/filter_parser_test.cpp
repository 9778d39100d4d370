#include "store/filter_parser.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace asterism {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// The one spelling of what a text parses to, or its error.
std::string spelled(std::string_view text) {
  const auto parsed = parse_filter(text);
  return parsed ? parsed->to_text() : parsed.error().to_string();
}

Error error_of(std::string_view text) {
  auto parsed = parse_filter(text);
  return parsed ? Error{ErrorCode::kInternal, parsed->to_text(), "parsed"} : std::move(parsed.error());
}

TEST(FilterParser, comparisons_have_one_spelling_each) {
  EXPECT_EQ(spelled("a == 1"), "a = 1");
  EXPECT_EQ(spelled("a <> 'x'"), "a != 'x'");
  EXPECT_EQ(spelled("a=\"it's\""), "a = 'it''s'");
  EXPECT_EQ(spelled("a>=-0.5"), "a >= -0.5");
  EXPECT_EQ(spelled("active"), "active = true");
  EXPECT_EQ(spelled("a = 1e3"), "a = 1000.0");
  EXPECT_EQ(spelled("a = 9223372036854775807"), "a = 9223372036854775807");
  EXPECT_EQ(spelled("a = -9223372036854775808"), "a = -9223372036854775808");
}

TEST(FilterParser, value_on_the_left_turns_the_sign) {
  EXPECT_EQ(spelled("5 < a"), "a > 5");
  EXPECT_EQ(spelled("5 >= a"), "a <= 5");
  EXPECT_EQ(spelled("'x' != a"), "a != 'x'");
  EXPECT_EQ(spelled("true = a"), "a = true");
}

TEST(FilterParser, words_in_any_letter_case) {
  EXPECT_EQ(spelled("a IN (1, 2) AND NOT b LIKE 'x%' Or c Is Not NULL"),
            "(a in [1, 2] and (not b like 'x%')) or c is not null");
  EXPECT_EQ(spelled("a in [1] && !b || c"), "(a = 1 and (not b = true)) or c = true");
  EXPECT_EQ(spelled("a not between 1 and 2 and b not in []"), "a not between 1 and 2 and b not in []");
  EXPECT_EQ(spelled("exists a.b and exists(c)"), "a.b is not null and c is not null");
}

TEST(FilterParser, not_binds_before_and_before_or) {
  EXPECT_EQ(spelled("a or b and c"), "a = true or (b = true and c = true)");
  EXPECT_EQ(spelled("(a or b) and not (c and d)"), "(a = true or b = true) and (not (c = true and d = true))");
  EXPECT_EQ(spelled("(a and b) and (c and d)"), "a = true and b = true and c = true and d = true");
}

TEST(FilterParser, paths_and_quoted_names) {
  EXPECT_EQ(spelled("a.b[\"odd name\"][0].and = 1"), "a.b[\"odd name\"][0].and = 1");
  EXPECT_EQ(spelled("`in` = 1 and `a``b` = 2 and `a.b` = 3"), "`in` = 1 and `a``b` = 2 and `a.b` = 3");
  EXPECT_EQ(spelled("größe > 1 and a['b'] = 2"), "größe > 1 and a.b = 2");
  EXPECT_EQ(spelled("$id = 'x' and $kind in ['text','image'] and $content like '%cat%'"),
            "$id = 'x' and $kind in ['text', 'image'] and $content like '%cat%'");
  EXPECT_EQ(spelled("array_length(a.b) > 2 and array_contains(a, 1)"),
            "array_length(a.b) > 2 and array_contains(a, 1)");
  EXPECT_EQ(spelled("array_contains_any(a, [1,'x']) or ARRAY_CONTAINS_ALL(a, (true, 2))"),
            "array_contains_any(a, [1, 'x']) or array_contains_all(a, [true, 2])");
}

TEST(FilterParser, referenced_paths_are_each_path_once) {
  const auto parsed = parse_filter("a.b = 1 and (c or a.b = 2) and $id = 'x'");
  ASSERT_TRUE(parsed);
  std::vector<std::string> paths;
  for (const FilterPath& path : parsed->referenced_paths()) {
    paths.push_back(path.to_text());
  }
  EXPECT_THAT(paths, ElementsAre("a.b", "c", "$id"));
}

TEST(FilterParser, error_says_where_and_what_was_expected) {
  const Error error = error_of("price > 3 and\n\tcolour = )");
  EXPECT_EQ(error.code, ErrorCode::kUsage);
  EXPECT_EQ(error.message,
            "filter: at byte 24: expected a value: text in quotes, a number, true or false, found ')'\n"
            "  \tcolour = )\n"
            "  \t         ^");
}

TEST(FilterParser, caret_stands_under_characters_not_bytes) {
  EXPECT_THAT(error_of("größe = é").message, HasSubstr("\n  größe = é\n          ^"));
}

TEST(FilterParser, long_filters_are_shown_in_part) {
  const std::string filler(5000, 'x');
  const Error error = error_of(filler.substr(0, 200) + " = 1 and b = @ and c = '" + filler + "'");
  EXPECT_LT(error.message.size(), 400U);
  EXPECT_THAT(error.message, HasSubstr("@"));
}

struct BadFilter {
  const char* text;
  const char* expected;
};

class FilterParserErrors : public testing::TestWithParam<BadFilter> {};

TEST_P(FilterParserErrors, name_the_mistake) {
  const Error error = error_of(GetParam().text);
  EXPECT_EQ(error.code, ErrorCode::kUsage) << error.to_string();
  EXPECT_THAT(error.to_string(), AllOf(HasSubstr("filter: at byte "), HasSubstr(GetParam().expected)));
}

INSTANTIATE_TEST_SUITE_P(
    All, FilterParserErrors,
    testing::Values(
        BadFilter{"", "leave the filter out"}, BadFilter{"a = ", "found the end of the filter"},
        BadFilter{"a = b", "two columns cannot be compared"}, BadFilter{"a = null", "is null"},
        BadFilter{"a in [null]", "is null"}, BadFilter{"\"price\" > 5", "a name with odd characters is written `name`"},
        BadFilter{"5 > \"price\"", "one side of a comparison is a column"}, BadFilter{"5", "a comparison sign"},
        BadFilter{"a lik 'x'", "did you mean 'like'?"}, BadFilter{"array_contain(a, 1)", "array_contains"},
        BadFilter{"a > true", "have no order"}, BadFilter{"true < a", "have no order"},
        BadFilter{"a between 1 and 'x'", "one of each"}, BadFilter{"1 < a < 5", "'and', 'or' or the end"},
        BadFilter{"a > 1 < 5", "between ... and ..."}, BadFilter{"a = 'x", "closing '"},
        BadFilter{"a = 'it\\'s'", "did you mean"}, BadFilter{"$name = 'x'", "$id, $kind or $content"},
        BadFilter{"$ids = 'x'", "did you mean '$id'?"}, BadFilter{"$id", "alone"},
        BadFilter{"array_length(a)", "alone"}, BadFilter{"a = 9223372036854775808", "64 bits"},
        BadFilter{"a = 1e999", "a double"}, BadFilter{"a.0 = 1", "[0]"}, BadFilter{"a[-1] = 1", "place in an array"},
        BadFilter{"a[0 = 1", "']'"}, BadFilter{"(a = 1", "')'"}, BadFilter{"a = 1)", "the end of the filter"},
        BadFilter{"a = 1 b = 2", "'and', 'or'"}, BadFilter{"a like 5", "a pattern in quotes"},
        BadFilter{"a like 'x\\y'", "a backslash that is meant is written twice"}, BadFilter{"in = 5", "in backquotes"},
        BadFilter{"a + 1 = 2", "arithmetic"}, BadFilter{"a = 1;", "without an end mark"},
        BadFilter{"a is 5", "'null' or 'not null'"}, BadFilter{"a not = 5", "after 'not'"},
        BadFilter{"`a\"b` = 1", "without double quotes"}, BadFilter{"and", "a column"},
        BadFilter{"a in [1, 2", "',' or ']'"}, BadFilter{"a in [1,]", "a value"}, BadFilter{"a in 1", "a list"}));

TEST(FilterParser, bytes_that_are_no_text_are_refused) {
  EXPECT_EQ(error_of("a = '\xff'").code, ErrorCode::kUsage);
  EXPECT_EQ(error_of(std::string_view("a = '\0'", 7)).code, ErrorCode::kUsage);
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

// and, or, and, or, ... `levels` of them.
std::string nested(std::size_t levels) {
  std::string text = "a";
  for (std::size_t i = 0; i < levels; ++i) {
    text = fmt::format("b {} ({})", i % 2 == 0 ? "and" : "or", text);
  }
  return text;
}

TEST(FilterParser, limits_hold_one_past_each) {
  const auto code_of = [](const std::string& text) { return error_of(text).code; };
  EXPECT_TRUE(parse_filter(nested(kFilterDepthMax)));
  EXPECT_EQ(code_of(nested(kFilterDepthMax + 1)), ErrorCode::kLimitExceeded);
  EXPECT_TRUE(parse_filter(repeated("a or ", kFilterPredicatesMax - 1) + "a"));
  EXPECT_EQ(code_of(repeated("a or ", kFilterPredicatesMax) + "a"), ErrorCode::kLimitExceeded);
  EXPECT_TRUE(parse_filter(fmt::format("a in [{}1]", repeated("1,", kFilterLiteralsMax - 1))));
  EXPECT_EQ(code_of(fmt::format("a in [{}1]", repeated("1,", kFilterLiteralsMax))), ErrorCode::kLimitExceeded);
  EXPECT_TRUE(parse_filter(fmt::format("a{}", repeated(".b", kFilterPathStepsMax - 1))));
  EXPECT_EQ(code_of(fmt::format("a{}", repeated(".b", kFilterPathStepsMax))), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(fmt::format("a{}", repeated("[0]", kFilterPathStepsMax))), ErrorCode::kLimitExceeded);
  EXPECT_TRUE(parse_filter(std::string(kFilterNameSizeBytesMax, 'a')));
  EXPECT_EQ(code_of(std::string(kFilterNameSizeBytesMax + 1, 'a')), ErrorCode::kLimitExceeded);
  EXPECT_TRUE(parse_filter(fmt::format("a[{}]", kFilterArrayIndexMax)));
  EXPECT_EQ(code_of(fmt::format("a[{}]", kFilterArrayIndexMax + 1)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(std::string(kFilterSizeBytesMax + 1, ' ')), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(std::string(100'000, '(')), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(repeated("not ", 100'000)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(fmt::format("a like '{}'", std::string(100'000, '%'))), ErrorCode::kLimitExceeded);
}

TEST(FilterParser, columns_are_checked_against_the_known_ones) {
  const std::vector<std::string> known{"price", "colour"};
  const auto parsed = parse_filter("price.net > 3 and $id = 'x' and color = 'red'");
  ASSERT_TRUE(parsed);
  const auto checked = check_columns(*parsed, known);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(checked.error().to_string(), AllOf(HasSubstr("'color'"), HasSubstr("did you mean 'colour'?")));
  EXPECT_TRUE(check_columns(*parse_filter("price.net > 3 and $id = 'x'"), known));
}

}  // namespace
}  // namespace asterism
