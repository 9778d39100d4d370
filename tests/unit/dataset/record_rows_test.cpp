// Rows of tables as records of the columns that were asked for.
#include <gmock/gmock.h>

#include "reading.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

constexpr auto kNoCell = std::nullopt;

RecordOptions with_columns(std::vector<std::string> columns, std::vector<std::string> files = {}) {
  return {.columns = {.names = std::move(columns), .files = std::move(files), .file_folder = {}}};
}

TEST(RecordRows, csv_cells_are_in_the_order_that_was_asked_for) {
  const auto rows =
      read_rows(TextFormat::kCsv, "id,size,colour\n7,3,red\n8,,\"a, b\"\n", with_columns({"colour", "size"}));
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ((*rows)[0].payload.kind, PayloadKind::kRecord);
  EXPECT_THAT((*rows)[0].payload.cells, ElementsAre(Optional(std::string("red")), Optional(std::string("3"))));
  EXPECT_THAT((*rows)[1].payload.cells, ElementsAre(Optional(std::string("a, b")), Optional(std::string(""))));
  EXPECT_EQ((*rows)[1].id, "8");
  EXPECT_EQ((*rows)[1].payload.size_bytes(), 4U);
}

TEST(RecordRows, missing_column_names_the_nearest) {
  const auto rows = read_rows(TextFormat::kTsv, "size\tcolour\n1\tred\n", with_columns({"color"}));
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(rows.error().message, HasSubstr("expected the column \"color\", found \"size\", \"colour\""));
  EXPECT_EQ(rows.error().hint, "did you mean \"colour\"?");
  EXPECT_THAT(read_rows(TextFormat::kCsv, "a,b\n", with_columns({"population"})).error().hint, HasSubstr("first line"));
}

TEST(RecordRows, broken_records_fail_alone) {
  const auto rows = read_rows(TextFormat::kCsv, "a,b\n1,2\n1,2,3\n5,6\n", with_columns({"b"}));
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_THAT((*rows)[1].error->message, HasSubstr("in:3: expected 2 fields as in the header, found 3"));
  EXPECT_THAT((*rows)[2].payload.cells, ElementsAre(Optional(std::string("6"))));
}

TEST(RecordRows, jsonl_cells_are_texts_numbers_and_what_is_not_there) {
  const auto rows = read_rows(TextFormat::kJsonl,
                              R"({"a": "x", "b": 1.5, "in": {"c": true}})"
                              "\n"
                              R"({"a": null, "other": 2})"
                              "\n[1]\n",
                              with_columns({"a", "b", "in.c"}));
  ASSERT_TRUE(rows);
  EXPECT_THAT((*rows)[0].payload.cells,
              ElementsAre(Optional(std::string("x")), Optional(std::string("1.5")), Optional(std::string("true"))));
  EXPECT_THAT((*rows)[1].payload.cells, ElementsAre(kNoCell, kNoCell, kNoCell));
  EXPECT_TRUE((*rows)[2].error);
}

TEST(RecordRows, files_are_relative_to_the_table) {
  RecordOptions options = with_columns({"photo", "n"}, {"photo"});
  options.source = "shop/list.csv";
  auto reader =
      make_record_reader(TextFormat::kCsv, make_memory_source("photo,n\na.jpg,a.jpg\n/b.jpg,1\n,2\n"), options);
  ASSERT_TRUE(reader);
  std::vector<Record> records;
  for (Row row; *(*reader)->next(row);) {
    records.push_back(row.payload.cells);
  }
  ASSERT_EQ(records.size(), 3U);
  EXPECT_THAT(records[0], ElementsAre(Optional(std::string("shop/a.jpg")), Optional(std::string("a.jpg"))));
  EXPECT_THAT(records[1][0], Optional(std::string("/b.jpg")));
  EXPECT_THAT(records[2][0], Optional(std::string("")));
  options.columns.file_folder = "photos";
  reader = make_record_reader(TextFormat::kCsv, make_memory_source("photo,n\na.jpg,1\n"), options);
  Row row;
  ASSERT_TRUE(*(*reader)->next(row));
  EXPECT_THAT(row.payload.cells[0], Optional(std::string("shop/photos/a.jpg")));
}

TEST(RecordRows, lines_have_no_columns) {
  EXPECT_EQ(read_rows(TextFormat::kLines, "a\n", with_columns({"a"}), 100).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace asterism
