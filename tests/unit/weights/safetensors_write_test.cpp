#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "file_size_limit.hpp"
#include "support.hpp"
#include "weights/safetensors.hpp"
#include "weights/safetensors_writer.hpp"

namespace asterism {
namespace {

Tensor bytes_tensor(DType dtype, Shape shape) {
  Tensor tensor(dtype, std::move(shape));
  const auto bytes = tensor.mutable_as<std::byte>().data();
  for (std::size_t i = 0; i < tensor.bytes().size(); ++i) {
    bytes[i] = static_cast<std::byte>(i * 7 + 1);
  }
  return tensor;
}

TEST(SafetensorsWrite, what_was_read_is_written_back_byte_for_byte) {
  for (const char* name : {"every_dtype.safetensors", "plain.safetensors", "no_tensors.safetensors"}) {
    const ScratchFolder folder;
    const auto file = read_safetensors(golden_folder() / name);
    ASSERT_TRUE(file);
    std::vector<NamedTensor> tensors;
    for (const auto& [key, tensor] : file->tensors) {
      tensors.push_back({key, tensor});
    }
    const auto written = write_safetensors(folder / "out.safetensors", tensors, file->metadata);
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_EQ(slurp(folder / "out.safetensors"), slurp(golden_folder() / name)) << name;
  }
}

TEST(SafetensorsWrite, every_dtype_and_bit_survives_the_round_trip) {
  const ScratchFolder folder;
  std::vector<NamedTensor> tensors;
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kI64, DType::kI32, DType::kI16,
                            DType::kI8, DType::kU8, DType::kBool}) {
    tensors.push_back({std::string(dtype_name(dtype)), bytes_tensor(dtype, {3, 5})});
    tensors.push_back({std::string(dtype_name(dtype)) + ".empty", bytes_tensor(dtype, {0})});
  }
  ASSERT_TRUE(write_safetensors(folder / "x", tensors, {{"a \"quoted\"\nkey", "ä"}}));
  const auto file = read_safetensors(folder / "x");
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->metadata.at("a \"quoted\"\nkey"), "ä");
  ASSERT_EQ(file->tensors.size(), tensors.size());
  for (const NamedTensor& t : tensors) {
    const Tensor& back = file->tensors.at(t.name);
    EXPECT_EQ(back.dtype(), t.tensor.dtype());
    EXPECT_EQ(back.shape(), t.tensor.shape());
    EXPECT_TRUE(std::ranges::equal(back.bytes(), t.tensor.bytes())) << t.name;
  }
}

TEST(SafetensorsWrite, names_that_would_not_read_back_are_refused) {
  const ScratchFolder folder;
  const Tensor tensor = bytes_tensor(DType::kU8, {1});
  for (const std::vector<NamedTensor>& tensors : std::vector<std::vector<NamedTensor>>{
           {{"w", tensor}, {"w", tensor}}, {{"__metadata__", tensor}}, {{"\xFF", tensor}}}) {
    const auto written = write_safetensors(folder / "x", tensors);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(folder.entry_count(), 0U);
}

TEST(SafetensorsWrite, full_disk_is_an_error_and_leaves_the_old_file) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_safetensors(folder / "x", {{"w", bytes_tensor(DType::kU8, {8})}}));
  const std::string before = slurp(folder / "x");
  {
    const FileSizeLimit limit(4096);
    const auto written = write_safetensors(folder / "x", {{"w", bytes_tensor(DType::kU8, {8192})}});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kIo);
    EXPECT_NE(written.error().message.find((folder / "x").string()), std::string::npos);
  }
  EXPECT_EQ(slurp(folder / "x"), before);
  EXPECT_EQ(folder.entry_count(), 1U);
}

