#include "models/image_family.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace asterism {
namespace {

const auto case_name = [](const auto& test) { return test.param.name; };

using testing::AllOf;
using testing::HasSubstr;
using Tensors = std::map<std::string, Tensor>;

Tensor filled(Shape shape, float value = 0.1F) {
  Tensor tensor(DType::kF32, std::move(shape));
  for (float& element : tensor.mutable_as<float>()) {
    element = value;
  }
  return tensor;
}

void add_norm(Tensors& tensors, const std::string& path, std::int64_t channels) {
  for (const char* leaf : {".weight", ".bias", ".running_mean", ".running_var"}) {
    tensors[path + leaf] = filled({channels});
  }
  tensors[path + ".num_batches_tracked"] = Tensor(DType::kI64, {});
}

// One block a stage, without a shortcut in the first: the names of timm and of torchvision.
Tensors resnet_tensors() {
  Tensors tensors;
  tensors["conv1.weight"] = filled({4, 3, 7, 7});
  add_norm(tensors, "bn1", 4);
  std::int64_t in = 4;
  for (int stage = 1; stage <= 4; ++stage) {
    const std::int64_t out = stage == 1 ? 4 : 2 * in;
    const std::string path = fmt::format("layer{}.0", stage);
    tensors[path + ".conv1.weight"] = filled({out, in, 3, 3});
    tensors[path + ".conv2.weight"] = filled({out, out, 3, 3});
    add_norm(tensors, path + ".bn1", out);
    add_norm(tensors, path + ".bn2", out);
    if (stage > 1) {
      tensors[path + ".downsample.0.weight"] = filled({out, in, 1, 1});
      add_norm(tensors, path + ".downsample.1", out);
    }
    in = out;
  }
  tensors["fc.weight"] = filled({5, in});
  tensors["fc.bias"] = filled({5});
  return tensors;
}

Json timm_config() {
  return Json::parse(R"({"architecture": "resnet18.a1_in1k", "num_classes": 5, "global_pool": "avg",
    "pretrained_cfg": {"input_size": [3, 64, 96]}})");
}

Tensors lenet_tensors() {
  Tensors tensors;
  tensors["conv1.weight"] = filled({6, 1, 5, 5});
  tensors["conv1.bias"] = filled({6});
  tensors["conv2.weight"] = filled({16, 6, 5, 5});
  tensors["conv2.bias"] = filled({16});
  const Shape sizes{400, 120, 84, 10};
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    tensors[fmt::format("fc{}.weight", i)] = filled({sizes[i], sizes[i - 1]});
    tensors[fmt::format("fc{}.bias", i)] = filled({sizes[i]});
  }
  return tensors;
}

Json lenet_config() {
  return Json::parse(R"({"model_type": "lenet", "image_size": 28, "num_labels": 10})");
}

// Shape of a value by name; empty where there is none.
Shape shape_of(const ImageModel& model, std::string_view name) {
  const auto value = model.graph.find(name);
  return value ? model.graph.value(*value).shape : Shape{};
}

std::string error_of(Json config, Tensors tensors, std::string weight_name = "model.safetensors",
                     ImageModelOptions options = {}) {
  const auto model =
      build_image_model({std::move(config), std::move(tensors), "folder", std::move(weight_name)}, options);
  return model ? "no error" : model.error().to_string();
}

TEST(ImageFamily, a_resnet_of_timm_has_its_modules_and_the_common_names) {
  const auto model = build_image_model({timm_config(), resnet_tensors(), "folder", "model.safetensors"}, {});
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->family, "resnet");
  EXPECT_EQ(model->architecture, "resnet18");
  EXPECT_EQ(model->dialect, "timm");
  EXPECT_EQ(model->channels, 3);
  EXPECT_EQ(model->height, 64);
  EXPECT_EQ(model->width, 96);
  EXPECT_EQ(shape_of(*model, kImageInput), (Shape{kRowDim, 3, 64, 96}));
  EXPECT_EQ(shape_of(*model, "features.0"), (Shape{kRowDim, 4, 32, 48}));
  EXPECT_EQ(shape_of(*model, "layer2.0.downsample"), (Shape{kRowDim, 8, 8, 12}));
  EXPECT_EQ(shape_of(*model, kForwardFeatures), (Shape{kRowDim, 32, 2, 3}));
  EXPECT_EQ(shape_of(*model, kPenultimate), (Shape{kRowDim, 32}));
  EXPECT_EQ(shape_of(*model, kLogits), (Shape{kRowDim, 5}));
  ASSERT_EQ(model->graph.outputs().size(), 1U);
  EXPECT_EQ(model->graph.outputs()[0], *model->graph.find(kPenultimate));
}

TEST(ImageFamily, builds_for_another_size_when_asked) {
  const auto model = build_image_model({timm_config(), resnet_tensors(), "folder", ""}, {.height = 33, .width = 65});
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->height, 33);
  EXPECT_EQ(shape_of(*model, kForwardFeatures), (Shape{kRowDim, 32, 2, 3}));
}

