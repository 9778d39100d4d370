// Filters as the servers' own languages. What they mean there, tests/contract asks the servers.
#include <gmock/gmock.h>

#include <stdexcept>
#include <string>

#include "store/filter_milvus.hpp"
#include "store/filter_parser.hpp"
#include "store/filter_postgres.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

FilterExpression filter(std::string_view text) {
  auto parsed = parse_filter(text);
  if (!parsed) {
    throw std::runtime_error(parsed.error().to_string());
  }
  return *parsed;
}

std::string milvus(std::string_view text) {
  const auto written = to_milvus(filter(text));
  return written ? *written : written.error().to_string();
}

TEST(FilterPostgres, values_are_numbered_parameters) {
  const FilterPostgres sql =
      to_postgres(filter("a.b < 5 and `it's` = 'x' and $id in ['1', '2']"), {.id = "item.id"}, 3);
  EXPECT_EQ(sql.text,
            "((jsonb_typeof((metadata -> 'a' -> 'b')) = 'number' AND (metadata -> 'a' -> 'b') < $3::jsonb) AND "
            "((metadata -> 'it''s') = $4::jsonb) AND ((item.id) = ANY (ARRAY(SELECT "
            "jsonb_array_elements_text($5::jsonb)))))");
  EXPECT_THAT(sql.parameters, ElementsAre("5", R"("x")", R"(["1","2"])"));
}

TEST(FilterPostgres, places_in_arrays_are_a_jsonpath) {
  EXPECT_EQ(postgres_column_expression(filter("a[0][\"it's\"]").node().operand.path),
            R"sql(jsonb_path_query_first(metadata, 'strict $."a"[0]."it''s"', '{}', true))sql");
}

TEST(FilterPostgres, between_places_its_ends_in_order) {
  const FilterPostgres sql = to_postgres(filter("a not between 'b' and 'c'"));
  EXPECT_THAT(sql.text, HasSubstr("COLLATE \"C\" BETWEEN $1::text AND $2::text"));
  EXPECT_THAT(sql.parameters, ElementsAre("b", "c"));
}

TEST(FilterMilvus, comparisons_read_a_json_field) {
  EXPECT_EQ(milvus("a.b[0] = 1 and $id in ['x', 5]"), R"((metadata["a"]["b"][0] == 1 and id == "x"))");
  EXPECT_EQ(milvus("a like 'x\\%%' or b"), R"((metadata["a"] like "x\\%%" or metadata["b"] == true))");
  EXPECT_EQ(milvus("a in [1, 'x']"), R"((metadata["a"] == 1 or metadata["a"] == "x"))");
  EXPECT_EQ(milvus("array_contains(a, 1) and array_contains_any(b, ['x', 'y']) and array_length(c) > 2"),
            R"((json_contains(metadata["a"], 1) and json_contains_any(metadata["b"], ["x", "y"]) and )"
            R"(array_length(metadata["c"]) > 2))");
  EXPECT_EQ(milvus("a is null and $content is not null and $id is null"),
            R"((not (exists metadata["a"]) and content is not null and id == ""))");
}

TEST(FilterMilvus, not_is_carried_down) {
  EXPECT_EQ(milvus("not (a = 1 and $kind = 'text')"),
            R"(((not (exists metadata["a"]) or not (metadata["a"] == 1)) or not (kind == "text")))");
  EXPECT_THAT(milvus("not a < 1"), HasSubstr(R"(not (exists metadata["a"]) or (metadata["a"] >= 1 or )"));
}

TEST(FilterMilvus, what_it_cannot_say_is_named) {
  EXPECT_THAT(milvus("not array_length(a) > 2"), HasSubstr("Milvus cannot express a negated array_length()"));
  EXPECT_EQ(to_milvus(filter("array_length(a) is null")).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace asterism
