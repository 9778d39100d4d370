#include "encoder/image_settings.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "image_settings_case.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

Json timm_config(const Json& pretrained) {
  return {{"architecture", "resnet18"}, {"pretrained_cfg", pretrained}};
}

ImageSettings settings_of(Result<ImageSettings> settings) {
  EXPECT_TRUE(settings) << settings.error().to_string();
  return settings ? *std::move(settings) : ImageSettings{};
}

class ImageSettingsFolder : public testing::Test {
 protected:
  ScratchFolder scratch_{"image-settings"};
  fs::path folder_ = scratch_.path();
};

TEST(ImageSettings, timm_crops_by_crop_pct) {
  const auto settings =
      settings_of(timm_image_settings(timm_config({{"input_size", {3, 288, 288}}, {"crop_pct", 0.95}}), "c"));
  EXPECT_EQ(settings.preprocess.resize, ResizeMode::kShortestEdge);
  EXPECT_EQ(settings.preprocess.resize_width, 303);  // floor(288 / 0.95)
  EXPECT_EQ(settings.preprocess.crop_height, 288);
  EXPECT_EQ(settings.size, (ImageSize{.width = 288, .height = 288}));
  EXPECT_EQ(settings.channels, 3);
}

TEST(ImageSettings, a_size_override_keeps_the_ratio_of_resize_to_crop) {
  ImageSettingsOptions options;
  options.overrides.size = ImageSize{.width = 384, .height = 384};
  for (const auto& read :
       {torchvision_image_settings("resnet50-0676ba61.pth", options),
        transformers_image_settings(Json{{"image_processor_type", "DeiTImageProcessor"}}, "", "c", options)}) {
    const auto settings = settings_of(read);
    EXPECT_EQ(settings.preprocess.resize_width, 438);  // floor(384 / 0.875)
    EXPECT_EQ(settings.preprocess.crop_width, 384);
    EXPECT_EQ(settings.preprocess.crop_height, 384);
    EXPECT_EQ(settings.size, *options.overrides.size);
  }
}

TEST(ImageSettings, the_size_that_is_there_anyway_changes_nothing) {
  ImageSettingsOptions options;
  options.overrides.size = ImageSize{.width = 224, .height = 224};
  const auto plain = settings_of(torchvision_image_settings("resnet50-11ad3fa6.pth"));
  EXPECT_EQ(plain.preprocess.resize_width, 232);
  EXPECT_EQ(settings_of(torchvision_image_settings("resnet50-11ad3fa6.pth", options)).preprocess, plain.preprocess);
}

TEST(ImageSettings, a_size_that_is_not_square_covers_both_edges) {
  ImageSettingsOptions options;
  options.overrides.size = ImageSize{.width = 448, .height = 224};
  const auto settings = settings_of(torchvision_image_settings("resnet50-0676ba61.pth", options));
  EXPECT_EQ(settings.preprocess.resize, ResizeMode::kFill);
  EXPECT_EQ(settings.preprocess.resize_rounding, ResizeRounding::kHalfEven);
  EXPECT_EQ(settings.preprocess.resize_width, 512);
  EXPECT_EQ(settings.preprocess.resize_height, 256);
  EXPECT_EQ(settings.preprocess.crop_width, 448);
}

TEST(ImageSettings, a_size_override_gives_a_size_where_the_file_leaves_it_to_the_picture) {
  const Json processor = {{"image_processor_type", "CLIPImageProcessor"}, {"do_center_crop", false}};
  const auto without = transformers_image_settings(processor, "", "c");
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(without.error().hint.find("--image-size"), std::string::npos);
  ImageSettingsOptions options;
  options.overrides.size = ImageSize{.width = 100, .height = 100};
  const auto settings = settings_of(transformers_image_settings(processor, "", "c", options));
  EXPECT_EQ(settings.preprocess.resize, ResizeMode::kShortestEdge);
  EXPECT_EQ(settings.preprocess.resize_width, 100);
  EXPECT_EQ(settings.preprocess.crop_width, 100);
}

