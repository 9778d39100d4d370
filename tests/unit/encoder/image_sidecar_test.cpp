#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "encoder/image_sidecar.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

ForeignImageInput input_of(std::int64_t height, std::int64_t width) {
  ForeignImageInput input;
  input.height = height;
  input.width = width;
  return input;
}

ImageSidecar parse(std::string_view text) {
  auto sidecar = parse_image_sidecar(text, "m.onnx.toml");
  EXPECT_TRUE(sidecar) << sidecar.error().to_string();
  return sidecar.value_or(ImageSidecar{});
}

TEST(ImageSidecar, every_key_is_read) {
  const ImageSidecar sidecar = parse(R"(
[preprocess]
size = [224, 160]
resize = 256
crop = "center"
interpolation = "bicubic"
antialias = false
rescale = 0.5
mean = [0.1, 0.2, 0.3]
std = 2
channels = "bgr"
layout = "nhwc"
[output]
name = "avgpool"
)");
  ImageSidecar expected;
  expected.size = ImageSize{.width = 160, .height = 224};
  expected.resize_edge = 256;
  expected.crop = CropMode::kCenter;
  expected.interpolation = Interpolation::kBicubic;
  expected.antialias = false;
  expected.rescale = 0.5;
  expected.mean = std::array<float, 3>{0.1F, 0.2F, 0.3F};
  expected.std = std::array<float, 3>{2.0F, 2.0F, 2.0F};
  expected.channels = ChannelOrder::kBgr;
  expected.layout = ImageLayout::kChannelsLast;
  expected.output = "avgpool";
  EXPECT_EQ(sidecar, expected);
  EXPECT_EQ(parse(""), ImageSidecar{});
  EXPECT_EQ(parse("[preprocess]\nresize = [8, 9]").resize_exact, (ImageSize{.width = 9, .height = 8}));
}

TEST(ImageSidecar, every_fault_is_named) {
  const std::string head = "[preprocess]\n";
  const std::vector<std::pair<std::string, std::string>> faults{
      {"[preproces]\n", "unknown key 'preproces'"},
      {"[preprocess]\nmeans = 0\n", "[preprocess]: unknown key 'means'"},
      {"[output]\nlayer = \"x\"\n", "[output]: unknown key 'layer'"},
      {"preprocess = 3\n", "preprocess: expected a table"},
      {"[output]\nname = \"\"\n", "name: expected a text"},
      {"[output]\nname = 3\n", "name: expected a text"},
      {head + "size = 0\n", "size: expected a whole number from 1 to 8192"},
      {head + "size = 8193\n", "size: expected a whole number from 1 to 8192"},
      {head + "size = 2.5\n", "size: expected a whole number"},
      {head + "size = [224]\n", "size: expected a whole number"},
      {head + "size = [224, -1]\n", "size: expected a whole number"},
      {head + "resize = 16385\n", "resize: expected a whole number from 1 to 16384"},
      {head + "crop = \"centre\"\n", "crop: expected one of \"center\", \"none\""},
      {head + "crop = true\n", "crop: expected one of"},
      {head + "interpolation = \"cubic\"\n", "interpolation: expected one of \"nearest\", \"box\", \"bilinear\""},
      {head + "antialias = 1\n", "antialias: expected true or false"},
      {head + "rescale = 0\n", "rescale: expected a number above 0"},
      {head + "rescale = inf\n", "rescale: expected a number above 0"},
      {head + "mean = [1, 2]\n", "mean: expected a number, or a list of 3"},
      {head + "mean = [1, 2, \"3\"]\n", "mean: expected a number, or a list of 3"},
      {head + "mean = nan\n", "mean: expected finite numbers"},
      {head + "std = [1, 0, 1]\n", "std: expected numbers above 0"},
      {head + "channels = \"RGB\"\n", "channels: expected one of \"rgb\", \"bgr\", \"grey\""},
      {head + "layout = \"hwc\"\n", "layout: expected one of \"nchw\", \"nhwc\""},
      {head + "size = 1\nsize = 2\n", "line 3"},
      {"[preprocess\n", "line 1"},
      {"\xFF", "line 1"},
      {"[{pppp", "line 1: expected the name of a table after ["},
      {"# x\n \t[ [.a]", "line 2: expected the name of a table after ["},
      {"[preprocess]\nsize = [2, }3]\n", "line 2: expected no inline table"},
      {"[output]\nname = \"\"\"x\"\"\"\n", "line 2: expected no inline table and no text of several lines"},
      {"[[[preprocess]\n", "line 1: expected the name of a table after ["},
      {"[", "line 1: expected the name of a table after ["},
  };
  for (const auto& [text, said] : faults) {
    const auto sidecar = parse_image_sidecar(text, "m.onnx.toml");
    ASSERT_FALSE(sidecar) << text;
    EXPECT_THAT(sidecar.error().message, testing::StartsWith("m.onnx.toml: ")) << text;
    EXPECT_THAT(sidecar.error().message, HasSubstr(said)) << text;
  }
  EXPECT_THAT(parse_image_sidecar("[preprocess]\nmeans = 0\n", "x").error().hint,
              HasSubstr("the nearest known one is 'mean'"));
}

