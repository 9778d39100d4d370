#include "dataset/tensor_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "dataset/row_source.hpp"
#include "temporary_folder.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

class TensorRowsTest : public FolderTest {
 protected:
  static Tensor counting(DType dtype, Shape shape) {
    Tensor tensor(dtype, std::move(shape));
    for (std::size_t i = 0; i < tensor.element_count(); ++i) {
      const auto value = static_cast<float>(i);
      if (dtype == DType::kF32) {
        tensor.mutable_as<float>()[i] = value;
      } else if (dtype == DType::kF16) {
        tensor.mutable_as<std::uint16_t>()[i] = f32_to_f16(value);
      } else if (dtype == DType::kBF16) {
        tensor.mutable_as<std::uint16_t>()[i] = f32_to_bf16(value);
      }
    }
    return tensor;
  }
  std::string safetensors(const std::string& name, const std::vector<NamedTensor>& tensors) const {
    EXPECT_TRUE(write_safetensors(folder / name, tensors));
    return at(name);
  }
  std::string npy(const std::string& name, std::size_t row_count, Shape row_shape) const {
    const std::size_t size = shape_element_count(row_shape).value() * row_count;
    auto writer = NpyRowsWriter::create(folder / name, std::move(row_shape));
    std::vector<float> values(size);
    std::iota(values.begin(), values.end(), 0.0F);
    EXPECT_TRUE(writer->append(values));
    EXPECT_TRUE(writer->commit());
    return at(name);
  }
  static Error error_of(const std::string& path, const std::string& tensor = {}) {
    const auto opened = open_tensor_rows(path, tensor);
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
};

TEST_F(TensorRowsTest, rows_of_each_type_and_format_come_as_f32) {
  const Shape shape{3, 3, 2, 4};
  std::vector<std::string> paths{npy("a.npy", 3, {3, 2, 4})};
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    paths.push_back(safetensors(std::string(dtype_name(dtype)) + ".safetensors",
                                {{"pixel_values", counting(dtype, shape)}, {"labels", counting(DType::kF32, {3})}}));
  }
  auto reader = open_row_source({.inputs = paths, .kind = InputKind::kTensor});
  ASSERT_TRUE(reader) << reader.error().to_string();
  EXPECT_EQ((*reader)->kind(), PayloadKind::kTensor);
  for (const std::string& path : paths) {
    for (std::uint64_t line = 1; line <= 3; ++line) {
      const auto row = (*reader)->next().value();
      ASSERT_TRUE(row);
      EXPECT_EQ(row->source, path);
      EXPECT_EQ(row->line, line);
      ASSERT_TRUE(row->payload.tensor);
      EXPECT_EQ(row->payload.tensor->dtype(), DType::kF32);
      EXPECT_EQ(row->payload.tensor->shape(), (Shape{3, 2, 4}));
      EXPECT_EQ(row->payload.tensor->as<float>()[5], static_cast<float>(24 * (line - 1) + 5));
    }
  }
  EXPECT_FALSE((*reader)->next().value());
  EXPECT_DOUBLE_EQ((*reader)->position().done, (*reader)->position().total);
}

TEST_F(TensorRowsTest, reading_goes_on_at_a_mark) {
  const RowSourceOptions options{.inputs = {npy("a.npy", 3, {1, 1, 2}), npy("b.npy", 2, {1, 1, 2})},
                                 .kind = InputKind::kTensor};
  auto first = open_row_source(options);
  std::vector<RowMark> marks{(*first)->mark()};
  while ((*first)->next().value()) {
    marks.push_back((*first)->mark());
  }
  ASSERT_EQ(marks.size(), 6U);
  for (std::size_t i = 0; i < marks.size(); ++i) {
    auto reader = open_row_source(options);
    ASSERT_TRUE((*reader)->skip_to(marks[i]).value());
    std::size_t count = i;
    while (auto row = (*reader)->next().value()) {
      EXPECT_EQ(row->payload.tensor->as<float>()[0], static_cast<float>(2 * (count < 3 ? count : count - 3)));
      ++count;
    }
    EXPECT_EQ(count, 5U);
  }
}

TEST_F(TensorRowsTest, other_arrays_are_refused_with_what_they_are) {
  EXPECT_THAT(error_of(npy("flat.npy", 3, {2})).message, HasSubstr("found [3, 2]"));
  EXPECT_THAT(error_of(npy("one.npy", 3, {2, 2})).hint, HasSubstr("first dimension"));
  EXPECT_THAT(error_of(safetensors("u8.safetensors", {{"x", Tensor(DType::kU8, {1, 3, 2, 2})}})).to_string(),
              testing::AllOf(HasSubstr("u8"), HasSubstr("pixels")));
  const std::string two = safetensors(
      "two.safetensors", {{"a", counting(DType::kF32, {1, 3, 2, 2})}, {"b", counting(DType::kF32, {2, 3, 2, 2})}});
  EXPECT_THAT(error_of(two).to_string(), testing::AllOf(HasSubstr("found 2: a, b"), HasSubstr("--column")));
  EXPECT_TRUE(open_tensor_rows(two, "b"));
  EXPECT_EQ(error_of(two, "c").code, ErrorCode::kNotFound);
  EXPECT_THAT(error_of(write("x.jpg", "no array at all")).hint, HasSubstr("--preprocessed"));
  EXPECT_EQ(error_of(at("none.npy")).code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace asterism