TEST(ImageSettings, overrides_of_filter_fit_and_values_replace_the_files) {
  ImageSettingsOptions options;
  options.overrides.interpolation = Interpolation::kLanczos;
  options.overrides.fit = ImageFit::kBorder;
  options.overrides.mean = {0.5F, 0.25F, 0.75F};
  options.overrides.std = {0.1F, 0.2F, 0.3F};
  const auto settings = settings_of(torchvision_image_settings("vgg16-397923af.pth", options));
  EXPECT_EQ(settings.preprocess.interpolation, Interpolation::kLanczos);
  EXPECT_EQ(settings.preprocess.resize, ResizeMode::kFit);
  EXPECT_EQ(settings.preprocess.resize_width, 256);
  EXPECT_EQ(settings.preprocess.mean, *options.overrides.mean);
  EXPECT_EQ(settings.preprocess.std, *options.overrides.std);
  EXPECT_EQ(settings.preprocess.fill, (std::array<std::uint8_t, 3>{128, 64, 191}));
}

TEST(ImageSettings, an_override_of_mean_turns_normalisation_on) {
  ImageSettingsOptions options;
  options.overrides.mean = {0.5F, 0.5F, 0.5F};
  const Json processor = {{"image_processor_type", "ViTImageProcessor"}, {"do_normalize", false}, {"image_std", 0.25}};
  const auto settings = settings_of(transformers_image_settings(processor, "", "c", options));
  EXPECT_EQ(settings.preprocess.mean, *options.overrides.mean);
  EXPECT_EQ(settings.preprocess.std, (std::array<float, 3>{0.25F, 0.25F, 0.25F}));
}

TEST(ImageSettings, a_weight_file_under_a_name_of_the_user_s_is_prepared_as_most_and_says_so) {
  const auto settings = settings_of(torchvision_image_settings("mine.pth"));
  ASSERT_EQ(settings.warnings.size(), 1U);
  EXPECT_NE(settings.warnings.front().find("mine.pth"), std::string::npos);
  EXPECT_NE(settings.warnings.front().find("--image-size"), std::string::npos);
  EXPECT_EQ(settings.preprocess, settings_of(torchvision_image_settings("resnet50-0676ba61.pth")).preprocess);
}

TEST(ImageSettings, a_hash_that_torchvision_never_published_is_a_warning) {
  EXPECT_TRUE(settings_of(torchvision_image_settings("resnet50-0676ba61.pth")).warnings.empty());
  const auto settings = settings_of(torchvision_image_settings("resnet50-12345678.pth"));
  ASSERT_EQ(settings.warnings.size(), 1U);
  EXPECT_NE(settings.warnings[0].find("IMAGENET1K_V1"), std::string::npos);
  EXPECT_EQ(settings.preprocess.resize_width, 256);
}

TEST_F(ImageSettingsFolder, a_folder_with_neither_file_is_an_error_that_names_both) {
  const auto settings = read_image_settings(folder_);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kNotFound);
  EXPECT_NE(settings.error().message.find("preprocessor_config.json"), std::string::npos);
  EXPECT_NE(settings.error().message.find("config.json"), std::string::npos);
}

TEST_F(ImageSettingsFolder, errors_name_file_and_key) {
  write_files(folder_, {{"preprocessor_config.json", {{"image_processor_type", "ViTImageProcessor"}, {"size", -3}}}});
  const auto settings = read_image_settings(folder_);
  ASSERT_FALSE(settings);
  EXPECT_NE(settings.error().message.find((folder_ / "preprocessor_config.json").string()), std::string::npos);
  EXPECT_NE(settings.error().message.find("\"size\""), std::string::npos);
  EXPECT_NE(settings.error().message.find("-3"), std::string::npos);
}

TEST_F(ImageSettingsFolder, a_nan_is_not_json) {
  std::ofstream(folder_ / "config.json") << R"({"architecture": "x", "pretrained_cfg": {"std": [NaN, 1, 1]}})";
  const auto settings = read_image_settings(folder_);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(settings.error().message.find("config.json"), std::string::npos);
}

struct BadKey {
  const char* name;
  Json value;
  ErrorCode code;
};

void PrintTo(const BadKey& bad, std::ostream* out) {
  *out << bad.name << '=' << bad.value.dump();
}

// Each is refused by an error that names the file and the key.
class BadTimmKey : public testing::TestWithParam<BadKey> {};

