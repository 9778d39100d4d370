#include "models/initial_checkpoint.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "models/initial_values.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

InitialModel model_of(std::string architecture, std::string_view settings = "{}") {
  InitialModel model;
  model.architecture = std::move(architecture);
  model.settings = Json::parse(settings);
  return model;
}

Result<ImageModel> built(const InitialModel& model) {
  auto checkpoint = initial_checkpoint(model);
  if (!checkpoint) {
    return std::unexpected(checkpoint.error());
  }
  return build_image_model(*std::move(checkpoint), {});
}

Shape shape_of(const ImageModel& model, std::string_view name) {
  const auto value = model.graph.find(name);
  return value ? model.graph.value(*value).shape : Shape{};
}

std::string error_of(const InitialModel& model) {
  const auto checkpoint = initial_checkpoint(model);
  return checkpoint ? "no error" : checkpoint.error().to_string();
}

double deviation(const Tensor& tensor) {
  double sum = 0.0;
  for (const float value : tensor.as<float>()) {
    sum += static_cast<double>(value) * static_cast<double>(value);
  }
  return std::sqrt(sum / static_cast<double>(tensor.element_count()));
}

float largest(const Tensor& tensor) {
  float most = 0.0F;
  for (const float value : tensor.as<float>()) {
    most = std::max(most, std::abs(value));
  }
  return most;
}

TEST(InitialCheckpoint, every_architecture_makes_a_graph_from_28_to_128_pixels_and_of_grey_or_colour) {
  for (const std::string_view architecture : initial_architectures()) {
    for (const std::int64_t size : {28, 32, 128}) {
      InitialModel initial = model_of(std::string(architecture));
      initial.image_size = size;
      initial.channel_count = size == 28 ? 1 : 3;
      if (architecture == "resnet") {
        initial.settings["stage_widths"] = {8, 8, 16, 16};  // the usual ones take a second each
      }
      const auto model = built(initial);
      ASSERT_TRUE(model) << architecture << " " << size << ": " << model.error().to_string();
      EXPECT_EQ(model->channels, initial.channel_count);
      EXPECT_EQ(model->height, size);
      EXPECT_EQ(shape_of(*model, kPenultimate).size(), 2U);
      EXPECT_TRUE(shape_of(*model, kLogits).empty());
    }
  }
}

TEST(InitialCheckpoint, classes_make_a_classifier_with_their_names) {
  for (const char* architecture : {"lenet", "resnet", "vit", "data2vec"}) {
    InitialModel initial = model_of(architecture);
    initial.classes = {"ape", "bee"};
    const auto checkpoint = initial_checkpoint(initial);
    ASSERT_TRUE(checkpoint) << checkpoint.error().to_string();
    EXPECT_EQ(checkpoint->config["id2label"]["1"], "bee");
    EXPECT_EQ(checkpoint->config["label2id"]["ape"], 0);
    const auto model = built(initial);
    ASSERT_TRUE(model) << model.error().to_string();
    EXPECT_EQ(shape_of(*model, kLogits), (Shape{kRowDim, 2})) << architecture;
  }
  InitialModel none = model_of("autoencoder");
  none.classes = {"ape", "bee"};
  EXPECT_THAT(error_of(none), HasSubstr("has no classifier"));
}

TEST(InitialCheckpoint, a_small_stem_keeps_the_size_of_the_picture) {
  InitialModel initial = model_of("resnet", R"({"stage_widths": [4, 8, 8, 8], "stem_width": 4})");
  const auto small = built(initial);
  ASSERT_TRUE(small) << small.error().to_string();
  EXPECT_EQ(small->family, "resnet");
  EXPECT_EQ(shape_of(*small, "features.0"), (Shape{kRowDim, 4, 32, 32}));
  EXPECT_EQ(shape_of(*small, kForwardFeatures), (Shape{kRowDim, 8, 4, 4}));
  initial.settings["stem"] = "large";
  const auto large = built(initial);
  ASSERT_TRUE(large) << large.error().to_string();
  EXPECT_EQ(shape_of(*large, "features.0"), (Shape{kRowDim, 4, 8, 8}));
  EXPECT_EQ(initial_checkpoint(initial)->config["model_type"], "resnet");
}

TEST(InitialCheckpoint, values_are_spread_as_the_original_libraries_spread_them) {
  const auto resnet = initial_checkpoint(model_of("resnet"));
  ASSERT_TRUE(resnet);
  // 512 x 512 x 9 draws: the deviation of a sample of n normal values is off by 1 / sqrt(2 n), here 0.05 %.
  const Tensor& conv = resnet->tensors.at("encoder.stages.3.layers.1.layer.1.convolution.weight");
  EXPECT_NEAR(deviation(conv) / std::sqrt(2.0 / (512.0 * 9.0)), 1.0, 0.005);
  EXPECT_EQ(deviation(resnet->tensors.at("embedder.embedder.normalization.running_var")), 1.0);
  const auto vit = initial_checkpoint(model_of("vit"));
  ASSERT_TRUE(vit);
  EXPECT_NEAR(deviation(vit->tensors.at("encoder.layer.0.intermediate.dense.weight")) / 0.02, 1.0, 0.01);
  EXPECT_EQ(largest(vit->tensors.at("encoder.layer.0.intermediate.dense.bias")), 0.0F);
  InitialModel digits = model_of("lenet");
  digits.classes = {"a", "b"};
  const auto lenet = initial_checkpoint(digits);
  ASSERT_TRUE(lenet);
  const double bound = 1.0 / std::sqrt(120.0);
  EXPECT_LE(largest(lenet->tensors.at("fc2.weight")), bound);
  // A uniform variable's deviation is bound / sqrt(3).
  EXPECT_NEAR(deviation(lenet->tensors.at("fc2.weight")) / (bound / std::sqrt(3.0)), 1.0, 0.02);
}

TEST(InitialCheckpoint, a_tensor_depends_on_the_seed_and_its_name_alone) {
  InitialModel shallow = model_of("vit", R"({"layer_count": 1, "hidden_size": 24})");
  InitialModel deep = model_of("vit", R"({"layer_count": 3, "hidden_size": 24})");
  const std::string name = "encoder.layer.0.output.dense.weight";
  const auto first = initial_checkpoint(shallow);
  const auto second = initial_checkpoint(deep);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(std::ranges::equal(first->tensors.at(name).bytes(), second->tensors.at(name).bytes()));
  EXPECT_FALSE(std::ranges::equal(second->tensors.at(name).bytes(),
                                  second->tensors.at("encoder.layer.1.output.dense.weight").bytes()));
  shallow.seed = 1;
  EXPECT_FALSE(
      std::ranges::equal(first->tensors.at(name).bytes(), initial_checkpoint(shallow)->tensors.at(name).bytes()));
}

TEST(InitialCheckpoint, values_of_a_stream_do_not_change_from_version_to_version) {
  const Tensor uniform = uniform_values({7, "fc1.weight"}, {3}, 1.0);
  const Tensor normal = normal_values({7, "fc1.weight"}, {2}, 1.0);
  // Recorded here: runs that go on from a saved recipe must start from the same weights.
  EXPECT_THAT(
      std::vector<float>(uniform.as<float>().begin(), uniform.as<float>().end()),
      ElementsAre(testing::FloatEq(0.375165585F), testing::FloatEq(0.0263475952F), testing::FloatEq(-0.565870764F)));
  EXPECT_THAT(std::vector<float>(normal.as<float>().begin(), normal.as<float>().end()),
              ElementsAre(testing::FloatNear(-0.862568865F, 1e-6F), testing::FloatNear(-1.39269631F, 1e-6F)));
}

TEST(InitialCheckpoint, fixed_positions_are_sines_and_cosines_of_column_and_row) {
  const Tensor positions = sincos_positions(2, 8);
  const auto values = positions.as<float>();
  ASSERT_EQ(positions.shape(), (Shape{1, 5, 8}));
  EXPECT_EQ(largest(constant_values({1}, 0.0F)), 0.0F);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(values[i], 0.0F);
  }
  // Column 1 of row 0: rates 1 and 1 / 100.
  const auto token = values.subspan(2 * 8, 8);
  EXPECT_FLOAT_EQ(token[0], std::sin(1.0F));
  EXPECT_FLOAT_EQ(token[1], std::sin(0.01F));
  EXPECT_FLOAT_EQ(token[2], std::cos(1.0F));
  EXPECT_FLOAT_EQ(token[3], std::cos(0.01F));
  EXPECT_FLOAT_EQ(token[4], 0.0F);
  EXPECT_FLOAT_EQ(token[6], 1.0F);
}

TEST(InitialCheckpoint, an_architecture_that_is_not_there_is_an_error_with_the_nearest) {
  EXPECT_THAT(error_of(model_of("renset")), testing::AllOf(HasSubstr("\"renset\""), HasSubstr("\"resnet\"")));
  InitialModel large = model_of("vit");
  large.image_size = 1025;
  EXPECT_THAT(error_of(large), HasSubstr("expected 8 to 1024 pixels, found 1025"));
  InitialModel channels = model_of("vit");
  channels.channel_count = 2;
  EXPECT_THAT(error_of(channels), HasSubstr("expected 1 (grey) or 3 (RGB), found 2"));
}

}  // namespace
}  // namespace asterism
