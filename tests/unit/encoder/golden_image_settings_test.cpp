// What timm, transformers and torchvision made of four pictures under every recorded configuration
// (tools/goldens/image_settings_record.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "image/image.hpp"
#include "image_settings_case.hpp"
#include "scratch_folder.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(ASTERISM_SOURCE_DIR) / "tests/golden/image_settings";

// Of the values, every fifth of the kept elements is recorded (VALUE_STRIDE of the script).
constexpr std::size_t kValueStride = 5;

struct Recorded {
  Json manifest;
  std::map<std::string, Tensor> tensors;
};

const Recorded& recorded() {
  static const Recorded all = [] {
    auto manifest = read_json_file(kGolden / "manifest.json");
    auto tensors = read_safetensors(kGolden / "expected.safetensors");
    Recorded out;
    out.manifest = manifest ? *manifest : Json{{"cases", Json::array()}, {"pictures", Json::array()}};
    if (tensors) {
      out.tensors.insert(tensors->tensors.begin(), tensors->tensors.end());
    }
    return out;
  }();
  return all;
}

std::vector<Json> all_cases() {
  const Json& cases = recorded().manifest["cases"];
  return {cases.begin(), cases.end()};
}

Image picture(const std::string& name) {
  const Tensor& tensor = recorded().tensors.at("picture." + name);
  const auto pixels = tensor.as<std::uint8_t>();
  return {.width = tensor.shape()[1], .height = tensor.shape()[0], .pixels = {pixels.begin(), pixels.end()}};
}

std::vector<float> sampled(std::span<const float> values, std::size_t stride) {
  std::vector<float> out;
  for (std::size_t i = 0; i < values.size(); i += stride) {
    out.push_back(values[i]);
  }
  return out;
}

// Grey levels: the same steps without rescale and normalisation.
ImagePreprocess levels_only(ImagePreprocess preprocess) {
  preprocess.rescale = 1.0;
  preprocess.rescale_offset = 0.0F;
  preprocess.mean = {0.0F, 0.0F, 0.0F};
  preprocess.std = {1.0F, 1.0F, 1.0F};
  return preprocess;
}

class ImageSettingsFiles : public testing::Test {
 protected:
  ScratchFolder scratch_{"image-settings"};
  fs::path folder_ = scratch_.path();
};

class ImageSettingsGolden : public ImageSettingsFiles, public testing::WithParamInterface<Json> {};

void check_levels(const Json& golden, const ImagePreprocess& preprocess, const std::string& name) {
  const auto tensor = preprocess_image(picture(name), levels_only(preprocess));
  ASSERT_TRUE(tensor) << tensor.error().to_string();
  ASSERT_EQ(tensor->shape(), golden["shape"].get<Shape>());
  const auto actual = sampled(tensor->as<float>(), golden["stride"].get<std::size_t>());
  const std::string key = golden["name"].get<std::string>() + "." + name;
  const auto levels = recorded().tensors.at(key + ".levels").as<std::uint8_t>();
  ASSERT_EQ(actual.size(), levels.size());
  EXPECT_TRUE(std::ranges::equal(actual, levels)) << name;
}

void check_values(const Json& golden, const ImagePreprocess& preprocess, const std::string& name) {
  const auto key = golden["name"].get<std::string>() + "." + name + ".values";
  const auto found = recorded().tensors.find(key);
  if (found == recorded().tensors.end()) {
    return;
  }
  const auto tensor = preprocess_image(picture(name), preprocess);
  ASSERT_TRUE(tensor) << tensor.error().to_string();
  const auto actual = sampled(tensor->as<float>(), golden["stride"].get<std::size_t>() * kValueStride);
  const auto expected = found->second.as<float>();
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // 4 units in the last place: EfficientNet's two divisions by the deviation are one by its square here.
    EXPECT_FLOAT_EQ(actual[i], expected[i]) << i;
  }
}

TEST_P(ImageSettingsGolden, gives_the_originals_pictures) {
  const Json& golden = GetParam();
  const auto settings = read_recorded_settings(golden, folder_);
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_EQ((Shape{settings->channels, settings->size.height, settings->size.width}), golden["shape"].get<Shape>());
  EXPECT_TRUE(settings->warnings.empty());
  for (const Json& name : recorded().manifest["pictures"]) {
    check_levels(golden, settings->preprocess, name.get<std::string>());
    check_values(golden, settings->preprocess, name.get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(all, ImageSettingsGolden, testing::ValuesIn(all_cases()),
                         [](const auto& golden) { return golden.param["name"].template get<std::string>(); });

// transformers' torchvision backend, which is not followed to the bit, away from borders: both round after each of two
// passes, with weights of other precision. Three levels are reached where a picture is enlarged.
constexpr int kBackendDifferenceMax = 3;

bool is_padded(const Image& image, const ImagePreprocess& preprocess) {
  const auto resized = resized_image_size({.width = image.width, .height = image.height}, preprocess);
  return preprocess.crop == CropMode::kCenter &&
         (resized.value().width < preprocess.crop_width || resized.value().height < preprocess.crop_height);
}

TEST_F(ImageSettingsFiles, the_other_backend_of_transformers_is_close) {
  std::size_t compared = 0;
  for (const Json& golden : all_cases()) {
    const auto settings = read_recorded_settings(golden, folder_);
    ASSERT_TRUE(settings) << settings.error().to_string();
    for (const Json& name : recorded().manifest["pictures"]) {
      const auto key = golden["name"].get<std::string>() + "." + name.get<std::string>() + ".torch";
      const auto found = recorded().tensors.find(key);
      const Image image = picture(name.get<std::string>());
      if (found == recorded().tensors.end() || is_padded(image, settings->preprocess)) {
        continue;
      }
      const auto tensor = preprocess_image(image, levels_only(settings->preprocess));
      ASSERT_TRUE(tensor) << tensor.error().to_string();
      const auto actual = sampled(tensor->as<float>(), golden["stride"].get<std::size_t>());
      const auto levels = found->second.as<std::uint8_t>();
      ASSERT_EQ(actual.size(), levels.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        ASSERT_NEAR(actual[i], levels[i], kBackendDifferenceMax) << key;
      }
      compared += actual.size();
    }
  }
  EXPECT_GT(compared, 50'000U);
}

}  // namespace
}  // namespace asterism