TEST_P(BadTimmKey, is_refused_by_name) {
  const BadKey& bad = GetParam();
  const auto settings = timm_image_settings(timm_config({{bad.name, bad.value}}), "model/config.json");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, bad.code) << settings.error().to_string();
  EXPECT_NE(settings.error().message.find("model/config.json"), std::string::npos) << settings.error().to_string();
  EXPECT_NE(settings.error().message.find('"' + std::string(bad.name) + '"'), std::string::npos)
      << settings.error().to_string();
}

INSTANTIATE_TEST_SUITE_P(
    all, BadTimmKey,
    testing::Values(
        BadKey{"input_size", 224, ErrorCode::kCorrupt}, BadKey{"input_size", {224, 224}, ErrorCode::kCorrupt},
        BadKey{"input_size", {3, 0, 224}, ErrorCode::kCorrupt}, BadKey{"input_size", {3, 224, -1}, ErrorCode::kCorrupt},
        BadKey{"input_size", {3, 224.5, 224}, ErrorCode::kCorrupt},
        BadKey{"input_size", {12, 224, 224}, ErrorCode::kUnsupported},
        BadKey{"input_size", {"3", 224, 224}, ErrorCode::kUnsupported},
        BadKey{"input_size", {3, kImageResizeSideMax + 1, 224}, ErrorCode::kLimitExceeded},
        BadKey{"input_size", {3, std::numeric_limits<std::uint64_t>::max(), 224}, ErrorCode::kCorrupt},
        BadKey{"crop_pct", 0, ErrorCode::kCorrupt}, BadKey{"crop_pct", -0.5, ErrorCode::kCorrupt},
        BadKey{"crop_pct", "0.9", ErrorCode::kCorrupt}, BadKey{"crop_pct", 1e-60, ErrorCode::kCorrupt},
        BadKey{"crop_mode", "middle", ErrorCode::kUnsupported}, BadKey{"crop_mode", 1, ErrorCode::kCorrupt},
        BadKey{"interpolation", "random", ErrorCode::kUnsupported}, BadKey{"interpolation", 3, ErrorCode::kCorrupt},
        BadKey{"mean", {0.5, 0.5}, ErrorCode::kCorrupt}, BadKey{"mean", {0.5, 0.5, "x"}, ErrorCode::kCorrupt},
        BadKey{"mean", {0.5, 1e39, 0.5}, ErrorCode::kCorrupt}, BadKey{"mean", Json::array(), ErrorCode::kCorrupt},
        BadKey{"std", {0.2, 0.0, 0.2}, ErrorCode::kCorrupt}, BadKey{"std", {0.2, -0.2, 0.2}, ErrorCode::kCorrupt},
        BadKey{"std", {0.2, 1e-60, 0.2}, ErrorCode::kCorrupt}, BadKey{"std", true, ErrorCode::kCorrupt},
        BadKey{"resize_first", true, ErrorCode::kUnsupported}));

class BadTransformersKey : public testing::TestWithParam<BadKey> {};

TEST_P(BadTransformersKey, is_refused_by_name) {
  const BadKey& bad = GetParam();
  Json processor = {{"image_processor_type", "DeiTImageProcessor"}};
  processor[bad.name] = bad.value;
  const auto settings = transformers_image_settings(processor, "", "model/preprocessor_config.json");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, bad.code) << settings.error().to_string();
  EXPECT_NE(settings.error().message.find("model/preprocessor_config.json"), std::string::npos)
      << settings.error().to_string();
  EXPECT_NE(settings.error().message.find('"' + std::string(bad.name) + '"'), std::string::npos)
      << settings.error().to_string();
}

