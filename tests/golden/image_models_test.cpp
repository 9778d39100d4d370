// Embeddings, logits and inner layers of tiny image models against the libraries that made them, element by element, on
// both backends (tools/goldens/image_models_record.py makes the recordings and says where the tolerance comes from).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "models/image_family.hpp"
#include "openvino/openvino_backend.hpp"
#include "reference/reference_backend.hpp"
#include "weights/checkpoint.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

const auto case_name = [](const auto& test) { return test.param.name; };

const std::filesystem::path kFolder = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/image_models";

struct GoldenValue {
  std::string name;
  Shape shape;
  std::size_t step = 1;  // every step-th element was kept
  double tolerance = 0.0;
};

struct GoldenCase {
  std::string name;
  std::string family;
  std::string dialect;
  std::string weights;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<GoldenValue> values;
};

std::vector<GoldenCase> golden_cases() {
  const Json manifest = read_json_file(kFolder / "manifest.json").value();
  std::vector<GoldenCase> cases;
  for (const Json& entry : manifest["cases"]) {
    GoldenCase& golden = cases.emplace_back();
    golden.name = entry["name"].get<std::string>();
    golden.family = entry["family"].get<std::string>();
    golden.dialect = entry["dialect"].get<std::string>();
    golden.weights = entry["weights"].get<std::string>();
    golden.height = entry["height"].get<std::int64_t>();
    golden.width = entry["width"].get<std::int64_t>();
    for (const Json& value : entry["values"]) {
      golden.values.push_back({value["value"].get<std::string>(), value["shape"].get<Shape>(),
                               value["step"].get<std::size_t>(), value["tolerance"].get<double>()});
    }
  }
  return cases;
}

// `changes` are merged into the configuration (RFC 7396).
Result<ImageModel> build(const GoldenCase& golden, const Json& changes) {
  const std::filesystem::path folder = kFolder / golden.name;
  auto tensors = read_checkpoint_file(folder / golden.weights);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  Json config;
  if (std::filesystem::exists(folder / "config.json")) {
    config = read_json_file(folder / "config.json").value();
    config.merge_patch(changes);
  }
  return build_image_model({std::move(config), std::move(*tensors), folder.string(), golden.weights},
                           {golden.height, golden.width});
}

// What stands for the recorded bytes: (b - 128) / 64.
Tensor input_of(const Tensor& bytes) {
  Tensor pixels(DType::kF32, bytes.shape());
  std::ranges::transform(bytes.as<std::uint8_t>(), pixels.mutable_as<float>().begin(),
                         [](std::uint8_t byte) { return (static_cast<float>(byte) - 128.0F) / 64.0F; });
  return pixels;
}

struct Outputs {
  std::vector<Tensor> ours;
  std::map<std::string, Tensor> expected;
};

Result<Outputs> run(const GoldenCase& golden, const Backend& backend, const CompileOptions& options = {},
                    const Json& changes = Json::object()) {
  auto model = build(golden, changes);
  if (!model) {
    return std::unexpected(model.error());
  }
  EXPECT_EQ(model->family, golden.family);
  EXPECT_EQ(model->dialect, golden.dialect);
  std::vector<std::string> names;
  for (const GoldenValue& value : golden.values) {
    names.push_back(value.name);
  }
  const auto graph = model->graph.cut(names);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const auto executable = backend.compile(*graph, model->parameters, options);
  if (!executable) {
    return std::unexpected(executable.error());
  }
  Outputs outputs;
  outputs.expected = read_safetensors(kFolder / golden.name / "expected.safetensors").value().tensors;
  auto ours = (*executable)->run({{std::string(kImageInput), input_of(outputs.expected.at("input"))}});
  if (!ours) {
    return std::unexpected(ours.error());
  }
  outputs.ours = std::move(*ours);
  return outputs;
}

// Largest |difference| over tolerance of one output; infinity for another shape or NaN.
double ratio(const GoldenValue& value, const Tensor& ours, const Tensor& wanted) {
  if (ours.shape() != value.shape) {
    return INFINITY;
  }
  double worst = 0.0;
  for (std::size_t k = 0; k < wanted.element_count(); ++k) {
    const double difference =
        std::abs(static_cast<double>(ours.as<float>()[k * value.step]) - static_cast<double>(wanted.as<float>()[k]));
    worst = std::max(worst, std::isnan(difference) ? INFINITY : difference / value.tolerance);
  }
  return worst;
}

const GoldenValue* find_value(const GoldenCase& golden, std::string_view name) {
  const auto it = std::ranges::find(golden.values, name, &GoldenValue::name);
  return it == golden.values.end() ? nullptr : &*it;
}

class ImageModelGolden : public testing::TestWithParam<GoldenCase> {};

TEST_P(ImageModelGolden, every_output_is_within_the_noise_of_the_original) {
  const std::array backends{make_reference_backend(), make_openvino_backend()};
  for (const auto& backend : backends) {
    const auto outputs = run(GetParam(), *backend);
    ASSERT_TRUE(outputs) << backend->name() << ": " << outputs.error().to_string();
    for (std::size_t i = 0; i < GetParam().values.size(); ++i) {
      const GoldenValue& value = GetParam().values[i];
      EXPECT_LE(ratio(value, outputs->ours[i], outputs->expected.at(value.name)), 1.0)
          << backend->name() << ": " << value.name << ": found " << shape_to_string(outputs->ours[i].shape())
          << ", expected " << shape_to_string(value.shape);
    }
  }
}

