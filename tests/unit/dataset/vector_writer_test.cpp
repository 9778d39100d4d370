#include "dataset/vector_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <string>

#include "base/file.hpp"
#include "base/json.hpp"
#include "dataset/json_text.hpp"
#include "dataset/rows_writer.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class VectorWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "asterism-writer-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }

  // Two windows of rows: one sound, one failed with an id; then one truncated.
  fs::path write(const std::string& name) const {
    const fs::path path = folder / name;
    auto writer = create_vector_writer(path, {.format = VectorFormat::kAuto, .dim = 2, .row_first = 10});
    EXPECT_TRUE(writer);
    EXPECT_TRUE((*writer)->append(std::span(rows).first(2), std::vector<float>{1.5F, -2.0F, kNaN, kNaN}));
    EXPECT_TRUE((*writer)->append(std::span(rows).subspan(2), std::vector<float>{0.1F, 1e-20F}));
    EXPECT_FALSE(fs::exists(path));
    EXPECT_TRUE((*writer)->commit());
    return path;
  }

  std::vector<std::string> lines_of(const fs::path& path) const {
    const std::string text = read_file(path, 1 << 20).value();
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return lines;
  }

  fs::path folder;
  std::vector<RowOutcome> rows{
      {.source = "a.txt", .line = 1, .id = "", .token_count_given = 4, .token_count_used = 4, .error = {}},
      {.source = "a \"b\".txt",
       .line = 2,
       .id = "x\xFF",
       .token_count_given = 0,
       .token_count_used = 0,
       .error = Error{ErrorCode::kCorrupt, "a.txt:2: bad", "mend it"}},
      {.source = "c", .line = 9, .id = "y", .token_count_given = 300, .token_count_used = 256, .error = {}}};
};

TEST_F(VectorWriterTest, npy_holds_the_rows_and_nan_where_one_failed) {
  const auto tensor = read_npy(write("v.npy"));
  ASSERT_TRUE(tensor) << tensor.error().to_string();
  const auto values = tensor->as<float>();
  ASSERT_EQ(values.size(), 6U);
  EXPECT_EQ(values[0], 1.5F);
  EXPECT_TRUE(std::isnan(values[2]));
  EXPECT_EQ(values[4], 0.1F);
}

TEST_F(VectorWriterTest, safetensors_holds_the_same) {
  const auto file = read_safetensors(write("v.safetensors"));
  ASSERT_TRUE(file) << file.error().to_string();
  const auto values = file->tensors.at("embeddings").as<float>();
  ASSERT_EQ(values.size(), 6U);
  EXPECT_TRUE(std::isnan(values[3]));
  EXPECT_EQ(values[5], 1e-20F);
}

TEST_F(VectorWriterTest, jsonl_names_each_row_and_says_why_one_failed) {
  const auto lines = lines_of(write("v.jsonl"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], R"({"row":10,"source":"a.txt","line":1,"embedding":[1.5,-2]})");
  EXPECT_EQ(lines[1],
            "{\"row\":11,\"source\":\"a \\\"b\\\".txt\",\"line\":2,\"id\":\"x\xEF\xBF\xBD\",\"embedding\":null,"
            "\"error\":{\"code\":\"corrupt\",\"message\":\"a.txt:2: bad (mend it)\"}}");
  const auto third = parse_json(lines[2], "line");
  EXPECT_EQ((*third)["embedding"][0].get<float>(), 0.1F);
  EXPECT_EQ((*third)["id"], "y");
}

TEST_F(VectorWriterTest, without_commit_nothing_is_left) {
  for (const char* name : {"v.npy", "v.jsonl", "v.safetensors"}) {
    auto writer = create_vector_writer(folder / name, {.format = VectorFormat::kAuto, .dim = 2, .row_first = 0});
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->append(std::span(rows).first(1), std::vector<float>{1.0F, 2.0F}));
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(VectorWriterTest, format_follows_the_extension) {
  EXPECT_EQ(vector_format_of("a/b.npy").value(), VectorFormat::kNpy);
  EXPECT_EQ(vector_format_of("b.NPY").value(), VectorFormat::kNpy);
  EXPECT_EQ(vector_format_of("b.ndjson").value(), VectorFormat::kJsonl);
  EXPECT_EQ(vector_format_of("b.safetensors").value(), VectorFormat::kSafetensors);
  for (const char* name : {"b", "b.txt", "npy", "b.npy.gz"}) {
    const auto format = vector_format_of(name);
    EXPECT_EQ(format.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(format.error().message, AllOf(HasSubstr(name), HasSubstr(".safetensors")));
  }
}

TEST_F(VectorWriterTest, stream_is_written_at_once) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto writer = make_stream_vector_writer(ends[1], {.format = VectorFormat::kJsonl, .dim = 1, .row_first = 0});
  ASSERT_TRUE(writer->append(std::span(rows).first(1), std::vector<float>{2.5F}));
  char text[256];
  const auto n = ::read(ends[0], text, sizeof text);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(n)),
            "{\"row\":0,\"source\":\"a.txt\",\"line\":1,\"embedding\":[2.5]}\n");
  ::close(ends[0]);
  ::close(ends[1]);
  const auto closed = writer->append(std::span(rows).first(1), std::vector<float>{2.5F});
  EXPECT_EQ(closed.error().code, ErrorCode::kIo);
  EXPECT_THAT(closed.error().message, HasSubstr("stdout"));
}

TEST_F(VectorWriterTest, rows_file_tells_what_became_of_each_row_and_sums_up) {
  auto writer = RowsWriter::create(folder / "v.rows.jsonl", 7);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append(rows));
  EXPECT_EQ(writer->summary(),
            (RowsSummary{.row_count = 3, .failed_row_count = 1, .truncated_row_count = 1, .token_count = 260}));
  ASSERT_TRUE(writer->commit());
  EXPECT_THAT(
      lines_of(folder / "v.rows.jsonl"),
      ElementsAre(R"({"row":7,"source":"a.txt","line":1,"tokens":4,"tokens_used":4,"truncated":false})",
                  AllOf(HasSubstr("\"row\":8"), HasSubstr("\"error\":{\"code\":\"corrupt\""), HasSubstr("mend it")),
                  R"({"row":9,"source":"c","line":9,"id":"y","tokens":300,"tokens_used":256,"truncated":true})",
                  R"({"summary":{"rows":3,"failed":1,"truncated":1,"tokens":260}})"));
}

TEST(JsonText, strings_are_escaped_and_always_utf8) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  };
  EXPECT_EQ(quoted("a\"\\\n\r\t\x01\x7F"), "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\"");
  EXPECT_EQ(quoted(std::string_view("\0", 1)), "\"\\u0000\"");
  EXPECT_EQ(quoted("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
  // Overlong, surrogate, past U+10FFFF, cut short, stray continuation.
  for (const char* bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"}) {
    const std::string out = quoted(bad);
    EXPECT_NE(out.find("\xEF\xBF\xBD"), std::string::npos);
    EXPECT_TRUE(parse_json(out, "test")) << out;
  }
}

TEST(JsonText, floats_read_back_as_the_same_bits) {
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    std::string out;
    append_json_floats(out, std::vector<float>{value});
    if (!std::isfinite(value)) {
      EXPECT_EQ(out, "[null]");
      continue;
    }
    float back = 0.0F;
    std::from_chars(out.data() + 1, out.data() + out.size() - 1, back);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back), std::bit_cast<std::uint32_t>(value)) << out;
  }
}

}  // namespace
}  // namespace asterism
