#include "dataset/parquet_writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace asterism {
namespace {

std::string file_of(const std::vector<ParquetColumn>& columns, const std::function<void(ParquetWriter&)>& fill) {
  std::string out;
  ParquetWriter writer(columns, [&](std::string_view bytes) -> Result<void> {
    out += bytes;
    return {};
  });
  fill(writer);
  EXPECT_TRUE(writer.finish());
  return out;
}

// What every reader looks at first: the magic at both ends, and the footer's length before the last.
TEST(ParquetWriter, frames_its_footer) {
  for (const std::size_t row_count : {std::size_t{0}, std::size_t{3}}) {
    const std::string file = file_of({{.name = "n", .type = ParquetType::kNumber}}, [&](ParquetWriter& writer) {
      for (std::size_t i = 0; i < row_count; ++i) {
        writer.set_number(0, 1.5);
        ASSERT_TRUE(writer.end_row());
      }
    });
    ASSERT_GT(file.size(), 12U);
    EXPECT_TRUE(file.starts_with("PAR1"));
    EXPECT_TRUE(file.ends_with("PAR1"));
    std::uint32_t footer_size = 0;
    std::memcpy(&footer_size, file.data() + file.size() - 8, 4);
    EXPECT_EQ(footer_size == file.size() - 12, row_count == 0) << "between them are the rows";
    EXPECT_NE(file.substr(file.size() - 8 - footer_size).find("schema"), std::string::npos);
  }
}

TEST(ParquetWriter, plain_values_stand_behind_their_levels) {
  const std::string file = file_of({{.name = "t"}}, [](ParquetWriter& writer) {
    writer.set_text(0, "ab");
    writer.set_text(0, "twice");  // ignored
    writer.set_number(0, 1.0);    // another type: ignored
    ASSERT_TRUE(writer.end_row());
    ASSERT_TRUE(writer.end_row());
    writer.set_text(0, "c\xFF");
    ASSERT_TRUE(writer.end_row());
  });
  // Levels 1, 0, 1 as three runs of one; then length and bytes of each value, bad bytes as U+FFFD.
  const std::string expected("\x06\0\0\0\x02\x01\x02\0\x02\x01\x02\0\0\0ab\x04\0\0\0c\xEF\xBF\xBD", 24);
  EXPECT_NE(file.find(expected), std::string::npos);
  EXPECT_EQ(file.find("twice"), std::string::npos);
}

TEST(ParquetWriter, an_error_of_the_sink_ends_it) {
  ParquetWriter writer({{.name = "t"}}, [](std::string_view) -> Result<void> { return fail(ErrorCode::kIo, "full"); });
  writer.set_text(0, "a");
  ASSERT_TRUE(writer.end_row());
  EXPECT_EQ(writer.finish().error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace asterism