// bfloat16 keeps 8 bits of a value: each of the few dozen layers adds about 2^-9 of noise, which turns a vector by some
// degrees at most. 0.99 is 8 degrees; a wrong layer gives far less (see the ablations, which change the vector by
// more).
TEST_P(ImageModelGolden, the_vector_keeps_its_direction_in_bf16) {
  const GoldenValue* value = find_value(GetParam(), kPenultimate);
  ASSERT_NE(value, nullptr);
  const auto outputs = run(GetParam(), *make_openvino_backend(), {.precision = ComputePrecision::kBF16});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const Tensor& ours = outputs->ours[static_cast<std::size_t>(value - GetParam().values.data())];
  const Tensor& wanted = outputs->expected.at(value->name);
  double dot = 0.0;
  double own = 0.0;
  double other = 0.0;
  for (std::size_t k = 0; k < wanted.element_count(); ++k) {
    const double a = static_cast<double>(ours.as<float>()[k * value->step]);
    const double b = static_cast<double>(wanted.as<float>()[k]);
    dot += a * b;
    own += a * a;
    other += b * b;
  }
  EXPECT_GE(dot / std::sqrt(own * other), 0.99);
}

INSTANTIATE_TEST_SUITE_P(All, ImageModelGolden, testing::ValuesIn(golden_cases()), case_name);

TEST(ImageModelGoldens, cover_every_family) {
  std::vector<std::string> families;
  for (const GoldenCase& golden : golden_cases()) {
    families.push_back(golden.family);
  }
  for (const std::string_view family : image_families()) {
    if (family == "autoencoder") {
      continue;  // recorded in learnt_models, both forms of it
    }
    EXPECT_GT(std::ranges::count(families, family), 0) << family;
  }
}

TEST(ImageModelGoldens, have_the_vector_and_four_inner_layers_in_every_case) {
  for (const GoldenCase& golden : golden_cases()) {
    std::size_t inner = 0;
    for (const GoldenValue& value : golden.values) {
      inner += value.name != kPenultimate && value.name != kLogits && value.name != kForwardFeatures ? 1U : 0U;
    }
    EXPECT_GE(inner, 4U) << golden.name;
    EXPECT_EQ(std::ranges::count(golden.values, std::string(kPenultimate), &GoldenValue::name), 1) << golden.name;
  }
}

// What the tolerance is worth: one wrong setting and the same comparison fails.
struct Ablation {
  std::string name;
  std::string golden;
  std::string changes;
};

class ImageModelAblation : public testing::TestWithParam<Ablation> {};

TEST_P(ImageModelAblation, is_far_outside_the_tolerance) {
  const auto cases = golden_cases();
  const auto golden = std::ranges::find(cases, GetParam().golden, &GoldenCase::name);
  ASSERT_NE(golden, cases.end());
  const Json changes = parse_json(GetParam().changes, GetParam().name).value();
  const auto outputs = run(*golden, *make_openvino_backend(), {}, changes);
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const GoldenValue* value = find_value(*golden, kPenultimate);
  ASSERT_NE(value, nullptr);
  const auto index = static_cast<std::size_t>(value - golden->values.data());
  EXPECT_GT(ratio(*value, outputs->ours[index], outputs->expected.at(value->name)), 3.0);
}

INSTANTIATE_TEST_SUITE_P(
    All, ImageModelAblation,
    testing::Values(Ablation{"stride_in_the_second_unit", "resnet_transformers_first_unit",
                             R"({"downsample_in_bottleneck": false})"},
                    Ablation{"activation_of_resnet", "resnet_transformers_basic", R"({"hidden_act": "relu"})"},
                    Ablation{"padding_of_tensorflow", "efficientnet_timm_tf", R"({"model_args": {"pad_type": ""}})"},
                    Ablation{"epsilon_of_tensorflow", "efficientnet_timm_tf", R"({"model_args": {"bn_eps": 1e-5}})"},
                    Ablation{"activation_of_lite", "efficientnet_timm_lite", R"({"architecture": "efficientnet_b0"})"},
                    Ablation{"padding_of_strided_blocks", "efficientnet_transformers", R"({"depthwise_padding": []})"},
                    Ablation{"epsilon_of_efficientnet", "efficientnet_transformers", R"({"batch_norm_eps": 1e-5})"},
                    Ablation{"activation_of_mobilenet", "mobilenetv3_timm_minimal",
                             R"({"architecture": "tf_mobilenetv3_small_100"})"},
                    Ablation{"activation_of_convnext", "convnext_transformers", R"({"hidden_act": "gelu_new"})"},
                    Ablation{"epsilon_of_convnext", "convnext_timm", R"({"model_args": {"norm_eps": 1e-3}})"},
                    Ablation{"activation_of_lenet", "lenet_tanh", R"({"activation": "sigmoid"})"},
                    Ablation{"pooling_of_lenet", "lenet_relu", R"({"pooling": "avg"})"}),
    case_name);

}  // namespace
}  // namespace asterism