TEST(ImageSidecar, file_beside_the_model_is_found) {
  const ScratchFolder folder("sidecar");
  EXPECT_FALSE(read_image_sidecar(folder / "m.onnx").value());
  std::ofstream(folder / "m.onnx.toml") << "[preprocess]\nsize = 7\n";
  EXPECT_EQ(read_image_sidecar(folder / "m.onnx").value()->size, (ImageSize{7, 7}));
  std::ofstream(folder / "m.onnx.toml") << std::string(kImageSidecarSizeBytesMax + 1, '#');
  const auto large = read_image_sidecar(folder / "m.onnx");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimitExceeded);
}

TEST(ImageSidecar, defaults_are_said) {
  const auto settings = sidecar_image_settings(std::nullopt, input_of(8, 6), "m.onnx");
  ASSERT_TRUE(settings) << settings.error().to_string();
  ImagePreprocess expected;
  expected.resize = ResizeMode::kExact;
  expected.resize_width = 6;
  expected.resize_height = 8;
  expected.interpolation = Interpolation::kBilinear;
  EXPECT_EQ(settings->preprocess, expected);
  EXPECT_EQ(settings->source, "defaults");
  ASSERT_EQ(settings->warnings.size(), 1U);
  EXPECT_THAT(settings->warnings[0], HasSubstr("no m.onnx.toml beside it: pictures are squashed to 6 x 8, bytes are "
                                               "scaled to [0, 1]"));
  ForeignImageInput bytes = input_of(8, 6);
  bytes.quantised = true;
  EXPECT_EQ(sidecar_image_settings(std::nullopt, bytes, "m.tflite")->preprocess.rescale, 1.0);
  ForeignImageInput grey = input_of(28, 28);
  grey.channels = 1;
  EXPECT_EQ(sidecar_image_settings(std::nullopt, grey, "m.onnx")->preprocess.channels, ChannelOrder::kGrey);
}

TEST(ImageSidecar, geometry_gives_the_size_that_the_model_takes) {
  const std::vector<std::string> texts{"resize = 256", "crop = \"center\"", "resize = [300, 400]\ncrop = \"center\"",
                                       "size = 224", "resize = [224, 224]\ncrop = \"none\""};
  for (const std::string& text : texts) {
    const auto settings = sidecar_image_settings(parse("[preprocess]\n" + text), input_of(224, 224), "m.onnx");
    ASSERT_TRUE(settings) << text << settings.error().to_string();
    EXPECT_TRUE(settings->warnings.empty());
    EXPECT_EQ(settings->source, "m.onnx.toml");
    EXPECT_EQ(preprocessed_image_size({640, 480}, settings->preprocess).value(), (ImageSize{224, 224})) << text;
  }
  const auto open = sidecar_image_settings(parse("[preprocess]\nsize = 96"), input_of(0, 0), "m.onnx");
  ASSERT_TRUE(open);
  EXPECT_EQ(open->size, (ImageSize{96, 96}));
}

TEST(ImageSidecar, disagreements_are_named) {
  const auto said = [](const std::string& text, const ForeignImageInput& input) {
    const auto settings = sidecar_image_settings(parse("[preprocess]\n" + text), input, "m.onnx");
    return settings ? std::string("settings") : settings.error().message;
  };
  EXPECT_THAT(said("size = 96", input_of(224, 224)),
              HasSubstr("takes pictures of 224 x 224, but the file beside it says"));
  EXPECT_THAT(said("", input_of(0, 0)), HasSubstr("leaves the size of its pictures open"));
  EXPECT_THAT(said("resize = 256\ncrop = \"none\"", input_of(224, 224)), HasSubstr("nothing is cropped"));
  EXPECT_THAT(said("resize = [256, 256]", input_of(224, 224)), HasSubstr("nothing is cropped"));
  EXPECT_THAT(said("channels = \"grey\"", input_of(8, 8)), HasSubstr("expected channels for an input of 3"));
  ForeignImageInput bytes = input_of(8, 8);
  bytes.quantised = true;
  EXPECT_THAT(said("mean = 0.5", bytes), HasSubstr("takes bytes from 0 to 255"));
  EXPECT_EQ(said("rescale = 1.0", bytes), "settings");
}

}  // namespace
}  // namespace asterism
