// Each step of an augmentation against what torchvision made of the same picture (tools/goldens/augment_record.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "image/resize.hpp"
#include "image/test_pattern.hpp"
#include "train/colour_steps.hpp"
#include "train/picture_geometry.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

const std::string kFolder = std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/augment/";
constexpr double kLevel = 1.0 / 255.0;
// Both compute in float32 in another order; hue divides by the range of a pixel's channels, which magnifies it.
constexpr double kColourTolerance = 2e-6;
// Ours rounds what it turns to bytes.
constexpr double kRotationTolerance = 0.5 * kLevel + 1e-5;

double number(const Json& value, std::string_view key) {
  return json_get<double>(value, key, "case").value();
}
std::int64_t whole(const Json& value, std::string_view key) {
  return json_get<std::int64_t>(value, key, "case").value();
}

PicturePlanes apply(const std::string& step, const Json& value, const Image& image) {
  PicturePlanes planes = to_planes(image);
  if (step == "brightness") {
    adjust_brightness(planes, number(value, "factor"));
  } else if (step == "contrast") {
    adjust_contrast(planes, number(value, "factor"));
  } else if (step == "saturation") {
    adjust_saturation(planes, number(value, "factor"));
  } else if (step == "hue") {
    adjust_hue(planes, number(value, "shift"));
  } else if (step == "grey") {
    make_grey(planes);
  } else if (step == "blur") {
    blur(planes, whole(value, "size"), number(value, "sigma"));
  } else if (step == "solarize") {
    solarize(planes, number(value, "threshold"));
  } else if (step == "rotation") {
    return to_planes(rotated(image, number(value, "degrees")));
  } else {
    ADD_FAILURE() << "a step that this test does not know: " << step;
  }
  return planes;
}

// Bytes [3, height, width] of the crop.
std::vector<std::uint8_t> cropped(const Json& value, const Image& image) {
  const ImageWindow window{whole(value, "x"), whole(value, "y"), whole(value, "window_width"),
                           whole(value, "window_height")};
  const Image crop = resize_image(cut_window(image, window), {whole(value, "to_width"), whole(value, "to_height")},
                                  {.interpolation = Interpolation::kBilinear})
                         .value();
  std::vector<std::uint8_t> planes;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t i = channel; i < crop.pixels.size(); i += 3) {
      planes.push_back(crop.pixels[i]);
    }
  }
  return planes;
}

TEST(AugmentRecorded, every_step_gives_the_numbers_of_torchvision) {
  const Json record = read_json_file(kFolder + "cases.json").value();
  const auto file = read_safetensors(kFolder + "results.safetensors").value();
  std::map<std::string, int> counts;
  for (const Json& value : record.at("cases")) {
    const auto step = json_get<std::string>(value, "step", "case").value();
    const Image image = test_pattern(json_get<std::string>(value, "picture", "case").value(),
                                     {whole(value, "width"), whole(value, "height")})
                            .value();
    const Tensor& expected = file.tensors.at(json_get<std::string>(value, "result", "case").value());
    ++counts[step];
    if (step == "crop") {
      const auto found = cropped(value, image);
      EXPECT_TRUE(std::ranges::equal(found, expected.as<std::uint8_t>())) << value.dump();
      continue;
    }
    const PicturePlanes found = apply(step, value, image);
    const auto wanted = expected.to_f32();
    ASSERT_EQ(found.values.size(), wanted.element_count());
    double worst = 0.0;
    for (std::size_t i = 0; i < found.values.size(); ++i) {
      worst =
          std::max(worst, std::abs(static_cast<double>(found.values[i]) - static_cast<double>(wanted.as<float>()[i])));
    }
    EXPECT_LE(worst, step == "rotation" ? kRotationTolerance : kColourTolerance) << value.dump();
  }
  EXPECT_EQ(counts.size(), 9U) << "a kind of step has no recording";
}

}  // namespace
}  // namespace asterism
