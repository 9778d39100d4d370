#include "models/shortened_efficientnet.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "models/initial_parts.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

// One block without and two with expansion, 6 -> 4 -> 8 -> 8 channels, a last convolution of 24 and 5 classes.
ImageCheckpoint small_efficientnet() {
  InitialTensors tensors(1);
  const auto unit = [&](const std::string& conv, const std::string& norm, const Shape& shape) {
    tensors.weight(conv, shape, InitialRule::kKaimingNormal);
    tensors.batch_norm(norm, shape[0]);
  };
  unit("_conv_stem", "_bn0", {6, 3, 3, 3});
  unit("_blocks.0._depthwise_conv", "_blocks.0._bn1", {6, 1, 3, 3});
  unit("_blocks.0._project_conv", "_blocks.0._bn2", {4, 6, 1, 1});
  for (const int i : {1, 2}) {
    const std::string path = fmt::format("_blocks.{}.", i);
    const std::int64_t in = i == 1 ? 4 : 8;
    unit(path + "_expand_conv", path + "_bn0", {in * 6, in, 1, 1});
    unit(path + "_depthwise_conv", path + "_bn1", {in * 6, 1, 3, 3});
    unit(path + "_project_conv", path + "_bn2", {8, in * 6, 1, 1});
  }
  unit("_conv_head", "_bn1", {24, 8, 1, 1});
  tensors.layer("_fc", {5, 24}, InitialRule::kTorchDefault);
  return {.config = Json(), .tensors = tensors.take(), .source = "small", .weight_name = "small.pth"};
}

std::string error_of(const ShortenedEfficientnet& asked) {
  const auto made = shorten_efficientnet(small_efficientnet(), asked);
  return made ? "no error" : made.error().to_string();
}

TEST(ShortenedEfficientnet, keeps_the_first_blocks_and_gives_vectors_of_the_size_asked_for) {
  const ImageCheckpoint whole = small_efficientnet();
  const auto made = shorten_efficientnet(whole, {.block_count = 2, .head_size = 12, .seed = 3});
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->config["model_type"], kShortenedEfficientnetType);
  for (const auto& [name, tensor] : made->tensors) {
    if (!name.starts_with("_conv_head.") && !name.starts_with("_bn1.")) {
      ASSERT_TRUE(whole.tensors.contains(name)) << name;
      EXPECT_TRUE(std::ranges::equal(tensor.bytes(), whole.tensors.at(name).bytes())) << name;
    }
  }
  EXPECT_TRUE(made->tensors.contains("_blocks.1._project_conv.weight"));
  EXPECT_FALSE(made->tensors.contains("_blocks.2._project_conv.weight"));
  EXPECT_FALSE(made->tensors.contains("_fc.weight"));
  const auto model = build_image_model(*made, {.height = 32, .width = 32});
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->family, "efficientnet");
  EXPECT_EQ(model->graph.value(*model->graph.find(kPenultimate)).shape.back(), 12);
  // The stem and the second stage halve the picture.
  const Shape& map = model->graph.value(*model->graph.find(kForwardFeatures)).shape;
  EXPECT_EQ(map[2], 8);
}

TEST(ShortenedEfficientnet, without_a_number_of_blocks_only_the_classifier_goes) {
  const auto made = shorten_efficientnet(small_efficientnet(), {});
  ASSERT_TRUE(made) << made.error().to_string();
  const auto model = build_image_model(*made, {.height = 32, .width = 32});
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->graph.value(*model->graph.find(kPenultimate)).shape.back(), 24);
  EXPECT_FALSE(model->graph.find(kLogits));
}

TEST(ShortenedEfficientnet, more_blocks_than_there_are_or_no_head_for_fewer_is_refused) {
  EXPECT_THAT(error_of({.block_count = 4, .head_size = 8}), HasSubstr("expected at most 3, which small has, found 4"));
  EXPECT_THAT(error_of({.block_count = 2}), HasSubstr("\"head_size\" is missing: 2 of 3 blocks are kept"));
}

TEST(ShortenedEfficientnet, only_names_of_its_package_are_taken) {
  EXPECT_TRUE(has_efficientnet_pytorch_names(small_efficientnet()));
  EXPECT_FALSE(has_efficientnet_pytorch_names({}));
}

}  // namespace
}  // namespace asterism
