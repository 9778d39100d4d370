#include "image/preprocess_text.hpp"

#include <gtest/gtest.h>

namespace asterism {
namespace {

ImagePreprocess resnet() {
  ImagePreprocess preprocess;
  preprocess.resize = ResizeMode::kShortestEdge;
  preprocess.resize_width = 256;
  preprocess.interpolation = Interpolation::kBilinear;
  preprocess.crop = CropMode::kCenter;
  preprocess.crop_width = 224;
  preprocess.crop_height = 192;
  preprocess.mean = {0.485F, 0.456F, 0.406F};
  preprocess.std = {0.229F, 0.224F, 0.225F};
  return preprocess;
}

TEST(PreprocessText, says_every_step_in_order) {
  EXPECT_EQ(describe_preprocess(resnet()),
            "resize the shorter edge to 256 (bilinear, antialias), centre crop 192x224, x/255, mean [0.485, 0.456, "
            "0.406], std [0.229, 0.224, 0.225]");
}

TEST(PreprocessText, leaves_out_what_does_nothing) {
  ImagePreprocess preprocess;
  preprocess.rescale = 1.0;
  EXPECT_EQ(describe_preprocess(preprocess), "no resize");
}

TEST(PreprocessText, names_borders_channels_and_factors) {
  ImagePreprocess preprocess;
  preprocess.resize = ResizeMode::kFit;
  preprocess.resize_width = 30;
  preprocess.resize_height = 20;
  preprocess.interpolation = Interpolation::kNearest;
  preprocess.crop = CropMode::kCenter;
  preprocess.crop_width = 30;
  preprocess.crop_height = 20;
  preprocess.fill = {124, 116, 104};
  preprocess.channels = ChannelOrder::kBgr;
  preprocess.rescale = 0.5;
  preprocess.rescale_offset = 1.0F;
  EXPECT_EQ(describe_preprocess(preprocess),
            "resize to fit in 20x30 (nearest), centre crop 20x30 padded with [124, 116, 104], bgr, x*0.5 - 1");
}

TEST(PreprocessText, json_holds_the_numbers_as_files_spell_them) {
  const Json json = preprocess_json(resnet());
  EXPECT_EQ(json["resize"]["mode"], "shortest_edge");
  EXPECT_EQ(json["resize"]["edge"], 256);
  EXPECT_EQ(json["resize"]["interpolation"], "bilinear");
  EXPECT_EQ(json["crop"]["height"], 192);
  EXPECT_EQ(json["crop"]["width"], 224);
  EXPECT_EQ(json["mean"].dump(), "[0.485,0.456,0.406]");
  EXPECT_EQ(json["std"].dump(), "[0.229,0.224,0.225]");
}

TEST(PreprocessText, json_of_grey_pictures_has_one_value_a_channel) {
  ImagePreprocess preprocess = resnet();
  preprocess.channels = ChannelOrder::kGrey;
  preprocess.resize = ResizeMode::kNone;
  preprocess.crop = CropMode::kNone;
  const Json json = preprocess_json(preprocess);
  EXPECT_TRUE(json["resize"].is_null());
  EXPECT_TRUE(json["crop"].is_null());
  EXPECT_EQ(json["channels"], "grey");
  EXPECT_EQ(json["mean"].dump(), "[0.485]");
}

TEST(PreprocessText, every_filter_has_a_name_that_reads_back) {
  for (const auto filter : {Interpolation::kNearest, Interpolation::kBox, Interpolation::kBilinear,
                            Interpolation::kHamming, Interpolation::kBicubic, Interpolation::kLanczos}) {
    const auto read = interpolation_by_name(interpolation_name(filter));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, filter);
  }
  const auto unknown = interpolation_by_name("random");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(unknown.error().message.find("bicubic"), std::string::npos);
}

}  // namespace
}  // namespace asterism
