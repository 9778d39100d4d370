// What the recordings of vision transformers are worth: every tensor of every checkpoint is needed in its shape, and
// one wrong setting shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "models/image_config.hpp"
#include "models/image_family.hpp"
#include "reference/reference_backend.hpp"
#include "weights/checkpoint.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

const auto case_name = [](const auto& test) { return test.param.name; };

const std::filesystem::path kFolder = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/image_models";

struct Recorded {
  std::string name;
  ImageCheckpoint checkpoint;
  ImageModelOptions options;
  double tolerance = 0.0;  // of the vector
  std::size_t step = 1;
};

Recorded recorded(const Json& entry) {
  Recorded out;
  out.name = entry["name"].get<std::string>();
  const std::filesystem::path folder = kFolder / out.name;
  out.checkpoint.source = out.name;
  out.checkpoint.weight_name = entry["weights"].get<std::string>();
  out.checkpoint.tensors = read_checkpoint_file(folder / out.checkpoint.weight_name).value();
  if (std::filesystem::exists(folder / "config.json")) {
    out.checkpoint.config = read_json_file(folder / "config.json").value();
  }
  out.options = {entry["height"].get<std::int64_t>(), entry["width"].get<std::int64_t>()};
  for (const Json& value : entry["values"]) {
    if (value["value"] == kPenultimate) {
      out.tolerance = value["tolerance"].get<double>();
      out.step = value["step"].get<std::size_t>();
    }
  }
  return out;
}

std::vector<Recorded> all_recorded() {
  const std::vector<std::string> families{
      "vit", "deit", "dinov2", "dinov2_with_registers", "vit_mae", "beit", "data2vec-vision", "swin", "clip", "siglip"};
  const Json manifest = read_json_file(kFolder / "manifest.json").value();
  std::vector<Recorded> all;
  for (const Json& entry : manifest["cases"]) {
    if (std::ranges::count(families, entry["family"].get<std::string>()) > 0) {
      all.push_back(recorded(entry));
    }
  }
  return all;
}

