#include <gtest/gtest.h>

#include <vector>

#include "support.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

std::vector<float> values(const Tensor& tensor) {
  const Tensor wide = tensor.to_f32();
  const auto span = wide.as<float>();
  return {span.begin(), span.end()};
}

TEST(SafetensorsRead, every_dtype_of_the_original_library_comes_back) {
  const auto file = read_safetensors(golden_folder() / "every_dtype.safetensors");
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(file->tensors.size(), 13U);
  struct Expected {
    const char* name;
    DType dtype;
    Shape shape;
    std::vector<float> values;
  };
  const std::vector<Expected> expected{{"a.f64", DType::kF64, {2, 3}, {0, 1, 2, 3, 4, 5}},
                                       {"b.f32", DType::kF32, {3, 2}, {0, 1, 2, 3, 4, 5}},
                                       {"c.f16", DType::kF16, {5}, {0, 1, 2, 3, 4}},
                                       {"d.bf16", DType::kBF16, {4}, {0, 1, 2, 3}},
                                       {"e.i64", DType::kI64, {2}, {0, 1}},
                                       {"f.i32", DType::kI32, {3}, {0, 1, 2}},
                                       {"g.i16", DType::kI16, {3}, {0, 1, 2}},
                                       {"h.i8", DType::kI8, {3}, {0, 1, 2}},
                                       {"i.u8", DType::kU8, {3}, {0, 1, 2}},
                                       {"j.bool", DType::kBool, {3}, {1, 0, 1}},
                                       {"k.scalar", DType::kF32, {}, {2.5F}},
                                       {"l.empty", DType::kF32, {0, 4}, {}},
                                       {"ä/名", DType::kF32, {1}, {0}}};
  for (const Expected& e : expected) {
    ASSERT_TRUE(file->tensors.contains(e.name)) << e.name;
    const Tensor& tensor = file->tensors.at(e.name);
    EXPECT_EQ(tensor.dtype(), e.dtype) << e.name;
    EXPECT_EQ(tensor.shape(), e.shape) << e.name;
    EXPECT_EQ(values(tensor), e.values) << e.name;
  }
}

TEST(SafetensorsRead, file_without_metadata_or_tensors_is_read) {
  const auto plain = read_safetensors(golden_folder() / "plain.safetensors");
  ASSERT_TRUE(plain) << plain.error().to_string();
  EXPECT_TRUE(plain->metadata.empty());
  const auto none = read_safetensors(golden_folder() / "no_tensors.safetensors");
  ASSERT_TRUE(none) << none.error().to_string();
  EXPECT_TRUE(none->tensors.empty());
}

TEST(SafetensorsRead, tensor_outlives_the_file_object_and_the_directory_entry) {
  const ScratchFolder folder;
  std::filesystem::copy_file(golden_folder() / "plain.safetensors", folder / "w.safetensors");
  Tensor kept;
  {
    const auto file = read_safetensors(folder / "w.safetensors");
    ASSERT_TRUE(file);
    kept = file->tensors.at("w");
  }
  std::filesystem::remove(folder / "w.safetensors");
  EXPECT_EQ(values(kept), (std::vector<float>{0, 1}));
}

TEST(SafetensorsRead, unaligned_data_is_read) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  for (std::size_t padding = 0; padding < 8; ++padding) {
    const auto bytes = std::make_shared<std::string>(safetensors_bytes(header + std::string(padding, ' '), 0));
    *bytes += std::string("\x00\x00\x20\x40", 4);  // 2.5
    const auto file = parse_safetensors(std::as_bytes(std::span(*bytes)), bytes, "memory");
    ASSERT_TRUE(file) << file.error().to_string();
    EXPECT_EQ(values(file->tensors.at("w")), (std::vector<float>{2.5F}));
  }
}

TEST(SafetensorsRead, order_of_keys_need_not_be_the_order_of_bytes) {
  const auto bytes = std::make_shared<std::string>(safetensors_bytes(
      R"({"a":{"data_offsets":[2,4],"shape":[2],"dtype":"U8"},"z":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
      4));
  EXPECT_TRUE(parse_safetensors(std::as_bytes(std::span(*bytes)), bytes, "memory"));
}

TEST(SafetensorsRead, missing_file_folder_and_pipe_are_errors_that_name_the_path) {
  const ScratchFolder folder;
  const auto missing = read_safetensors(folder / "none.safetensors");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("none.safetensors"), std::string::npos);
  const auto directory = read_safetensors(folder.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism
