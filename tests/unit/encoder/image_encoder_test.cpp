// Image models through the public API: recorded vectors, several layers, names of layers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden_image_model.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

class ImageEncoderGolden : public testing::TestWithParam<const char*> {};

TEST_P(ImageEncoderGolden, gives_the_recorded_vector_map_and_logits) {
  const GoldenImageModel golden(GetParam());
  EncoderOptions options;
  for (const char* layer : {"penultimate", "forward_features", "logits"}) {
    if (golden.has(layer)) {
      options.layers.emplace_back(layer);
    }
  }
  const Encoder encoder = golden.load(options);
  const auto rows = encoder.encode_pixels(golden.pixels());
  ASSERT_TRUE(rows) << rows.error().to_string();
  ASSERT_EQ(encoder.info().outputs.size(), options.layers.size());
  std::size_t offset = 0;
  for (std::size_t i = 0; i < options.layers.size(); ++i) {
    const EmbeddingOutput& part = encoder.info().outputs[i];
    const auto& recorded = golden.recorded(options.layers[i]);
    EXPECT_EQ(part.name, options.layers[i]);
    EXPECT_EQ(part.offset, offset);
    EXPECT_TRUE(std::equal(recorded.shape.begin() + 1, recorded.shape.end(), part.shape.begin(), part.shape.end()))
        << part.name;
    EXPECT_LE(ratio_to_recorded(recorded, *rows, part), 1.0) << part.name;
    offset += part.size;
  }
  EXPECT_EQ(encoder.dim(), offset);
}

TEST_P(ImageEncoderGolden, is_the_vector_when_no_layer_is_named) {
  const GoldenImageModel golden(GetParam());
  const Encoder encoder = golden.load();
  const auto rows = encoder.encode_pixels(golden.pixels());
  ASSERT_TRUE(rows) << rows.error().to_string();
  ASSERT_EQ(encoder.info().outputs.size(), 1U);
  EXPECT_LE(ratio_to_recorded(golden.recorded("penultimate"), *rows, encoder.info().outputs[0]), 1.0);
  EXPECT_EQ(rows->reports.size(), rows->row_count);
  EXPECT_FALSE(rows->reports[0].error);
}

INSTANTIATE_TEST_SUITE_P(Families, ImageEncoderGolden,
                         testing::Values("resnet_timm_basic", "resnet_torchvision_basic",
                                         "resnet_transformers_bottleneck", "vgg_torchvision", "alexnet_torchvision",
                                         "efficientnet_timm_tf", "efficientnet_pytorch_lite",
                                         "mobilenetv3_torchvision_small", "convnext_transformers", "vit_timm_reg_gap",
                                         "vit_hf_classifier", "vit_torchvision", "dinov2_with_registers_hf",
                                         "beit_timm", "swin_timm", "swin_torchvision"),
                         [](const auto& test) { return std::string(test.param); });

class ImageLayers : public testing::Test {
 protected:
  const GoldenImageModel golden_{"resnet_timm_basic"};

  Error load_error(const EncoderOptions& options) const {
    const auto encoder = golden_.try_load(options);
    return encoder ? Error{} : encoder.error();
  }
};

TEST_F(ImageLayers, come_in_the_order_asked_for) {
  const Embeddings forward = golden_.encode({.layers = {"layer1.0.conv1", "penultimate"}});
  const Embeddings backward = golden_.encode({.layers = {"penultimate", "layer1.0.conv1"}});
  const Embeddings vector = golden_.encode();
  ASSERT_EQ(forward.dim, backward.dim);
  for (std::size_t row = 0; row < forward.row_count; ++row) {
    const std::size_t map = forward.dim - vector.dim;
    EXPECT_TRUE(std::ranges::equal(forward.row(row).first(map), backward.row(row).last(map)));
    EXPECT_TRUE(std::ranges::equal(forward.row(row).last(vector.dim), backward.row(row).first(vector.dim)));
    for (std::size_t i = 0; i < vector.dim; ++i) {  // the backend fuses other ops when the inner layer is kept
      EXPECT_NEAR(vector.row(row)[i], backward.row(row)[i], golden_.recorded("penultimate").tolerance);
    }
  }
}

TEST_F(ImageLayers, the_input_alone_is_the_pixels_and_runs_nothing) {
  const Encoder encoder = golden_.load({.layers = {"input"}});
  EXPECT_EQ(encoder.info().outputs,
            (std::vector<EmbeddingOutput>{{.name = "input", .shape = {3, 40, 56}, .offset = 0, .size = 3 * 40 * 56}}));
  EXPECT_EQ(encoder.info().op_count, 0U);
  const auto rows = encoder.encode_pixels(golden_.pixels());
  ASSERT_TRUE(rows);
  EXPECT_TRUE(std::ranges::equal(rows->values, golden_.pixels().values));
}

TEST_F(ImageLayers, the_input_stands_beside_computed_layers_wherever_it_is_named) {
  const Encoder encoder = golden_.load({.layers = {"penultimate", "input", "logits"}});
  const auto rows = encoder.encode_pixels(golden_.pixels());
  ASSERT_TRUE(rows);
  const auto& outputs = encoder.info().outputs;
  EXPECT_LE(ratio_to_recorded(golden_.recorded("penultimate"), *rows, outputs[0]), 1.0);
  EXPECT_LE(ratio_to_recorded(golden_.recorded("logits"), *rows, outputs[2]), 1.0);
  for (std::size_t row = 0; row < rows->row_count; ++row) {
    EXPECT_TRUE(std::ranges::equal(rows->row(row).subspan(outputs[1].offset, outputs[1].size),
                                   golden_.pixels().values.subspan(row * outputs[1].size, outputs[1].size)));
  }
}

TEST_F(ImageLayers, two_names_of_one_value_are_two_outputs) {
  const Encoder encoder = golden_.load({.layers = {"forward_features", "layer4"}});
  const auto rows = encoder.encode_pixels(golden_.pixels());
  ASSERT_TRUE(rows) << rows.error().to_string();
  const std::size_t half = rows->dim / 2;
  for (std::size_t row = 0; row < rows->row_count; ++row) {
    EXPECT_TRUE(std::ranges::equal(rows->row(row).first(half), rows->row(row).last(half)));
  }
  const Embeddings pooled = golden_.encode({.layers = {"forward_features", "layer4"}, .pooling = "avg"});
  EXPECT_TRUE(std::ranges::equal(pooled.row(1).first(20), pooled.row(1).last(20)));
}

TEST_F(ImageLayers, the_same_name_twice_is_refused) {
  const Error error = load_error({.layers = {"logits", "layer4", "logits"}});
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("\"logits\" twice"));
}

TEST_F(ImageLayers, an_unknown_name_is_answered_with_near_ones) {
  const Error error = load_error({.layers = {"layer4.0.conf2"}});
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("layer4.0.conf2"));
  EXPECT_THAT(error.hint, HasSubstr("layer4.0.conv2"));
}

TEST_F(ImageLayers, a_weight_is_no_layer) {
  const Error error = load_error({.layers = {"conv1.weight"}});
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("is a weight"));
}

TEST_F(ImageLayers, an_inner_layer_runs_fewer_ops) {
  const Encoder inner = golden_.load({.layers = {"layer1.0.conv1"}});
  EXPECT_LT(inner.info().op_count, inner.info().op_count_whole / 2);
}

}  // namespace
}  // namespace asterism
