// Models in files of their own against what ONNX Runtime and the LiteRT interpreter give for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/json.hpp"
#include "graph/backend_module.hpp"
#include "openvino/openvino_backend.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path golden(const std::string& name) {
  return fs::path(ASTERISM_SOURCE_DIR) / "tests/unit/openvino/golden" / name;
}

Tensor tensor_of(const Json& json) {
  Tensor out(DType::kF32, json.at("shape").get<Shape>());
  std::ranges::copy(json.at("values").get<std::vector<float>>(), out.mutable_as<float>().begin());
  return out;
}

// Rounding of float32 sums in another order, from the largest value: 1e-5 of it.
constexpr float kToleranceOfLargest = 1e-5F;

void expect_near(const Tensor& found, const Tensor& wanted, float tolerance) {
  ASSERT_EQ(found.element_count(), wanted.element_count());
  const auto a = found.as<float>();
  const auto b = wanted.as<float>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], tolerance) << i;
  }
}

float largest(const Tensor& tensor) {
  float out = 0.0F;
  for (const float value : tensor.as<float>()) {
    out = std::max(out, std::abs(value));
  }
  return out;
}

std::unique_ptr<ForeignModel> open(const std::string& name) {
  auto model = open_foreign_model(golden(name));
  EXPECT_TRUE(model) << model.error().to_string();
  return model ? std::move(*model) : nullptr;
}

ForeignCompiled compile(const ForeignModel& model, const ForeignCompileOptions& options) {
  auto compiled = model.compile(options);
  EXPECT_TRUE(compiled) << compiled.error().to_string();
  return compiled ? std::move(*compiled) : ForeignCompiled{};
}

Tensor run(const ForeignCompiled& compiled, const Tensor& images) {
  auto outputs = compiled.executable->run({{std::string(kForeignInputName), images}});
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs ? std::move((*outputs)[0]) : Tensor();
}

struct Case {
  std::string model;
  std::string recorded;
  std::string value;
  std::vector<std::int64_t> row_shape;
  bool one_by_one = false;
  float tolerance = 0.0F;  // 0: kToleranceOfLargest
};

class ForeignGolden : public testing::TestWithParam<Case> {};

TEST_P(ForeignGolden, values_are_those_of_the_format_s_own_runtime) {
  const Case& one = GetParam();
  const auto model = open(one.model);
  ASSERT_NE(model, nullptr);
  const auto recorded = read_json_file(golden(one.recorded + ".json")).value();
  const ForeignCompiled compiled = compile(*model, {.output = one.value, .height = 8, .width = 8});
  ASSERT_NE(compiled.executable, nullptr);
  EXPECT_EQ(compiled.row_shape, one.row_shape);
  EXPECT_EQ(compiled.one_by_one, one.one_by_one);
  const Tensor wanted = tensor_of(recorded.at(one.value));
  const float tolerance = one.tolerance > 0.0F ? one.tolerance : largest(wanted) * kToleranceOfLargest;
  expect_near(run(compiled, tensor_of(recorded.at("input"))), wanted, tolerance);
}

// One code of the quantised model's output is 6 / 255; both runtimes round to codes, and may round a tie apart.
constexpr float kOneCode = 6.0F / 255.0F + 1e-6F;

INSTANTIATE_TEST_SUITE_P(Files, ForeignGolden,
                         testing::Values(Case{"free_batch.onnx", "free_batch", "logits", {5}},
                                         Case{"free_batch.onnx", "free_batch", "/ReduceMean_output_0", {8}},
                                         Case{"free_batch.onnx", "free_batch", "/Relu_output_0", {8, 4, 4}},
                                         Case{"batch_of_one.onnx", "batch_of_one", "logits", {5}},
                                         Case{"batch_of_one.onnx", "batch_of_one", "/Relu_output_0", {8, 4, 4}},
                                         Case{"external/model.onnx", "free_batch", "logits", {5}},
                                         Case{"channels_last.onnx", "channels_last", "vector", {4}, true},
                                         Case{"float.tflite", "float", "vector", {1, 1, 4}},
                                         Case{"float.tflite", "float", "conv", {4, 4, 4}},
                                         Case{"quantised.tflite", "quantised", "vector", {1, 1, 4}, false, kOneCode},
                                         Case{"quantised.tflite", "quantised", "conv", {4, 4, 4}, false, kOneCode}));

