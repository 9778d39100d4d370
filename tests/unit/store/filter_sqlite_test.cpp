#include "store/filter_sqlite.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>

#include "sqlite_judge.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

FilterExpression filter(std::string_view text) {
  auto parsed = parse_filter(text);
  if (!parsed) {
    throw std::runtime_error(parsed.error().to_string());
  }
  return *parsed;
}

class FilterIndex : public testing::TestWithParam<const char*> {};

TEST_P(FilterIndex, serves_the_condition) {
  SqliteJudge judge;
  judge.run(fmt::format("CREATE INDEX item_price ON item({})", column_expression(filter("price").node().operand.path)));
  for (int i = 0; i < 100; ++i) {
    judge.insert(fmt::format("{}", i), "text", nullptr, fmt::format(R"({{"price":{}}})", i));
  }
  EXPECT_THAT(judge.plan(filter(GetParam())), Contains(HasSubstr("USING INDEX item_price")));
}

INSTANTIATE_TEST_SUITE_P(All, FilterIndex,
                         testing::Values("price = 5", "price < 5", "price >= 5", "5 > price", "price in [1, 2, 3]",
                                         "price between 3 and 5", "price = 'x'", "price like 'ab%'", "price = true",
                                         "price", "price is null", "price > 3 and colour = 'red'",
                                         "price = 1 or price = 'x'", "price in [1, 'x', true]"));

TEST(FilterSqlite, column_is_spelled_in_one_way) {
  EXPECT_EQ(column_expression(filter("a.b[0][\"it's\"]").node().operand.path),
            R"sql(json_extract(metadata,'$."a"."b"[0]."it''s"'))sql");
  EXPECT_EQ(column_expression(filter("$id = 'x'").node().operand.path, {.id = "item.name"}), "item.name");
}

TEST(FilterSqlite, values_are_parameters) {
  const FilterSqlite sql = to_sqlite(filter("a = 'x'' OR 1=1 --' and b in [1, 2.5]"));
  EXPECT_THAT(sql.text, testing::Not(HasSubstr("OR 1=1")));
  EXPECT_THAT(sql.values,
              ElementsAre(FilterLiteral("x' OR 1=1 --"), FilterLiteral(std::int64_t{1}), FilterLiteral(2.5)));
}

// Each level the heaviest there is, so that the stack of SQLite's parser and its limits are tried to their ends.
TEST(FilterSqlite, largest_filters_run) {
  SqliteJudge judge;
  judge.insert("1", "text", nullptr, R"({"a":[1]})");
  std::string text = "array_contains_all(b, [1])";
  for (std::size_t i = 0; i < kFilterDepthMax; ++i) {
    text = i % 3 == 0 ? fmt::format("not ({})", text) : fmt::format("a.c = 1 {} ({})", i % 3 == 1 ? "and" : "or", text);
  }
  EXPECT_NO_THROW(judge.ids(filter(text)));
  std::string alternating = "a";
  for (std::size_t i = 0; i < kFilterDepthMax; ++i) {
    alternating = fmt::format("b {} ({})", i % 2 == 0 ? "and" : "or", alternating);
  }
  EXPECT_NO_THROW(judge.ids(filter(alternating)));

  std::string wide = "a = 0";
  for (std::size_t i = 1; i < kFilterPredicatesMax; ++i) {
    wide += fmt::format(" or a != {}", i);
  }
  EXPECT_NO_THROW(judge.ids(filter(wide)));

  std::string list = "a like 'x%' and a in [0";
  for (std::size_t i = 2; i < kFilterLiteralsMax; ++i) {
    list += fmt::format(", {}", i);
  }
  EXPECT_NO_THROW(judge.ids(filter(list + "]")));
  EXPECT_NO_THROW(judge.ids(filter(fmt::format("a like '{}%'", std::string(15'000, '[')))));
}

}  // namespace
}  // namespace asterism
