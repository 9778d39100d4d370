#include "dataset/csv_reader.hpp"

#include <gmock/gmock.h>

#include "reading.hpp"

namespace asterism {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RecordOptions with_column(std::string column, std::string id_column = {}) {
  return {.source = {}, .column = std::move(column), .id_column = std::move(id_column)};
}

TEST(CsvReader, column_is_found_by_its_header) {
  const auto rows = read_rows(TextFormat::kCsv, "id,text,n\n7,hello,1\n8,,2\n");
  EXPECT_THAT(texts_of(rows), ElementsAre("hello", ""));
  EXPECT_EQ((*rows)[0].id, "7");
  EXPECT_EQ((*rows)[0].line, 2U);
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "a,b\r\n1,2\r\n", with_column("b"))), ElementsAre("2"));
}

TEST(CsvReader, quotes_hold_delimiters_quotes_and_line_ends) {
  const auto rows =
      read_rows(TextFormat::kCsv, "text,n\n\"a,b\",1\n\"say \"\"hi\"\"\",2\n\"two\nlines\r\nthree\",3\n\"\",4\nx,5");
  EXPECT_THAT(texts_of(rows), ElementsAre("a,b", "say \"hi\"", "two\nlines\r\nthree", "", "x"));
  EXPECT_EQ((*rows)[2].line, 4U);
  EXPECT_EQ((*rows)[3].line, 7U);
  EXPECT_EQ((*rows)[4].line, 8U);
}

TEST(CsvReader, quote_inside_an_unquoted_field_is_text) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "text,n\n5\" disk,1\n a \"b\",2\n")),
              ElementsAre("5\" disk", " a \"b\""));
}

TEST(CsvReader, lone_cr_is_text_and_crlf_ends_a_record) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "text\r\na\rb\r\n\"c\"\r\nd\r")), ElementsAre("a\rb", "c", "d\r"));
}

TEST(CsvReader, blank_lines_are_skipped_and_an_empty_value_is_quoted) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "\n\ntext\n\na\n\"\"\n\n")), ElementsAre("a", ""));
}

TEST(CsvReader, byte_order_mark_is_no_part_of_the_header) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "\xEF\xBB\xBFtext\na\n")), ElementsAre("a"));
}

TEST(CsvReader, tsv_is_the_same_with_tabs) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kTsv, "id\ttext\n1\ta,b\n2\t\"c\td\"\n")), ElementsAre("a,b", "c\td"));
}

TEST(CsvReader, header_alone_has_no_rows_and_no_header_is_an_error) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "text\n")), IsEmpty());
  EXPECT_EQ(read_rows(TextFormat::kCsv, "").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(read_rows(TextFormat::kCsv, "\n\n").error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read_rows(TextFormat::kCsv, "\"text").error().message, HasSubstr("broken quotes"));
}

TEST(CsvReader, missing_column_lists_the_columns_there_are) {
  const auto rows = read_rows(TextFormat::kCsv, "id,title,body\n1,a,b\n");
  EXPECT_EQ(rows.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(rows.error().to_string(),
              AllOf(HasSubstr("\"text\""), HasSubstr("\"id\", \"title\", \"body\""), HasSubstr("--column")));
  EXPECT_THAT(read_rows(TextFormat::kCsv, "text\na\n", with_column("", "key")).error().message, HasSubstr("\"key\""));
}

TEST(CsvReader, duplicate_header_matters_only_where_it_is_read) {
  EXPECT_EQ(read_rows(TextFormat::kCsv, "text,n,text\na,1,b\n").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(read_rows(TextFormat::kCsv, "id,text,id\na,1,b\n").error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "n,text,n\n1,a,2\n")), ElementsAre("a"));
}

TEST(CsvReader, wrong_number_of_fields_is_that_rows_error) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kCsv, "text,n\na\nb,1\nc,1,2\nd,2\n")),
              ElementsAre("<in:2: expected 2 fields as in the header, found 1>", "b",
                          "<in:4: expected 2 fields as in the header, found 3>", "d"));
}

TEST(CsvReader, unterminated_quote_names_its_line) {
  const auto rows = read_rows(TextFormat::kCsv, "n,text\n1,a\n2,\"b\n3,c\n");
  ASSERT_EQ(rows->size(), 2U);
  ASSERT_TRUE((*rows)[1].error);
  EXPECT_THAT((*rows)[1].error->message, AllOf(HasSubstr("in:3:"), HasSubstr("line 3"), HasSubstr("end of the input")));
}

TEST(CsvReader, text_behind_a_closing_quote_is_that_rows_error) {
  const auto rows = read_rows(TextFormat::kCsv, "text,n\n\"a\"b,1\n\"c\" ,2\n\"d\"\rx,2\n\"e\",3\n");
  ASSERT_EQ(rows->size(), 4U);
  EXPECT_EQ((*rows)[0].error->code, ErrorCode::kCorrupt);
  EXPECT_EQ((*rows)[1].error->code, ErrorCode::kCorrupt);
  EXPECT_EQ((*rows)[2].error->code, ErrorCode::kCorrupt);
  EXPECT_EQ((*rows)[3].payload.bytes, "e");
}

TEST(CsvReader, record_past_the_limit_costs_only_itself) {
  const RecordOptions options{.source = {}, .column = {}, .id_column = {}, .row_size_bytes_max = 20};
  const auto rows = read_rows(TextFormat::kCsv, "text,n\n\"" + std::string(30, 'a') + "\n\",1\nb,2\n", options);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].error->code, ErrorCode::kLimitExceeded);
  EXPECT_EQ((*rows)[1].payload.bytes, "b");
  EXPECT_EQ((*rows)[1].line, 4U);
}

TEST(CsvReader, fields_of_a_short_record_do_not_show_those_of_the_one_before) {
  const auto rows = read_rows(TextFormat::kCsv, "n,text\n1,long text here\n2,\n3,x\n");
  EXPECT_THAT(texts_of(rows), ElementsAre("long text here", "", "x"));
}

}  // namespace
}  // namespace asterism