TEST(ForeignModel, says_what_is_inside) {
  const auto model = open("free_batch.onnx");
  ASSERT_NE(model, nullptr);
  const ForeignModelInfo& info = model->info();
  EXPECT_EQ(info.format, ForeignFormat::kOnnx);
  ASSERT_EQ(info.inputs.size(), 1U);
  EXPECT_EQ(info.inputs[0].name, "pixels");
  EXPECT_EQ(info.inputs[0].shape, (std::vector<std::int64_t>{kFreeDim, 3, 8, 8}));
  EXPECT_EQ(info.inputs[0].element_type, "f32");
  ASSERT_EQ(info.outputs.size(), 1U);
  EXPECT_EQ(info.outputs[0].name, "logits");
  const auto node = [&](const std::string& name) {
    const auto found = std::ranges::find(info.nodes, name, &ForeignNode::name);
    return found == info.nodes.end() ? ForeignNode{} : *found;
  };
  // 8 filters of 3 x 3 x 3 at 4 x 4 places; then 8 of 3 x 3; then 8 x 5.
  EXPECT_EQ(node("/stem/Conv_output_0").multiply_add_count, 8U * 27 * 16);
  EXPECT_EQ(node("/Add_output_0").multiply_add_count, 8U * 27 * 16 + 8U * 9 * 16);
  EXPECT_EQ(node("logits").multiply_add_count, 8U * 27 * 16 + 8U * 9 * 16 + 40U);
  EXPECT_EQ(node("/Add_output_0").shape, (std::vector<std::int64_t>{1, 8, 4, 4}));
  const auto input = model->image_input(std::nullopt);
  ASSERT_TRUE(input);
  EXPECT_EQ(input->layout, ImageLayout::kChannelsFirst);
  EXPECT_EQ(input->height, 8);
  EXPECT_FALSE(input->quantised);
}

TEST(ForeignModel, tflite_keeps_the_names_of_the_file_and_its_layout) {
  const auto model = open("quantised.tflite");
  ASSERT_NE(model, nullptr);
  std::vector<std::string> names;
  std::ranges::transform(model->info().nodes, std::back_inserter(names), &ForeignNode::name);
  EXPECT_THAT(names, testing::ElementsAre("conv", "vector"));
  EXPECT_EQ(model->info().nodes[0].shape, (std::vector<std::int64_t>{1, 4, 4, 4}));
  EXPECT_EQ(model->info().nodes[0].multiply_add_count, 4U * 27 * 16);
  const auto input = model->image_input(std::nullopt);
  ASSERT_TRUE(input);
  EXPECT_EQ(input->layout, ImageLayout::kChannelsLast);
  EXPECT_TRUE(input->quantised);
  EXPECT_TRUE(compile(*model, {}).dequantised);
}

