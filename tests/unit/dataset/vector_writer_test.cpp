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
#include "scratch_folder.hpp"
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

  ScratchFolder scratch_{"writer"};
  fs::path folder = scratch_.path();
  std::vector<RowOutcome> rows{
      {.source = "a.txt", .line = 1, .id = "", .token_count_given = 4, .token_count_used = 4},
      {.source = "a \"b\".txt",
       .line = 2,
       .id = "x\xFF",
       .token_count_given = 0,
       .token_count_used = 0,
       .error = Error{ErrorCode::kCorrupt, "a.txt:2: bad", "mend it"}},
      {.source = "c", .line = 9, .id = "y", .token_count_given = 300, .token_count_used = 256}};
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

// Two outputs: a map [2, 1, 2] and two pooled values.
VectorWriterOptions map_and_pooled() {
  return {.format = VectorFormat::kAuto,
          .dim = 6,
          .outputs = {{.name = "layer4", .shape = {2, 1, 2}, .offset = 0, .size = 4},
                      {.name = "pool", .shape = {2}, .offset = 4, .size = 2}}};
}

const std::vector<float> kMapAndPooled{1, 2, 3, 4, 5, 6, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN};

TEST_F(VectorWriterTest, rows_of_one_output_keep_its_shape) {
  for (const std::size_t i : {0U, 1U}) {
    VectorWriterOptions options = map_and_pooled();
    options.outputs = {options.outputs[i]};
    for (const char* name : {"v.npy", "v.safetensors", "v.jsonl"}) {
      auto writer = create_vector_writer(folder / name, options);
      ASSERT_TRUE(writer) << writer.error().to_string();
      ASSERT_TRUE((*writer)->append(std::span(rows).first(2), kMapAndPooled));
      ASSERT_TRUE((*writer)->commit());
    }
    const auto npy = read_npy(folder / "v.npy");
    ASSERT_TRUE(npy) << npy.error().to_string();
    EXPECT_EQ(npy->shape(), i == 0 ? (Shape{2, 2, 1, 2}) : (Shape{2, 2}));
    EXPECT_EQ(npy->as<float>()[1], i == 0 ? 2.0F : 6.0F);
    const auto safetensors = read_safetensors(folder / "v.safetensors");
    EXPECT_EQ(safetensors->tensors.at("embeddings").shape(), npy->shape());
    EXPECT_THAT(lines_of(folder / "v.jsonl")[0], HasSubstr(i == 0 ? "\"embedding\":[[[1,2]],[[3,4]]]}" : ":[5,6]}"));
  }
}

TEST_F(VectorWriterTest, several_outputs_are_tensors_of_a_file_or_members_of_a_line) {
  for (const char* name : {"v.safetensors", "v.jsonl"}) {
    auto writer = create_vector_writer(folder / name, map_and_pooled());
    ASSERT_TRUE(writer) << writer.error().to_string();
    ASSERT_TRUE((*writer)->append(std::span(rows).first(1), std::span(kMapAndPooled).first(6)));
    ASSERT_TRUE((*writer)->append(std::span(rows).subspan(1, 1), std::span(kMapAndPooled).last(6)));
    ASSERT_TRUE((*writer)->commit());
  }
  const auto file = read_safetensors(folder / "v.safetensors");
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->tensors.at("layer4").shape(), (Shape{2, 2, 1, 2}));
  EXPECT_EQ(file->tensors.at("pool").as<float>()[1], 6.0F);
  EXPECT_TRUE(std::isnan(file->tensors.at("pool").as<float>()[3]));
  const auto lines = lines_of(folder / "v.jsonl");
  EXPECT_THAT(lines[0], HasSubstr(R"("embeddings":{"layer4":[[[1,2]],[[3,4]]],"pool":[5,6]}})"));
  EXPECT_THAT(lines[1], HasSubstr(R"("embeddings":null,"error")"));
  EXPECT_EQ(create_vector_writer(folder / "v.npy", map_and_pooled()).error().code, ErrorCode::kInvalidArgument);
  VectorWriterOptions wrong = map_and_pooled();
  wrong.outputs[1].size = 3;
  EXPECT_EQ(create_vector_writer(folder / "w.jsonl", wrong).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(VectorWriterTest, rows_file_tells_the_size_of_an_image_and_no_line) {
  auto writer = RowsWriter::create(folder / "v.rows.jsonl", 0);
  ASSERT_TRUE(writer);
  const std::vector<RowOutcome> images{
      {.source = "p/a.jpg", .kind = PayloadKind::kImage, .image_width = 640, .image_height = 480},
      {.source = "p/b.jpg", .kind = PayloadKind::kImage, .error = Error{ErrorCode::kCorrupt, "p/b.jpg: bad", {}}}};
  ASSERT_TRUE(writer->append(images));
  ASSERT_TRUE(writer->commit());
  EXPECT_THAT(lines_of(folder / "v.rows.jsonl"),
              ElementsAre(R"({"row":0,"source":"p/a.jpg","width":640,"height":480})",
                          R"({"row":1,"source":"p/b.jpg","error":{"code":"corrupt","message":"p/b.jpg: bad"}})",
                          R"({"summary":{"rows":2,"failed":1,"truncated":0,"tokens":0}})"));
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