TEST(ImageFamily, does_without_a_classifier) {
  Tensors tensors = resnet_tensors();
  tensors.erase("fc.weight");
  tensors.erase("fc.bias");
  Json config = timm_config();
  config["num_classes"] = 0;
  const auto model = build_image_model({config, tensors, "folder", ""}, {});
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(shape_of(*model, kPenultimate), (Shape{kRowDim, 32}));
  EXPECT_FALSE(model->graph.find(kLogits));
}

TEST(ImageFamily, a_bare_file_is_known_by_its_name_or_by_its_tensors) {
  const auto known = build_image_model({{}, resnet_tensors(), "folder", "resnet18-f37072fd.pth"}, {});
  ASSERT_TRUE(known) << known.error().to_string();
  EXPECT_EQ(known->architecture, "resnet18");
  EXPECT_EQ(known->dialect, "torchvision");
  EXPECT_EQ(known->height, 224);
  const auto renamed = build_image_model({{}, resnet_tensors(), "folder", "mine.pth"}, {});
  ASSERT_TRUE(renamed) << renamed.error().to_string();
  EXPECT_EQ(renamed->architecture, "resnet");
}

TEST(ImageFamily, names_every_missing_extra_and_misshaped_tensor) {
  Tensors tensors = resnet_tensors();
  tensors.erase("layer2.0.conv1.weight");
  tensors.erase("layer3.0.bn2.running_var");
  tensors["bn1.weight"] = filled({9});
  tensors["stray.weight"] = filled({1});
  EXPECT_THAT(error_of(timm_config(), tensors),
              AllOf(HasSubstr("2 missing: layer2.0.conv1.weight, layer3.0.bn2.running_var"),
                    HasSubstr("1 misshaped: bn1.weight: expected [4], found [9]"), HasSubstr("1 extra: stray.weight")));
}

TEST(ImageFamily, names_an_extra_tensor_of_an_otherwise_whole_checkpoint) {
  Tensors tensors = resnet_tensors();
  tensors["layer1.0.conv9.weight"] = filled({1});
  EXPECT_THAT(error_of(timm_config(), tensors), HasSubstr("layer1.0.conv9.weight"));
}

TEST(ImageFamily, another_number_of_classes_than_declared_names_both) {
  Json config = timm_config();
  config["num_classes"] = 1000;
  EXPECT_THAT(error_of(config, resnet_tensors()),
              HasSubstr("\"num_classes\" of the configuration is 1000, but \"fc.weight\" has 5 rows"));
}

TEST(ImageFamily, a_value_that_is_no_number_is_refused_with_its_place) {
  Tensors tensors = resnet_tensors();
  tensors["layer4.0.bn2.bias"].mutable_as<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_of(timm_config(), tensors), HasSubstr("\"layer4.0.bn2.bias\": expected finite values"));
}

TEST(ImageFamily, an_image_side_may_reach_the_limit_and_not_pass_it) {
  EXPECT_EQ(error_of(timm_config(), resnet_tensors(), "", {.height = 4096, .width = 64}), "no error");
  EXPECT_THAT(error_of(timm_config(), resnet_tensors(), "", {.height = 4097, .width = 64}),
              HasSubstr("image height: expected 1 to 4096 pixels, found 4097"));
}

TEST(ImageFamily, an_image_smaller_than_the_network_is_an_error_that_names_the_layer) {
  EXPECT_THAT(error_of(lenet_config(), lenet_tensors(), "", {.height = 5, .width = 5}),
              AllOf(HasSubstr("folder"), HasSubstr("pool1")));
}

TEST(ImageFamily, lenet_has_settings_of_its_own) {
  const auto model = build_image_model({lenet_config(), lenet_tensors(), "folder", ""}, {});
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->dialect, "asterism");
  EXPECT_EQ(model->channels, 1);
  EXPECT_EQ(shape_of(*model, kForwardFeatures), (Shape{kRowDim, 16, 5, 5}));
  EXPECT_EQ(shape_of(*model, kPenultimate), (Shape{kRowDim, 84}));
}

// A configuration changed in one place, and what is said of it.
struct Refusal {
  std::string name;
  std::function<void(Json&)> change;
  std::string message;
};