TEST(ForeignModel, what_lies_behind_a_cut_is_gone) {
  const auto model = open("free_batch.onnx");
  ASSERT_NE(model, nullptr);
  const ForeignCompiled whole = compile(*model, {});
  const ForeignCompiled stem = compile(*model, {.output = "/Relu_output_0"});
  EXPECT_EQ(whole.output, "logits");
  EXPECT_EQ(whole.op_count, whole.op_count_whole);
  EXPECT_EQ(stem.op_count_whole, whole.op_count_whole);
  EXPECT_GT(stem.op_count, 0U);
  EXPECT_LT(stem.op_count, whole.op_count);
  const auto none = model->compile({.output = "/Relu_output_9"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message,
              HasSubstr("free_batch.onnx: expected a value of the model, found no '/Relu_output_9'"));
  EXPECT_THAT(none.error().hint, HasSubstr("near it: /Relu_output_0"));
}

TEST(ForeignModel, batches_give_what_single_images_give) {
  const auto model = open("free_batch.onnx");
  ASSERT_NE(model, nullptr);
  const auto images = tensor_of(read_json_file(golden("free_batch.json")).value().at("input"));
  const ForeignCompiled compiled = compile(*model, {.compile = {.thread_count = 1, .stream_count = 2}});
  const Tensor together = run(compiled, images);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t size = images.bytes().size() / 3;
    const Tensor alone(DType::kF32, {1, 3, 8, 8}, images.bytes().subspan(i * size, size), nullptr);
    const Tensor row(DType::kF32, {1, 5}, together.bytes().subspan(i * 20, 20), nullptr);
    expect_near(run(compiled, alone), row, largest(together) * kToleranceOfLargest);
  }
  EXPECT_EQ(run(compiled, Tensor(DType::kF32, {0, 3, 8, 8})).shape(), (Shape{0, 5}));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { expect_near(run(compiled, images), together, 0.0F); });
  }
}

TEST(ForeignModel, bf16_stays_near) {
  const auto model = open("free_batch.onnx");
  ASSERT_NE(model, nullptr);
  const auto recorded = read_json_file(golden("free_batch.json")).value();
  const ForeignCompiled compiled = compile(*model, {.compile = {.precision = ComputePrecision::kBF16}});
  const Tensor wanted = tensor_of(recorded.at("logits"));
  // bfloat16 keeps 8 bits; three layers of it.
  expect_near(run(compiled, tensor_of(recorded.at("input"))), wanted, largest(wanted) * 0.03F);
}

TEST(ForeignModel, wrong_feeds_are_named) {
  const auto model = open("free_batch.onnx");
  ASSERT_NE(model, nullptr);
  const ForeignCompiled compiled = compile(*model, {});
  const auto message = [&](const std::vector<Feed>& feeds) {
    const auto outputs = compiled.executable->run(feeds);
    return outputs ? std::string("ran") : outputs.error().message;
  };
  EXPECT_THAT(message({}), HasSubstr("expected a feed 'input', found none"));
  EXPECT_THAT(message({{"input", Tensor(DType::kF32, {2, 3, 8, 7})}}),
              HasSubstr("expected images f32 [rows, 3, 8, 8], found f32 [2, 3, 8, 7]"));
  EXPECT_THAT(message({{"input", Tensor(DType::kF32, {3, 8, 8})}}), HasSubstr("found f32 [3, 8, 8]"));
  EXPECT_THAT(message({{"input", Tensor(DType::kU8, {1, 3, 8, 8})}}), HasSubstr("found u8"));
}

