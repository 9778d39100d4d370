#include "weights/parquet_strings.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.hpp"
#include "support.hpp"
#include "weights/snappy.hpp"

namespace asterism {
namespace {

std::vector<std::string> strings_of(const StringColumn& column) {
  std::vector<std::string> out;
  std::uint64_t begin = 0;
  for (const std::uint64_t end : column.ends) {
    out.push_back(column.bytes.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

TEST(ParquetStrings, columns_of_arrow_are_read_whole) {
  const auto golden = read_json_file(golden_folder() / "words_parquet.json");
  ASSERT_TRUE(golden);
  ASSERT_EQ(golden->size(), 5U);
  for (const auto& [name, expected] : golden->items()) {
    SCOPED_TRACE(name);
    const auto column = read_parquet_strings(golden_folder() / (name + ".parquet"));
    ASSERT_TRUE(column) << column.error().to_string();
    EXPECT_EQ(strings_of(*column), expected.get<std::vector<std::string>>());
  }
}

TEST(ParquetStrings, what_is_not_read_is_named) {
  const auto error = [](const char* name) { return read_parquet_strings(golden_folder() / name).error(); };
  EXPECT_EQ(error("words_gzip.parquet").code, ErrorCode::kUnsupported);
  EXPECT_NE(error("words_gzip.parquet").message.find("codec 2"), std::string::npos);
  EXPECT_EQ(error("words_page_v2.parquet").code, ErrorCode::kUnsupported);
  EXPECT_NE(error("words_page_v2.parquet").message.find("page of type 3"), std::string::npos);
  EXPECT_EQ(error("words_columns.parquet").code, ErrorCode::kUnsupported);
  EXPECT_NE(error("words_columns.parquet").message.find("found 2"), std::string::npos);
  EXPECT_EQ(error("words_null.parquet").code, ErrorCode::kCorrupt);
  EXPECT_NE(error("words_null.parquet").message.find("row 304: expected a string, found none"), std::string::npos);
  EXPECT_EQ(error("plain.safetensors").code, ErrorCode::kCorrupt);
}

TEST(ParquetStrings, any_flipped_bit_is_an_error_or_other_strings) {
  const std::string whole = slurp(golden_folder() / "words_snappy.parquet");
  const std::size_t count = strings_of(*parse_parquet_strings(std::as_bytes(std::span(whole)), "x")).size();
  std::size_t refused_count = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto column = parse_parquet_strings(std::as_bytes(std::span(damaged)), "x");
    refused_count += column ? 0U : 1U;
    if (column) {
      // A footer that ends early tells of no rows at all.
      EXPECT_TRUE(column->ends.size() == count || column->ends.empty()) << column->ends.size();
    } else {
      EXPECT_FALSE(column.error().message.empty());
    }
  }
  EXPECT_GT(refused_count, 0U);
}

TEST(ParquetStrings, a_file_cut_short_anywhere_is_refused) {
  const std::string whole = slurp(golden_folder() / "words_plain.parquet");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_parquet_strings(std::as_bytes(std::span(whole).first(size)), "x")) << size;
  }
}

TEST(Snappy, copies_reach_into_what_they_write) {
  // 10 bytes: the literal "ab", then a copy of 8 from 2 back.
  const std::string packed{
      "\x0a\x04"
      "ab"
      "\x11\x02",
      6};
  EXPECT_EQ(snappy_uncompress(packed, 10), "ababababab");
  EXPECT_EQ(snappy_uncompress(packed, 9), std::nullopt);
  EXPECT_EQ(snappy_uncompress(packed.substr(0, 5), 10), std::nullopt);
  EXPECT_EQ(snappy_uncompress(std::string("\x0a\x04"
                                          "ab"
                                          "\x11\x03",
                                          6),
                              10),
            std::nullopt)
      << "before the start";
  EXPECT_EQ(snappy_uncompress(std::string("\x00", 1), 0), "");
}

}  // namespace
}  // namespace asterism