TEST(SafetensorsRows, streamed_rows_read_back_as_one_matrix) {
  const ScratchFolder folder;
  for (const std::int64_t row_count : {0, 1, 1000}) {
    auto writer = SafetensorsRowsWriter::create(folder / "x.safetensors", {{"embeddings", {3}}}, {{"model", "m"}});
    ASSERT_TRUE(writer) << writer.error().to_string();
    std::vector<float> all(static_cast<std::size_t>(row_count) * 3);
    std::iota(all.begin(), all.end(), 0.5F);
    const std::span<const float> rows(all);
    const std::size_t half = rows.size() / 6 * 3;
    ASSERT_TRUE(writer->append(0, rows.first(half)));
    ASSERT_TRUE(writer->append(0, rows.subspan(half)));
    EXPECT_EQ(writer->row_count(), row_count);
    ASSERT_TRUE(writer->commit());
    const auto file = read_safetensors(folder / "x.safetensors");
    ASSERT_TRUE(file) << file.error().to_string();
    EXPECT_EQ(file->metadata.at("model"), "m");
    const Tensor& tensor = file->tensors.at("embeddings");
    EXPECT_EQ(tensor.shape(), (Shape{row_count, 3}));
    EXPECT_TRUE(std::ranges::equal(tensor.as<float>(), all));
    // Rows of float32 in a mapping are aligned: the data section starts at a multiple of 8.
    EXPECT_EQ((std::filesystem::file_size(folder / "x.safetensors") - all.size() * 4) % 8, 0U);
  }
}

TEST(SafetensorsRows, several_tensors_grow_together_and_lie_one_after_the_other) {
  const ScratchFolder folder;
  auto writer = SafetensorsRowsWriter::create(folder / "x.safetensors", {{"map", {2, 1, 2}}, {"pooled", {3}}});
  ASSERT_TRUE(writer) << writer.error().to_string();
  for (int i = 0; i < 5; ++i) {
    const auto base = static_cast<float>(10 * i);
    ASSERT_TRUE(writer->append(0, std::vector<float>{base, base + 1, base + 2, base + 3}));
    ASSERT_TRUE(writer->append(1, std::vector<float>{base + 4, base + 5, base + 6}));
  }
  EXPECT_EQ(folder.entry_count(), 1U);  // what waits for its place has no name
  ASSERT_TRUE(writer->commit());
  const auto file = read_safetensors(folder / "x.safetensors");
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->tensors.at("map").shape(), (Shape{5, 2, 1, 2}));
  EXPECT_EQ(file->tensors.at("pooled").shape(), (Shape{5, 3}));
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(file->tensors.at("map").as<float>()[4 * i + 3], static_cast<float>(10 * i + 3));
    EXPECT_EQ(file->tensors.at("pooled").as<float>()[3 * i], static_cast<float>(10 * i + 4));
  }
}

TEST(SafetensorsRows, tensors_of_different_row_counts_or_equal_names_are_refused) {
  const ScratchFolder folder;
  auto writer = SafetensorsRowsWriter::create(folder / "x.safetensors", {{"a", {1}}, {"b", {1}}});
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append(1, std::vector<float>{1}));
  EXPECT_EQ(writer->commit().error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(SafetensorsRowsWriter::create(folder / "x", {{"a", {1}}, {"a", {1}}}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(SafetensorsRows, nothing_appears_without_commit) {
  const ScratchFolder folder;
  {
    auto writer = SafetensorsRowsWriter::create(folder / "x.safetensors", {{"embeddings", {2}}});
    ASSERT_TRUE(writer);
    const std::vector<float> row{1, 2};
    ASSERT_TRUE(writer->append(0, row));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.safetensors"));
  }
  EXPECT_EQ(folder.entry_count(), 0U);
}

TEST(SafetensorsRows, partial_rows_and_empty_rows_are_refused) {
  const ScratchFolder folder;
  const auto none = SafetensorsRowsWriter::create(folder / "x", {{"embeddings", {0}}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
  auto writer = SafetensorsRowsWriter::create(folder / "x", {{"embeddings", {2}}});
  ASSERT_TRUE(writer);
  const std::vector<float> odd{1, 2, 3};
  const auto appended = writer->append(0, odd);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(writer->row_count(), 0);
}

TEST(SafetensorsRows, full_disk_fails_append_and_commit_and_leaves_nothing) {
  const ScratchFolder folder;
  {
    auto writer = SafetensorsRowsWriter::create(folder / "x", {{"embeddings", {1}}});
    ASSERT_TRUE(writer);
    const std::vector<float> rows(std::size_t{3} << 20U, 1.0F);  // past the write buffer
    {
      const FileSizeLimit limit(4096);
      const auto appended = writer->append(0, rows);
      ASSERT_FALSE(appended);
      EXPECT_EQ(appended.error().code, ErrorCode::kIo);
    }
    // The space is back, the lost rows are not: the file must never appear.
    EXPECT_FALSE(writer->commit());
  }
  EXPECT_EQ(folder.entry_count(), 0U);
}

}  // namespace
}  // namespace asterism
