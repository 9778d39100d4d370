#include "models/torchvision_weights.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace asterism {
namespace {

TEST(TorchvisionWeights, a_published_file_name_says_network_and_preset) {
  const auto first = torchvision_weight("resnet50-0676ba61.pth");
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_TRUE(first->exact);
  EXPECT_EQ(first->weight->architecture, "resnet50");
  EXPECT_EQ(first->weight->weights, "IMAGENET1K_V1");
  EXPECT_EQ(first->weight->resize_size, 256);
  EXPECT_EQ(first->weight->crop_size, 224);
  EXPECT_EQ(first->weight->interpolation, Interpolation::kBilinear);

  const auto second = torchvision_weight("resnet50-11ad3fa6.pth");
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->weight->weights, "IMAGENET1K_V2");
  EXPECT_EQ(second->weight->resize_size, 232);
}

TEST(TorchvisionWeights, every_row_is_found_under_its_own_name_and_is_plausible) {
  std::set<std::string_view> names;
  for (const TorchvisionWeight& weight : kTorchvisionWeights) {
    names.insert(weight.file_name);
    const auto match = torchvision_weight(weight.file_name);
    ASSERT_TRUE(match) << weight.file_name;
    EXPECT_TRUE(match->exact);
    EXPECT_EQ(match->weight, &weight);
    EXPECT_GE(weight.resize_size, weight.crop_size) << weight.file_name;
    EXPECT_GE(weight.crop_size, 224) << weight.file_name;
    for (const float std : weight.std) {
      EXPECT_GT(std, 0.0F) << weight.file_name;
    }
  }
  EXPECT_EQ(names.size(), kTorchvisionWeights.size());
}

TEST(TorchvisionWeights, every_family_of_the_catalogue_is_there) {
  for (const std::string_view architecture : {"alexnet",
                                              "vgg11",
                                              "vgg13_bn",
                                              "vgg16",
                                              "vgg19_bn",
                                              "resnet18",
                                              "resnet152",
                                              "efficientnet_b0",
                                              "efficientnet_b1",
                                              "efficientnet_b2",
                                              "efficientnet_b3",
                                              "efficientnet_b4",
                                              "efficientnet_b5",
                                              "efficientnet_b6",
                                              "efficientnet_b7",
                                              "mobilenet_v3_small",
                                              "mobilenet_v3_large",
                                              "convnext_tiny",
                                              "convnext_large",
                                              "vit_b_16",
                                              "vit_l_32",
                                              "swin_t",
                                              "swin_b"}) {
    const auto match = torchvision_weight(std::string(architecture) + ".pth");
    ASSERT_TRUE(match) << architecture;
    EXPECT_EQ(match->weight->architecture, architecture);
  }
}

TEST(TorchvisionWeights, another_hash_takes_the_first_weights_of_the_name) {
  for (const std::string_view name : {"resnet50-deadbeef.pth", "resnet50.pth", "resnet50.pt", "resnet50.safetensors"}) {
    const auto match = torchvision_weight(name);
    ASSERT_TRUE(match) << name;
    EXPECT_FALSE(match->exact) << name;
    EXPECT_EQ(match->weight->file_name, "resnet50-0676ba61.pth") << name;
  }
  const auto variant = torchvision_weight("efficientnet_b0_rwightman-00000000.pth");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->weight->architecture, "efficientnet_b0");
}

TEST(TorchvisionWeights, an_unknown_network_is_an_error_that_says_what_to_do) {
  for (const std::string_view name : {"", ".pth", "-", "model.pth", "resnet50_finetuned.pth", "resnet5-0676ba61.pth"}) {
    const auto match = torchvision_weight(name);
    ASSERT_FALSE(match) << name;
    EXPECT_EQ(match.error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(match.error().hint.empty());
  }
}

}  // namespace
}  // namespace asterism
