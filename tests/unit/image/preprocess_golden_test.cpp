#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "image/preprocess.hpp"
#include "support.hpp"

namespace asterism {
namespace {

template <typename T>
T named(const Json& settings, const char* key, const std::map<std::string, T>& names, T otherwise) {
  return settings.contains(key) ? names.at(settings[key].get<std::string>()) : otherwise;
}

ImagePreprocess settings_of(const Json& json) {
  ImagePreprocess settings;
  settings.resize = named<ResizeMode>(json, "resize",
                                      {{"exact", ResizeMode::kExact},
                                       {"shortest", ResizeMode::kShortestEdge},
                                       {"fill", ResizeMode::kFill},
                                       {"fit", ResizeMode::kFit}},
                                      ResizeMode::kNone);
  settings.resize_width = json.value("resize_width", std::int64_t{0});
  settings.resize_height = json.value("resize_height", std::int64_t{0});
  if (json.contains("longest_edge_max")) {
    settings.longest_edge_max = json["longest_edge_max"].get<std::int64_t>();
  }
  settings.resize_rounding = named<ResizeRounding>(json, "resize_rounding", {{"half_even", ResizeRounding::kHalfEven}},
                                                   ResizeRounding::kFloor);
  settings.interpolation = named<Interpolation>(
      json, "interpolation", {{"bilinear", Interpolation::kBilinear}, {"lanczos", Interpolation::kLanczos}},
      Interpolation::kBicubic);
  settings.arithmetic =
      named<ResizeArithmetic>(json, "arithmetic", {{"torch", ResizeArithmetic::kTorch}}, ResizeArithmetic::kPillow);
  settings.crop = named<CropMode>(json, "crop", {{"center", CropMode::kCenter}}, CropMode::kNone);
  settings.crop_width = json.value("crop_width", std::int64_t{0});
  settings.crop_height = json.value("crop_height", std::int64_t{0});
  settings.crop_offset = named<CropOffset>(json, "crop_offset", {{"floor", CropOffset::kFloor}}, CropOffset::kHalfEven);
  settings.channels = named<ChannelOrder>(json, "channels", {{"grey", ChannelOrder::kGrey}}, ChannelOrder::kRgb);
  settings.normalize =
      named<NormalizeRule>(json, "normalize", {{"rescale", NormalizeRule::kRescale}, {"fused", NormalizeRule::kFused}},
                           NormalizeRule::kDivide);
  settings.fill = json.value("fill", std::array<std::uint8_t, 3>{});
  settings.mean = json.value("mean", std::array<float, 3>{0.48145466F, 0.4578275F, 0.40821073F});
  settings.std = json.value("std", std::array<float, 3>{0.26862954F, 0.26130258F, 0.27577711F});
  return settings;
}

TEST(PreprocessGolden, EqualsTheOriginalsBitForBit) {
  const Json cases = image_golden_cases("preprocess.json");
  ASSERT_EQ(cases.size(), 51U);
  PreprocessScratch scratch;
  for (const Json& golden : cases) {
    const Image image = noise_image(golden["width"].get<std::int64_t>(), golden["height"].get<std::int64_t>(),
                                    golden["seed"].get<std::uint32_t>());
    SCOPED_TRACE(golden["name"].get<std::string>() + " " + std::to_string(image.width) + " x " +
                 std::to_string(image.height));
    const ImagePreprocess settings = settings_of(golden["settings"]);
    const auto tensor = preprocess_image(image, settings);
    ASSERT_TRUE(tensor.has_value()) << tensor.error().to_string();
    ASSERT_EQ(tensor->shape(), golden["shape"].get<Shape>());
    const auto values = golden["values"].get<std::vector<float>>();
    const std::size_t step = std::max<std::size_t>(1, tensor->element_count() / 16);
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(tensor->as<float>()[i * step], values[i]) << "value " << i * step;
    }
    EXPECT_EQ(sha256_hex(tensor->bytes()), golden["sha256"].get<std::string>());
    std::vector<float> row(tensor->element_count(), NAN);
    ASSERT_TRUE(preprocess_image_into(image, settings, row, scratch).has_value());
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(row))), golden["sha256"].get<std::string>());
  }
}

TEST(Preprocess, BgrIsRgbWithChannelsExchanged) {
  const Image image = noise_image(8, 6, 2);
  ImagePreprocess settings{.mean = {0, 0, 0}, .std = {1, 1, 1}};
  const auto rgb = preprocess_image(image, settings);
  settings.channels = ChannelOrder::kBgr;
  const auto bgr = preprocess_image(image, settings);
  ASSERT_TRUE(rgb.has_value() && bgr.has_value());
  const std::size_t plane = 8 * 6;
  for (std::size_t i = 0; i < plane; ++i) {
    EXPECT_EQ(rgb->as<float>()[i], bgr->as<float>()[2 * plane + i]);
    EXPECT_EQ(rgb->as<float>()[plane + i], bgr->as<float>()[plane + i]);
  }
}

TEST(Preprocess, SizeRulesFollowTheOriginals) {
  const auto size = [](ImageSize input, ImagePreprocess settings) { return *resized_image_size(input, settings); };
  ImagePreprocess shortest{.resize = ResizeMode::kShortestEdge, .resize_width = 224};
  EXPECT_EQ(size({640, 427}, shortest), (ImageSize{335, 224}));
  EXPECT_EQ(size({427, 640}, shortest), (ImageSize{224, 335}));
  shortest.resize_rounding = ResizeRounding::kHalfEven;
  EXPECT_EQ(size({640, 427}, shortest), (ImageSize{336, 224}));
  const ImagePreprocess longest{.resize = ResizeMode::kLongestEdge, .resize_width = 224};
  EXPECT_EQ(size({640, 427}, longest), (ImageSize{224, 149}));
  EXPECT_EQ(size({427, 640}, longest), (ImageSize{149, 224}));
}

TEST(Preprocess, RefusesWhatCannotBe) {
  const Image image = noise_image(8, 6, 2);
  const auto code = [&](const ImagePreprocess& settings) { return preprocess_image(image, settings).error().code; };
  EXPECT_EQ(code({.resize = ResizeMode::kExact, .resize_width = 4}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.crop = CropMode::kCenter, .crop_width = 0, .crop_height = 4}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.crop = CropMode::kCenter, .crop_width = kImageEdgeMax + 1, .crop_height = 4}),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.std = {1.0F, 0.0F, 1.0F}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(preprocess_image(Image{8, 6, {}}, {}).error().code, ErrorCode::kInvalidArgument);
  // 1 x 3000 with a shortest edge of 224 would be 672,000 high.
  EXPECT_EQ(preprocess_image(noise_image(1, 3000, 1), {.resize = ResizeMode::kShortestEdge, .resize_width = 224})
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  std::vector<float> row(8 * 6 * 3 - 1);
  EXPECT_EQ(preprocess_image_into(image, {}, row).error().code, ErrorCode::kMismatch);
}

}  // namespace
}  // namespace asterism
