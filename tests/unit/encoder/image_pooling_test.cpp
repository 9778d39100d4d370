// Pooling, cutting and normalising of image layers, against plain loops over the layer as it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "golden_image_model.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

// Rounding of float32 sums in another order, of the largest value.
constexpr double kToleranceOfLargest = 1e-5;
constexpr double kGemEpsilon = 1e-6;

double pooled(const std::vector<double>& values, std::string_view how) {
  double out = how == "max" ? -INFINITY : 0.0;
  for (const double value : values) {
    if (how == "max") {
      out = std::max(out, value);
    } else {
      out += (how == "gem" ? std::pow(std::max(value, kGemEpsilon), 3.0) : value) / static_cast<double>(values.size());
    }
  }
  return how == "gem" ? std::cbrt(out) : out;
}

struct Case {
  std::string golden;
  std::string layer;
  std::size_t channels = 0;
  std::size_t positions = 0;  // of the map, or tokens
  std::size_t skipped = 0;    // positions at the front that are no part of the picture
  bool channels_first = false;
};

class ImagePooled : public testing::TestWithParam<Case> {};

TEST_P(ImagePooled, avg_max_and_gem_are_over_the_positions_of_the_picture) {
  const GoldenImageModel golden(GetParam().golden);
  const Embeddings map = golden.encode({.layers = {GetParam().layer}, .pooling = "none"});
  const auto& [name, layer, channels, positions, skipped, channels_first] = GetParam();
  ASSERT_EQ(map.dim, channels * positions);
  for (const std::string how : {"avg", "max", "gem"}) {
    const Embeddings rows = golden.encode({.layers = {layer}, .pooling = how});
    ASSERT_EQ(rows.dim, channels) << how;
    for (std::size_t row = 0; row < rows.row_count; ++row) {
      for (std::size_t c = 0; c < channels; ++c) {
        std::vector<double> values;
        for (std::size_t p = skipped; p < positions; ++p) {
          values.push_back(map.row(row)[channels_first ? c * positions + p : p * channels + c]);
        }
        const double wanted = pooled(values, how);
        ASSERT_NEAR(rows.row(row)[c], wanted, kToleranceOfLargest * std::max(1.0, std::abs(wanted))) << how << " " << c;
      }
    }
  }
}

TEST_P(ImagePooled, flatten_is_the_layer_as_one_vector) {
  const GoldenImageModel golden(GetParam().golden);
  const Encoder flat = golden.load({.layers = {GetParam().layer}, .pooling = "flatten"});
  EXPECT_EQ(flat.info().outputs[0].shape, (std::vector<std::int64_t>{static_cast<std::int64_t>(flat.dim())}));
  EXPECT_EQ(flat.encode_pixels(golden.pixels()).value().values,
            golden.encode({.layers = {GetParam().layer}, .pooling = "none"}).values);
}

INSTANTIATE_TEST_SUITE_P(Layers, ImagePooled,
                         testing::Values(Case{"resnet_timm_basic", "layer1.0.conv1", 8, 140, 0, true},
                                         Case{"resnet_timm_basic", "input", 3, 40 * 56, 0, true},
                                         Case{"vit_timm_reg_gap", "forward_features", 24, 19, 4, false},
                                         Case{"vit_timm_reg_gap", "features.1", 24, 15, 0, true},
                                         Case{"swin_hf", "forward_features", 24, 64, 0, false},
                                         // Maps that their library keeps with the channels at the end.
                                         Case{"swin_timm", "layers.0.blocks.0", 12, 256, 0, false},
                                         Case{"swin_timm", "forward_features", 24, 64, 0, false},
                                         Case{"swin_timm", "layers.1.downsample", 24, 64, 0, false},
                                         Case{"swin_torchvision", "features.3", 24, 77, 0, false},
                                         Case{"swin_torchvision", "features.3.1.mlp", 24, 77, 0, false},
                                         Case{"swin_torchvision", "forward_features", 24, 77, 0, true},
                                         Case{"convnext_timm_small", "stages.1.blocks.0.mlp.fc1", 48, 96, 0, true}),
                         [](const auto& test) {
                           std::string name = test.param.golden + "_" + test.param.layer;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST(ImagePooling, cls_is_the_first_token) {
  const GoldenImageModel golden("vit_hf");
  const Embeddings tokens = golden.encode({.layers = {"forward_features"}});
  const Embeddings rows = golden.encode({.layers = {"forward_features"}, .pooling = "cls"});
  ASSERT_EQ(rows.dim, 24U);
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    EXPECT_TRUE(std::ranges::equal(rows.row(row), tokens.row(row).first(24)));
  }
}

TEST(ImagePooling, a_vector_stays_as_it_is) {
  const GoldenImageModel golden("resnet_timm_basic");
  const Embeddings plain = golden.encode();
  for (const std::string how : {"avg", "max", "gem", "cls", "flatten", "none"}) {
    EXPECT_EQ(golden.encode({.pooling = how}).values, plain.values) << how;
  }
}

TEST(ImagePooling, dim_cuts_before_the_length_becomes_one) {
  const GoldenImageModel golden("resnet_timm_basic");
  const Embeddings plain = golden.encode();
  const Embeddings rows = golden.encode({.normalize = true, .dim = 5});
  ASSERT_EQ(rows.dim, 5U);
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    double squares = 0.0;
    for (std::size_t i = 0; i < 5; ++i) {
      squares += static_cast<double>(plain.row(row)[i]) * plain.row(row)[i];
    }
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_NEAR(rows.row(row)[i], plain.row(row)[i] / std::sqrt(squares), 1e-6);
    }
  }
}

TEST(ImagePooling, all_of_the_vector_may_be_asked_for_and_no_more) {
  const GoldenImageModel golden("resnet_timm_basic");
  EXPECT_EQ(golden.encode({.dim = 20}).values, golden.encode().values);
  const auto encoder = golden.try_load({.dim = 21});
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(encoder.error().message, HasSubstr("at most the 20 of layer"));
  EXPECT_THAT(encoder.error().message, HasSubstr("found 21"));
}

struct Refusal {
  std::string name;
  EncoderOptions options;
  std::string message;
  std::string hint;
};

class ImagePoolingRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(ImagePoolingRefusal, says_what_it_takes) {
  const GoldenImageModel golden("resnet_timm_basic");
  const auto encoder = golden.try_load(GetParam().options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(encoder.error().message, HasSubstr(GetParam().message));
  EXPECT_THAT(encoder.error().hint, HasSubstr(GetParam().hint));
}

INSTANTIATE_TEST_SUITE_P(
    Options, ImagePoolingRefusal,
    testing::Values(
        Refusal{"normalize_on_a_map", {.layers = {"layer4"}, .normalize = true}, "expected a vector", "--pool avg"},
        Refusal{"dim_of_a_map", {.layers = {"layer4"}, .dim = 3}, "expected a vector", "--pool avg"},
        Refusal{"cls_of_a_map", {.layers = {"layer4"}, .pooling = "cls"}, "[rows, tokens, hidden]", "flatten"},
        Refusal{"pooling_of_texts", {.pooling = "mean"}, "none, avg, max, gem, cls, flatten", ""}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace asterism
