#include "service/atlas_columns.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "service/iso_date.hpp"

namespace asterism::service {
namespace {

std::vector<AtlasColumn> columns_of(const std::vector<std::string>& rows) {
  AtlasColumnBuilder builder;
  for (const std::string& row : rows) {
    builder.add(row);
  }
  return builder.finish();
}

TEST(AtlasColumns, words_are_categories_the_most_frequent_first) {
  const auto columns = columns_of({R"({"c": "b"})", R"({"c": "a"})", R"({"c": "a"})", "{}", R"({"c": null})"});
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].name, "c");
  EXPECT_EQ(columns[0].type, AtlasColumnType::kCategory);
  EXPECT_EQ(columns[0].values, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(columns[0].counts, (std::vector<std::uint64_t>{2, 1}));
  EXPECT_EQ(columns[0].codes, (std::vector<std::uint16_t>{1, 0, 0, kMissingCode, kMissingCode}));
  EXPECT_EQ(columns[0].missing_count, 2U);
}

TEST(AtlasColumns, numbers_have_a_range) {
  std::vector<std::string> rows{"{}"};
  for (int i = 0; i < 20; ++i) {
    rows.push_back(fmt::format(R"({{"price": {}.5}})", i));
  }
  const auto columns = columns_of(rows);
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].type, AtlasColumnType::kNumber);
  EXPECT_EQ(columns[0].smallest, 0.5);
  EXPECT_EQ(columns[0].largest, 19.5);
  EXPECT_EQ(columns[0].distinct_count, 20U);
  ASSERT_EQ(columns[0].numbers.size(), 21U);
  EXPECT_TRUE(std::isnan(columns[0].numbers[0]));
  EXPECT_EQ(columns[0].numbers[3], 2.5);
}

TEST(AtlasColumns, few_whole_numbers_are_classes_and_one_more_is_a_number) {
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < kNumberCategoryCountMax; ++i) {
    rows.push_back(fmt::format(R"({{"n": {}}})", i));
  }
  EXPECT_EQ(columns_of(rows)[0].type, AtlasColumnType::kCategory);
  EXPECT_EQ(columns_of(rows)[0].values.front(), "0");
  rows.push_back(fmt::format(R"({{"n": {}}})", kNumberCategoryCountMax));
  EXPECT_EQ(columns_of(rows)[0].type, AtlasColumnType::kNumber);
}

TEST(AtlasColumns, dates_count_milliseconds) {
  const auto columns = columns_of({R"({"day": "1970-01-02"})", R"({"day": "2026-11-29T13:05:09+01:00"})"});
  EXPECT_EQ(columns[0].type, AtlasColumnType::kDate);
  EXPECT_EQ(columns[0].numbers[0], 86'400'000.0);
  EXPECT_EQ(columns[0].numbers[1], static_cast<double>(*parse_iso_date("2026-11-29T12:05:09Z")));
  EXPECT_EQ(columns_of({R"({"day": "1970-01-02"})", R"({"day": "soon"})"})[0].type, AtlasColumnType::kCategory);
}

TEST(AtlasColumns, nearly_all_different_is_a_text) {
  std::vector<std::string> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back(fmt::format(R"({{"title": "t{}", "shop": "s{}"}})", i, i % 50));
  }
  const auto columns = columns_of(rows);
  EXPECT_EQ(columns[0].type, AtlasColumnType::kText);
  EXPECT_EQ(columns[0].distinct_count, 100U);
  EXPECT_EQ(columns[1].type, AtlasColumnType::kCategory);
}

TEST(AtlasColumns, a_long_value_makes_a_text) {
  const std::string longest(kCategorySizeBytesMax, 'x');
  EXPECT_EQ(columns_of({fmt::format(R"({{"c": "{}"}})", longest)})[0].type, AtlasColumnType::kCategory);
  EXPECT_EQ(columns_of({fmt::format(R"({{"c": "{}y"}})", longest)})[0].type, AtlasColumnType::kText);
}

TEST(AtlasColumns, five_thousand_categories_have_codes_and_the_rest_share_one) {
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < kCategoryCountMax + 10; ++i) {
    for (std::size_t copies = 0; copies < (i < kCategoryCountMax ? 3U : 2U); ++copies) {
      rows.push_back(fmt::format(R"({{"c": "v{}"}})", i));
    }
  }
  const AtlasColumn column = std::move(columns_of(rows)[0]);
  EXPECT_EQ(column.type, AtlasColumnType::kCategory);
  EXPECT_EQ(column.values.size(), kCategoryCountMax);
  EXPECT_EQ(column.distinct_count, kCategoryCountMax + 10);
  EXPECT_EQ(column.codes.front(), 0);
  EXPECT_EQ(column.codes.back(), kOtherCode);
  EXPECT_EQ(std::count(column.codes.begin(), column.codes.end(), kOtherCode), 20);
}

TEST(AtlasColumns, objects_are_paths_mixed_values_words_and_bad_rows_none) {
  const auto columns = columns_of({R"({"maker": {"country": "fr"}, "m": 7, "on": true})", "[1]", "not json",
                                   R"({"m": "seven", "maker.country": "de", "maker": {"country": "it"}})"});
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0].name, "maker.country");
  EXPECT_EQ(columns[0].codes, (std::vector<std::uint16_t>{0, kMissingCode, kMissingCode, 1}));
  EXPECT_EQ(columns[0].values, (std::vector<std::string>{"fr", "de"}));
  EXPECT_EQ(columns[1].type, AtlasColumnType::kCategory);
  EXPECT_EQ(columns[1].codes[0], columns[1].values[0] == "7" ? 0 : 1);
  EXPECT_EQ(columns[2].values, (std::vector<std::string>{"true"}));
}

TEST(AtlasColumns, columns_past_the_limit_are_counted_and_left_out) {
  AtlasColumnBuilder builder;
  for (std::size_t i = 0; i < kAtlasColumnCountMax + 3; ++i) {
    builder.add(fmt::format(R"({{"c{}": "x"}})", i));
  }
  EXPECT_EQ(builder.left_out_value_count(), 3U);
  EXPECT_EQ(builder.finish().size(), kAtlasColumnCountMax);
}

TEST(IsoDate, reads_the_extended_form_and_no_other) {
  EXPECT_EQ(parse_iso_date("1970-01-01"), 0);
  EXPECT_EQ(parse_iso_date("1970-01-01T00:00:01.250Z"), 1250);
  EXPECT_EQ(parse_iso_date("1969-12-31 23:59"), -60'000);
  EXPECT_EQ(parse_iso_date("2024-02-29"), 1'709'164'800'000);
  EXPECT_EQ(parse_iso_date("1970-01-01T01:00+0100"), 0);
  for (const std::string_view text : {"", "2023-02-29", "2024-13-01", "2024-1-1", "2024-01-01T", "2024-01-01T25:00",
                                      "2024-01-01x", "2024-01-01T10:00:00.", "2024-01-01T10:00+1", "20240101", "7"}) {
    EXPECT_FALSE(parse_iso_date(text)) << text;
  }
}

TEST(IsoDate, writes_what_it_reads) {
  for (const std::string_view text : {"1970-01-01", "2026-11-29T13:05:09Z", "1969-12-31T23:59:59.250Z", "0001-01-01"}) {
    EXPECT_EQ(iso_date(*parse_iso_date(text)), text);
  }
}

}  // namespace
}  // namespace asterism::service