// Tensors that another part of a model has: the decoder, the other tower.
bool is_of_another_part(const std::string& name) {
  constexpr std::array<std::string_view, 7> kParts{"decoder.",   "text_model.", "text_projection.",
                                                   "mask_token", "logit_bias",  "relative_position_index",
                                                   "attn_mask"};
  return std::ranges::any_of(kParts, [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

// The same bytes and one more element along the last dimension.
Tensor widened(const Tensor& tensor) {
  Shape shape = tensor.shape();
  shape.empty() ? shape.push_back(2) : static_cast<void>(++shape.back());
  Tensor wide(tensor.dtype(), shape);
  std::ranges::copy(tensor.bytes(), const_cast<std::byte*>(wide.bytes().data()));
  return wide;
}

TEST(VisionTransformers, need_every_tensor_of_their_checkpoints_in_its_shape) {
  for (const Recorded& golden : all_recorded()) {
    ASSERT_TRUE(build_image_model(golden.checkpoint, golden.options)) << golden.name;
    for (const auto& [name, tensor] : golden.checkpoint.tensors) {
      if (is_of_another_part(name)) {
        continue;
      }
      ImageCheckpoint missing = golden.checkpoint;
      missing.tensors.erase(name);
      EXPECT_FALSE(build_image_model(std::move(missing), golden.options)) << golden.name << ": without " << name;
      ImageCheckpoint misshaped = golden.checkpoint;
      misshaped.tensors.at(name) = widened(tensor);
      const auto model = build_image_model(std::move(misshaped), golden.options);
      EXPECT_FALSE(model) << golden.name << ": a wider " << name;
    }
    ImageCheckpoint extra = golden.checkpoint;
    extra.tensors.emplace("unknown.weight", Tensor(DType::kF32, {1}));
    const auto model = build_image_model(std::move(extra), golden.options);
    ASSERT_FALSE(model) << golden.name;
    EXPECT_NE(model.error().message.find("unknown.weight"), std::string::npos) << model.error().message;
  }
}

TEST(VisionTransformers, bound_the_size_of_images) {
  for (const Recorded& golden : all_recorded()) {
    const std::array sizes{ImageModelOptions{kImageSideMax + 8, 32}, ImageModelOptions{32, kImageSideMax + 8},
                           ImageModelOptions{1, 32}};
    for (const ImageModelOptions& options : sizes) {
      const auto model = build_image_model(golden.checkpoint, options);
      ASSERT_FALSE(model) << golden.name << ": " << options.height << " x " << options.width;
    }
  }
}

// One wrong setting, at a place in the configuration.
struct Ablation {
  std::string name;
  std::string golden;
  std::string place;
  Json wrong;
};

double worst_ratio(const Recorded& golden, ImageCheckpoint checkpoint) {
  const auto model = build_image_model(std::move(checkpoint), golden.options);
  if (!model) {
    ADD_FAILURE() << model.error().to_string();
    return 0.0;
  }
  const auto expected = read_safetensors(kFolder / golden.name / "expected.safetensors").value().tensors;
  const Tensor& bytes = expected.at("input");
  Tensor pixels(DType::kF32, bytes.shape());
  std::ranges::transform(bytes.as<std::uint8_t>(), pixels.mutable_as<float>().begin(),
                         [](std::uint8_t byte) { return (static_cast<float>(byte) - 128.0F) / 64.0F; });
  const std::array<std::string, 1> names{std::string(kPenultimate)};
  const Graph graph = model->graph.cut(names).value();
  const auto executable = make_reference_backend()->compile(graph, model->parameters, {}).value();
  const Tensor ours = executable->run({{std::string(kImageInput), pixels}}).value().front();
  const Tensor& wanted = expected.at(std::string(kPenultimate));
  double worst = 0.0;
  for (std::size_t i = 0; i < wanted.element_count() && i * golden.step < ours.element_count(); ++i) {
    const double difference =
        std::abs(static_cast<double>(ours.as<float>()[i * golden.step]) - static_cast<double>(wanted.as<float>()[i]));
    worst = std::max(worst, difference / golden.tolerance);
  }
  return worst;
}

class VisionTransformerAblation : public testing::TestWithParam<Ablation> {};

TEST_P(VisionTransformerAblation, is_far_outside_the_tolerance) {
  const auto all = all_recorded();
  const auto golden = std::ranges::find(all, GetParam().golden, &Recorded::name);
  ASSERT_NE(golden, all.end());
  ImageCheckpoint checkpoint = golden->checkpoint;
  Json& value = checkpoint.config[Json::json_pointer(GetParam().place)];
  ASSERT_NE(value, GetParam().wrong);
  value = GetParam().wrong;
  EXPECT_LE(worst_ratio(*golden, golden->checkpoint), 1.0);
  EXPECT_GT(worst_ratio(*golden, std::move(checkpoint)), 2.0);
}

INSTANTIATE_TEST_SUITE_P(
    All, VisionTransformerAblation,
    testing::Values(Ablation{"vit_epsilon", "vit_hf", "/layer_norm_eps", 1e-6},
                    Ablation{"vit_activation", "vit_hf", "/hidden_act", "gelu_new"},
                    Ablation{"vit_heads", "vit_hf", "/num_attention_heads", 2},
                    Ablation{"vit_pooler", "vit_hf", "/pooler_act", "relu"},
                    Ablation{"dinov2_epsilon", "dinov2_hf", "/layer_norm_eps", 1e-5},
                    Ablation{"beit_epsilon", "beit_hf", "/layer_norm_eps", 1e-5},
                    Ablation{"clip_activation", "clip_hf", "/vision_config/hidden_act", "gelu"},
                    Ablation{"siglip_activation", "siglip_hf", "/vision_config/hidden_act", "gelu"},
                    Ablation{"swin_activation", "swin_hf", "/hidden_act", "gelu_new"},
                    Ablation{"timm_heads", "vit_timm", "/model_args/num_heads", 2},
                    Ablation{"timm_epsilon_and_activation", "vit_timm_clip", "/architecture", "vit_base_patch32_224"},
                    Ablation{"clip_epsilon", "clip_hf", "/vision_config/layer_norm_eps", 1e-6},
                    Ablation{"siglip_epsilon", "siglip_hf", "/vision_config/layer_norm_eps", 1e-5},
                    Ablation{"swin_epsilon", "swin_hf", "/layer_norm_eps", 1e-2},
                    Ablation{"timm_epsilon", "vit_timm", "/architecture", "vit_base_patch32_clip_224"},
                    Ablation{"timm_activation", "vit_timm_clip", "/architecture", "vit_base_patch32_clip_224"},
                    Ablation{"timm_pooling", "vit_timm", "/global_pool", "avg"}),
    case_name);

}  // namespace
}  // namespace asterism
