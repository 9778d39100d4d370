#include "dataset/lines_reader.hpp"

#include <gmock/gmock.h>

#include "reading.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(LinesReader, every_line_is_a_row_with_its_number) {
  const auto rows = read_rows(TextFormat::kLines, "one\n\nthree\n");
  EXPECT_THAT(texts_of(rows), ElementsAre("one", "", "three"));
  EXPECT_EQ((*rows)[2].line, 3U);
  EXPECT_EQ((*rows)[2].source, "in");
}

TEST(LinesReader, last_line_needs_no_end) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kLines, "one\ntwo")), ElementsAre("one", "two"));
  EXPECT_THAT(texts_of(read_rows(TextFormat::kLines, "\n")), ElementsAre(""));
  EXPECT_THAT(texts_of(read_rows(TextFormat::kLines, "")), IsEmpty());
}

TEST(LinesReader, crlf_ends_a_line_and_a_lone_cr_is_text) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kLines, "one\r\n\r\na\rb\r\r\nlast\r")),
              ElementsAre("one", "", "a\rb\r", "last"));
}

TEST(LinesReader, byte_order_mark_is_skipped_at_the_beginning_only) {
  EXPECT_THAT(texts_of(read_rows(TextFormat::kLines, "\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n")),
              ElementsAre("one", "\xEF\xBB\xBFtwo"));
  EXPECT_THAT(texts_of(read_rows(TextFormat::kLines, "\xEF\xBB\xBF")), IsEmpty());
}

TEST(LinesReader, nul_and_invalid_utf8_are_kept) {
  const std::string text("a\0b\n\xFF\xC0\n", 7);
  EXPECT_THAT(texts_of(read_rows(TextFormat::kLines, text)), ElementsAre(std::string("a\0b", 3), "\xFF\xC0"));
}

TEST(LinesReader, utf16_and_gzip_are_refused_by_name) {
  const auto utf16 = read_rows(TextFormat::kLines, "\xFF\xFEo\n");
  EXPECT_EQ(utf16.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(utf16.error().to_string(), HasSubstr("UTF-16"));
  EXPECT_THAT(read_rows(TextFormat::kJsonl, "\x1F\x8B\x08xyz").error().to_string(), HasSubstr("gzip"));
}

TEST(LinesReader, line_at_the_limit_passes_and_one_past_it_costs_only_itself) {
  const RecordOptions options{.source = {}, .column = {}, .id_column = {}, .row_size_bytes_max = 8};
  const auto rows = read_rows(TextFormat::kLines, "12345678\r\n123456789\nnext\n1234567890123456789", options);
  EXPECT_THAT(texts_of(rows), ElementsAre("12345678", "<in:2: expected at most 8 bytes in a row, found 9>", "next",
                                          "<in:4: expected at most 8 bytes in a row, found 19>"));
  EXPECT_EQ((*rows)[1].error->code, ErrorCode::kLimitExceeded);
}

TEST(LinesReader, the_real_limit_holds_one_past_it) {
  const std::string text = std::string(kRowSizeBytesMax, 'a') + "\n" + std::string(kRowSizeBytesMax + 1, 'b') + "\nc\n";
  const auto rows = read_rows(TextFormat::kLines, text, {}, 65536);
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[0].payload.bytes.size(), kRowSizeBytesMax);
  EXPECT_EQ((*rows)[1].error->code, ErrorCode::kLimitExceeded);
  EXPECT_EQ((*rows)[2].payload.bytes, "c");
}

}  // namespace
}  // namespace asterism
