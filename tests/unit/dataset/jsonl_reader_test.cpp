#include "dataset/jsonl_reader.hpp"

#include <gmock/gmock.h>

#include "reading.hpp"

namespace asterism {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

RecordOptions with_column(std::string column, std::string id_column = {}) {
  return {.source = {}, .column = std::move(column), .id_column = std::move(id_column)};
}

// The one row of `line`, which fails.
Error row_error_of(const std::string& line, const RecordOptions& options = {}) {
  const auto rows = read_rows(TextFormat::kJsonl, line, options);
  if (!rows || rows->size() != 1 || !rows->front().error) {
    ADD_FAILURE() << "expected one failed row for " << line;
    return {};
  }
  EXPECT_EQ(rows->front().payload.bytes, "");
  return *rows->front().error;
}

TEST(JsonlReader, text_and_id_come_from_their_keys) {
  const auto rows = read_rows(TextFormat::kJsonl,
                              "{\"id\": \"x\", \"text\": \"one\"}\n"
                              "{\"text\": \"t\\u0077o \\ud83d\\ude00\", \"id\": 42}\r\n"
                              "{\"text\": \"\", \"other\": [1, {\"text\": 5}]}");
  EXPECT_THAT(texts_of(rows), ElementsAre("one", "two \xF0\x9F\x98\x80", ""));
  EXPECT_EQ((*rows)[0].id, "x");
  EXPECT_EQ((*rows)[1].id, "42");
  EXPECT_EQ((*rows)[2].id, "");
}

TEST(JsonlReader, blank_lines_are_skipped_but_counted) {
  const auto rows = read_rows(TextFormat::kJsonl, "\n  \t\r\n{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n");
  EXPECT_THAT(texts_of(rows), ElementsAre("a", "b"));
  EXPECT_EQ((*rows)[0].line, 3U);
  EXPECT_EQ((*rows)[1].line, 5U);
}

TEST(JsonlReader, column_may_be_a_path_and_a_key_with_dots_wins) {
  const std::string text =
      "{\"a\": {\"b\": {\"c\": \"deep\"}}}\n{\"a.b.c\": \"flat\", \"a\": {\"b\": {\"c\": \"deep\"}}}\n";
  EXPECT_THAT(texts_of(read_rows(TextFormat::kJsonl, text, with_column("a.b.c"))), ElementsAre("deep", "flat"));
}

TEST(JsonlReader, bad_row_costs_only_itself) {
  const auto rows = read_rows(TextFormat::kJsonl, "{\"text\":\"a\"}\n{\"text\": \n{\"text\":\"c\"}\n");
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_FALSE((*rows)[0].error);
  EXPECT_EQ((*rows)[1].error->code, ErrorCode::kCorrupt);
  EXPECT_EQ((*rows)[2].payload.bytes, "c");
}

TEST(JsonlReader, error_says_where_what_was_expected_and_found) {
  EXPECT_THAT(row_error_of("\n\n{\"body\": \"x\", \"n\": 1}").to_string(),
              AllOf(HasSubstr("in:3:"), HasSubstr("\"text\""), HasSubstr("\"body\", \"n\""), HasSubstr("--column")));
  EXPECT_EQ(row_error_of("{}").code, ErrorCode::kNotFound);
  EXPECT_THAT(row_error_of("{\"text\": 5}").message, HasSubstr("expected a string, found a number"));
  EXPECT_THAT(row_error_of("{\"text\": null}").message, HasSubstr("found null"));
  EXPECT_THAT(row_error_of("[1]").message, HasSubstr("expected a JSON object, found an array"));
  EXPECT_THAT(row_error_of("\"text\"").message, HasSubstr("expected a JSON object"));
  EXPECT_THAT(row_error_of("{\"a\": {\"x\": \"y\"}}", with_column("a.b")).message, HasSubstr("\"x\""));
}

TEST(JsonlReader, duplicate_key_is_an_error_and_not_a_guess) {
  EXPECT_THAT(row_error_of("{\"text\": \"a\", \"text\": \"b\"}").message, HasSubstr("once, found it 2 times"));
  EXPECT_THAT(row_error_of("{\"a\": {\"b\": \"x\"}, \"a\": {\"b\": \"y\"}}", with_column("a.b")).message,
              HasSubstr("once"));
}

TEST(JsonlReader, invalid_json_of_every_kind_is_that_rows_error) {
  for (const char* line : {"{\"text\": \"a\"} x", "{\"text\": \"a\",}", "{'text': 'a'}", "{\"text\": \"a\" \"b\"}", "{",
                           "{\"text\": tru}", "{\"text\": \"\\x\"}", "{\"text\": \"\xFF\"}", "{\"text\": \"\\ud800\"}",
                           "{\"text\": \"a\", \"n\": 01}", "nul", "}"}) {
    EXPECT_EQ(row_error_of(line).code, ErrorCode::kCorrupt) << line;
  }
}

TEST(JsonlReader, deep_nesting_is_an_error_and_no_crash) {
  EXPECT_EQ(row_error_of("{\"text\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}").code,
            ErrorCode::kCorrupt);
}

TEST(JsonlReader, asked_for_id_must_be_there) {
  EXPECT_EQ(row_error_of("{\"text\": \"a\"}", with_column("", "key")).code, ErrorCode::kNotFound);
  EXPECT_EQ(row_error_of("{\"text\": \"a\", \"key\": [1]}", with_column("", "key")).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(row_error_of("{\"text\": \"a\", \"key\": 1, \"key\": 2}", with_column("", "key")).code,
            ErrorCode::kCorrupt);
  const auto rows = read_rows(TextFormat::kJsonl, "{\"text\": \"a\", \"key\": true}", with_column("", "key"));
  EXPECT_EQ(rows->front().id, "true");
}

TEST(JsonlReader, failed_row_keeps_its_id) {
  const auto rows = read_rows(TextFormat::kJsonl, "{\"id\": \"x7\", \"text\": 1}");
  ASSERT_TRUE(rows->front().error);
  EXPECT_EQ(rows->front().id, "x7");
}

TEST(JsonlReader, long_line_costs_only_itself) {
  const std::string text = "{\"text\": \"" + std::string(100, 'a') + "\"}\n{\"text\": \"b\"}\n";
  const auto rows =
      read_rows(TextFormat::kJsonl, text, {.source = {}, .column = {}, .id_column = {}, .row_size_bytes_max = 50});
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].error->code, ErrorCode::kLimitExceeded);
  EXPECT_EQ((*rows)[1].payload.bytes, "b");
}

}  // namespace
}  // namespace asterism