class RefusedTimm : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedTimm, says_what_is_wrong) {
  Json config = timm_config();
  GetParam().change(config);
  EXPECT_THAT(error_of(config, resnet_tensors()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTimm,
    testing::Values(
        Refusal{"unknown_architecture", [](Json& c) { c["architecture"] = "nfnet_f0"; },
                "architecture \"nfnet_f0\" is not implemented, expected one of alexnet, convnext"},
        Refusal{"architecture_of_another_type", [](Json& c) { c["architecture"] = 18; }, "architecture \"\""},
        Refusal{"blurred", [](Json& c) { c["architecture"] = "resnetblur50"; }, "this variant of ResNet"},
        Refusal{"group_norm", [](Json& c) { c["architecture"] = "resnet50_gn"; }, "this variant of ResNet"},
        Refusal{"efficient_channel_attention", [](Json& c) { c["architecture"] = "ecaresnet50d"; },
                "\"ecaresnet50d\" is not implemented"},
        Refusal{"two_letters", [](Json& c) { c["architecture"] = "resnet50dd"; }, "this variant of ResNet"},
        Refusal{"other_activation", [](Json& c) { c["model_args"]["act_layer"] = "silu"; },
                "\"model_args\": \"act_layer\" = \"silu\" is not implemented for \"resnet18\""},
        Refusal{"other_pooling", [](Json& c) { c["global_pool"] = "max"; },
                "\"global_pool\": expected \"avg\", found \"max\""},
        Refusal{"pooling_argument", [](Json& c) { c["model_args"]["global_pool"] = "catavgmax"; }, "\"catavgmax\""},
        Refusal{"classes_of_another_type", [](Json& c) { c["num_classes"] = "five"; }, "num_classes"},
        Refusal{"v2_of_efficientnet", [](Json& c) { c["architecture"] = "efficientnetv2_s"; },
                "this variant of EfficientNet"},
        Refusal{"b9_of_efficientnet", [](Json& c) { c["architecture"] = "efficientnet_b9"; },
                "this variant of EfficientNet"},
        Refusal{"other_mobilenet", [](Json& c) { c["architecture"] = "mobilenetv3_rw"; },
                "this variant of MobileNetV3"},
        Refusal{"v2_of_convnext", [](Json& c) { c["architecture"] = "convnextv2_tiny"; }, "this variant of ConvNeXt"},
        Refusal{"other_vgg_layer",
                [](Json& c) {
                  c = {{"architecture", "vgg11"}, {"model_args", {{"act_layer", 1}}}};
                },
                "\"act_layer\" = 1"}),
    case_name);

Json transformers_config() {
  return Json::parse(R"({"model_type": "resnet", "depths": [1, 1, 1, 1], "hidden_sizes": [4, 8, 16, 32],
    "layer_type": "basic"})");
}

class RefusedTransformers : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedTransformers, says_what_is_wrong) {
  Json config = transformers_config();
  GetParam().change(config);
  EXPECT_THAT(error_of(config, resnet_tensors()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTransformers,
    testing::Values(Refusal{"unknown_type", [](Json& c) { c["model_type"] = "regnet"; }, "model_type \"regnet\""},
                    Refusal{"type_of_another_type", [](Json& c) { c["model_type"] = 1; }, "model_type \"\""},
                    Refusal{"no_depths", [](Json& c) { c.erase("depths"); }, "\"depths\": expected an array"},
                    Refusal{"three_stages",
                            [](Json& c) {
                              c["depths"] = {1, 1, 1};
                            },
                            "expected 4 stages, found 3"},
                    Refusal{"depth_zero",
                            [](Json& c) {
                              c["depths"] = {1, 0, 1, 1};
                            },
                            "expected integers from 1 to 512, found 0"},
                    Refusal{"depth_past_the_limit",
                            [](Json& c) {
                              c["depths"] = {1, 513, 1, 1};
                            },
                            "found 513"},
                    Refusal{"kind", [](Json& c) { c["layer_type"] = "wide"; }, "found \"wide\""},
                    Refusal{"kind_of_another_type", [](Json& c) { c["layer_type"] = 2; }, "layer_type"},
                    Refusal{"activation", [](Json& c) { c["hidden_act"] = "mish"; }, "mish"},
                    Refusal{"names_of_another_library", [](Json&) {}, "missing: embedder.embedder.convolution.weight"}),
    case_name);

class RefusedLenet : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedLenet, says_what_is_wrong) {
  Json config = lenet_config();
  GetParam().change(config);
  EXPECT_THAT(error_of(config, lenet_tensors()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedLenet,
    testing::Values(Refusal{"activation", [](Json& c) { c["activation"] = "gelu"; }, "\"activation\": expected one of"},
                    Refusal{"pooling", [](Json& c) { c["pooling"] = "mean"; }, "\"pooling\": expected one of"},
                    Refusal{"padding", [](Json& c) { c["first_padding"] = 17; }, "expected 0 to 16, found 17"},
                    Refusal{"size_that_does_not_fit", [](Json& c) { c["image_size"] = 40; },
                            "misshaped: fc1.weight: expected [*, 784], found [120, 400]"},
                    Refusal{"labels", [](Json& c) { c["num_labels"] = 12; }, "\"fc3.weight\" has 10 rows"}),
    case_name);

TEST(ImageFamily, unknown_tensors_without_a_configuration_list_the_families) {
  EXPECT_THAT(error_of({}, {{"encoder.weight", filled({2})}}, "mine.pth"),
              AllOf(HasSubstr("the tensors are those of no known architecture"), HasSubstr("config.json")));
}

TEST(ImageFamily, a_configuration_tells_whether_it_is_of_images) {
  EXPECT_TRUE(is_image_checkpoint(timm_config()));
  EXPECT_TRUE(is_image_checkpoint(transformers_config()));
  EXPECT_FALSE(is_image_checkpoint(Json::parse(R"({"model_type": "bert"})")));
  EXPECT_FALSE(is_image_checkpoint(Json::parse(R"({"architecture": 3})")));
  EXPECT_FALSE(is_image_checkpoint(Json()));
}

}  // namespace
}  // namespace asterism