INSTANTIATE_TEST_SUITE_P(
    all, BadTransformersKey,
    testing::Values(BadKey{"image_processor_type", 4, ErrorCode::kCorrupt},
                    BadKey{"image_processor_type", "DonutImageProcessor", ErrorCode::kUnsupported},
                    BadKey{"size", "224", ErrorCode::kCorrupt}, BadKey{"size", 0, ErrorCode::kCorrupt},
                    BadKey{"size", 16.5, ErrorCode::kCorrupt}, BadKey{"size", {1, 2, 3}, ErrorCode::kCorrupt},
                    BadKey{"size", kImageResizeSideMax + 1, ErrorCode::kLimitExceeded},
                    BadKey{"size", {{"longest_edge", 224}}, ErrorCode::kUnsupported},
                    BadKey{"size", {{"height", 224}}, ErrorCode::kUnsupported},
                    BadKey{"size", {{"height", 224}, {"width", -1}}, ErrorCode::kCorrupt},
                    BadKey{"size", {{"min_pixels", 4}, {"max_pixels", 9}}, ErrorCode::kUnsupported},
                    BadKey{"size", Json::object(), ErrorCode::kUnsupported},
                    BadKey{"crop_size", {{"shortest_edge", 224}}, ErrorCode::kUnsupported},
                    BadKey{"crop_size", false, ErrorCode::kCorrupt}, BadKey{"resample", 6, ErrorCode::kCorrupt},
                    BadKey{"resample", -1, ErrorCode::kCorrupt}, BadKey{"resample", "bicubic", ErrorCode::kCorrupt},
                    BadKey{"do_resize", "yes", ErrorCode::kCorrupt}, BadKey{"do_rescale", 1, ErrorCode::kCorrupt},
                    BadKey{"do_pad", true, ErrorCode::kUnsupported}, BadKey{"rescale_factor", 0, ErrorCode::kCorrupt},
                    BadKey{"rescale_factor", -1, ErrorCode::kCorrupt}, BadKey{"image_std", 0, ErrorCode::kCorrupt},
                    BadKey{"image_std", {0.5, 0.5}, ErrorCode::kCorrupt},
                    BadKey{"image_mean", {0.5, nullptr, 0.5}, ErrorCode::kCorrupt},
                    BadKey{"offset", true, ErrorCode::kUnsupported},
                    BadKey{"size_divisor", 32, ErrorCode::kUnsupported}));

TEST(ImageSettings, the_largest_input_passes_and_one_past_it_does_not) {
  for (const std::int64_t over : {0, 1}) {
    const std::int64_t side = kImageInputSideMax + over;
    const auto settings = timm_image_settings(timm_config({{"input_size", {3, side, side}}, {"crop_pct", 1.0}}), "c");
    EXPECT_EQ(settings.has_value(), over == 0);
    if (!settings) {
      EXPECT_EQ(settings.error().code, ErrorCode::kLimitExceeded);
    }
  }
}

TEST(ImageSettings, the_largest_picture_before_the_crop_passes_and_one_past_it_does_not) {
  for (const std::int64_t over : {0, 1}) {
    const Json processor = {{"image_processor_type", "ConvNextImageProcessor"},
                            {"size", 64},
                            {"crop_pct", 64.0 / static_cast<double>(kImageResizeSideMax + over)}};
    const auto settings = transformers_image_settings(processor, "", "c");
    EXPECT_EQ(settings.has_value(), over == 0);
    if (!settings) {
      EXPECT_EQ(settings.error().code, ErrorCode::kLimitExceeded);
    }
  }
}

TEST(ImageSettings, overrides_out_of_range_are_invalid_arguments) {
  for (const auto& overrides : {ImagePreprocessOverrides{.size = ImageSize{.width = 0, .height = 4}},
                                ImagePreprocessOverrides{.std = std::array<float, 3>{1.0F, 0.0F, 1.0F}},
                                ImagePreprocessOverrides{.mean = std::array<float, 3>{NAN, 0.0F, 1.0F}}}) {
    const auto settings = torchvision_image_settings("resnet50-0676ba61.pth", {.overrides = overrides});
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(ImageSettings, a_class_that_crops_by_crop_pct_refuses_another_crop_behind_it) {
  const Json processor = {
      {"image_processor_type", "ConvNextImageProcessor"}, {"size", 224}, {"do_center_crop", true}, {"crop_size", 200}};
  const auto settings = transformers_image_settings(processor, "", "c");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(settings.error().message.find("\"crop_size\""), std::string::npos);
}

TEST(ImageSettings, a_model_type_without_a_known_processor_is_named) {
  const auto settings = transformers_image_settings(Json::object(), "donut-swin", "c");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(settings.error().message.find("donut-swin"), std::string::npos);
}

}  // namespace
}  // namespace asterism