TEST(ForeignModel, sizes_that_the_file_leaves_open_must_be_given) {
  const auto model = open("channels_last.onnx");
  ASSERT_NE(model, nullptr);
  const auto open_size = model->compile({});
  ASSERT_FALSE(open_size);
  EXPECT_THAT(open_size.error().message, HasSubstr("channels_last.onnx: expected the height of the image"));
  const auto fixed = open("free_batch.onnx");
  const auto other = fixed->compile({.height = 9, .width = 8});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(other.error().message, HasSubstr("expected the height that the file fixes, 8, found 9"));
  const auto layout = fixed->compile({.layout = ImageLayout::kChannelsLast});
  ASSERT_FALSE(layout);
  EXPECT_THAT(layout.error().message, HasSubstr("expected 3 or 1 channels, found f32 [?, 3, 8, 8]"));
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spill(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

Error refused(const fs::path& path) {
  auto model = open_foreign_model(path);
  EXPECT_FALSE(model) << path;
  return model ? Error{} : model.error();
}

TEST(ForeignFile, what_is_missing_is_named) {
  const ScratchFolder folder;
  EXPECT_EQ(refused(folder / "none.onnx").code, ErrorCode::kNotFound);
  EXPECT_EQ(refused(folder / "none.tflite").code, ErrorCode::kNotFound);
  EXPECT_EQ(refused(folder / "none.pb").code, ErrorCode::kUnsupported);
  fs::copy_file(golden("external/model.onnx"), folder / "model.onnx");
  const Error external = refused(folder / "model.onnx");
  EXPECT_EQ(external.code, ErrorCode::kNotFound);
  EXPECT_THAT(external.message, HasSubstr("model.onnx: expected its weights in model.onnx_data beside it"));
  spill(folder / "model.xml", "<net/>");
  EXPECT_THAT(refused(folder / "model.xml").message, HasSubstr("expected its weights in model.bin beside it"));
}

TEST(ForeignFile, weights_outside_the_folder_are_not_read) {
  const ScratchFolder folder;
  for (const std::string location : {"../../../etc/pwd", "/etc/passwd/xyz", "..", "a/../../x/yyyy"}) {
    std::string bytes = slurp(golden("external/model.onnx"));
    std::string name = "model.onnx_data";
    for (auto at = bytes.find(name); at != std::string::npos; at = bytes.find(name)) {
      std::string padded = location;
      padded.resize(name.size(), '/');
      bytes.replace(at, name.size(), padded);
    }
    spill(folder / "model.onnx", bytes);
    const Error error = refused(folder / "model.onnx");
    EXPECT_EQ(error.code, ErrorCode::kCorrupt) << location;
    EXPECT_THAT(error.message, HasSubstr("expected its weights in files below its own folder")) << location;
  }
}

TEST(ForeignFile, damaged_files_are_errors_that_name_them) {
  const ScratchFolder folder;
  for (const std::string name : {"free_batch.onnx", "float.tflite"}) {
    const std::string bytes = slurp(golden(name));
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{8}, bytes.size() / 2}) {
      spill(folder / name, bytes.substr(0, size));
      // Half a flatbuffer is not handed over: see the test of the verifier below.
      const Error error = refused(folder / name);
      EXPECT_EQ(error.code, ErrorCode::kCorrupt) << name << " " << size;
      EXPECT_THAT(error.message, HasSubstr((folder / name).string()));
    }
  }
  spill(folder / "text.onnx", "no model");
  EXPECT_EQ(refused(folder / "text.onnx").code, ErrorCode::kCorrupt);
}

// Real models where they are: published MobileNets in TensorFlow Lite's format.
TEST(ForeignReal, published_mobilenets_open_and_run) {
  const fs::path data = fs::path(ASTERISM_SOURCE_DIR).parent_path() / "shared/data/vision_weights";
  const struct {
    const char* file;
    const char* value;
    std::int64_t dim;
    bool quantised;
  } models[]{
      {"coral/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite", "", 1024, true},
      {"tflite_support/mobilenet_v1_0.25_224_1_default_1.tflite", "MobilenetV1/Logits/AvgPool_1a/AvgPool", 256, false},
  };
  std::error_code ec;
  if (!fs::is_directory(data, ec)) {
    GTEST_SKIP() << "the published models are not here";
  }
  for (const auto& one : models) {
    auto model = open_foreign_model(data / one.file);
    ASSERT_TRUE(model) << model.error().to_string();
    const ForeignCompiled compiled = compile(**model, {.output = one.value});
    EXPECT_EQ(compiled.input.quantised, one.quantised) << one.file;
    EXPECT_FALSE(compiled.one_by_one) << one.file;
    Tensor images(DType::kF32, {2, 3, 224, 224});
    const auto pixels = images.mutable_as<float>();
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const auto grey = static_cast<float>((i * 7) % 256);
      pixels[i] = one.quantised ? grey : grey / 127.5F - 1.0F;
    }
    const Tensor vectors = run(compiled, images);
    EXPECT_EQ(vectors.element_count(), static_cast<std::size_t>(2 * one.dim)) << one.file;
    EXPECT_GT(largest(vectors), 0.0F) << one.file;
  }
}

}  // namespace
}  // namespace asterism
