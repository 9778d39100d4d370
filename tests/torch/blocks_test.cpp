// Gradients through one whole block of each family that can be trained, against finite differences: the tiny models of
// tests/golden/image_models, cut between two of their layers. In evaluation mode, as the reference interpreter
// computes.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "models/image_family.hpp"
#include "torch/finite_differences.hpp"
#include "torch/small_learner.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

struct BlockCase {
  std::string folder;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::string from;  // a value that becomes the input
  std::string to;
};

ImageModel model_of(const BlockCase& c) {
  const std::filesystem::path folder =
      std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/image_models" / c.folder;
  auto tensors = read_checkpoint_file(folder / "model.safetensors");
  EXPECT_TRUE(tensors) << tensors.error().to_string();
  auto model = build_image_model(
      {read_json_file(folder / "config.json").value(), *std::move(tensors), c.folder, "model.safetensors"},
      {c.height, c.width});
  EXPECT_TRUE(model) << model.error().to_string();
  return *std::move(model);
}

// The part of the model after `from`, which is fed.
GradientCase block_of(const BlockCase& c) {
  ImageModel model = model_of(c);
  std::vector<Value> values(model.graph.values().begin(), model.graph.values().end());
  Value& from = values[static_cast<std::size_t>(model.graph.find(c.from).value())];
  from.op = Op::kInput;
  from.inputs.clear();
  const std::string name = from.name;
  Shape shape = from.shape;
  shape[0] = 2;
  const Graph whole(values, {model.graph.outputs().begin(), model.graph.outputs().end()},
                    {model.graph.aliases().begin(), model.graph.aliases().end()});
  GradientCase gradient_case;
  gradient_case.graph = whole.cut(std::vector<std::string>{c.to}).value();
  for (auto& [parameter, tensor] : parameters_of(gradient_case.graph, std::move(model.parameters))) {
    gradient_case.parameters.emplace(parameter, tensor.to_f32());
  }
  gradient_case.feeds.push_back({name, random_tensor(shape, 9)});
  return gradient_case;
}

TEST(Blocks, gradients_equal_finite_differences_of_the_reference) {
  // Small maps, and the LeNet with tanh: among thousands of ReLUs behind one weight, every step crosses some kink.
  const std::vector<BlockCase> cases{
      {"lenet_tanh", 28, 28, "input", "logits"},
      {"resnet_timm_basic", 24, 24, "layer1.0", "layer2.0"},
      {"resnet_timm_bottleneck", 24, 24, "layer1.0", "layer2.0"},
      {"vit_timm", 32, 32, "blocks.0", "blocks.1"},
      {"vit_mae_hf", 32, 32, "encoder.layer.0", "encoder.layer.1"},
      {"beit_hf", 24, 40, "encoder.layer.0", "encoder.layer.1"},
      {"data2vec_vision_hf", 24, 40, "encoder.layer.0", "encoder.layer.1"},
  };
  for (const BlockCase& c : cases) {
    SCOPED_TRACE(c.folder);
    expect_gradients_near_differences(block_of(c), {.element_count_max = 12});
  }
}

}  // namespace
}  // namespace asterism
