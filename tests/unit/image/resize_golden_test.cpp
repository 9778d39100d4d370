#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "image/resize.hpp"
#include "support.hpp"

namespace asterism {
namespace {

Interpolation interpolation_of(const std::string& name) {
  const std::map<std::string, Interpolation> names{
      {"nearest", Interpolation::kNearest},   {"box", Interpolation::kBox},
      {"bilinear", Interpolation::kBilinear}, {"hamming", Interpolation::kHamming},
      {"bicubic", Interpolation::kBicubic},   {"lanczos", Interpolation::kLanczos}};
  return names.at(name);
}

TEST(ResizeGolden, EqualsPillowAndTorchBitForBit) {
  std::size_t count = 0;
  for (const Json& golden : image_golden_cases("resize.json")) {
    const auto name = golden["name"].get<std::string>();
    if (name.starts_with("plain_")) {
      continue;
    }
    const ImageSize size{golden["new_width"].get<std::int64_t>(), golden["new_height"].get<std::int64_t>()};
    const Image image = noise_image(golden["width"].get<std::int64_t>(), golden["height"].get<std::int64_t>(),
                                    golden["seed"].get<std::uint32_t>());
    SCOPED_TRACE(name + " " + std::to_string(image.width) + " x " + std::to_string(image.height) + " to " +
                 std::to_string(size.width) + " x " + std::to_string(size.height));
    const ResizeOptions options{
        .interpolation = interpolation_of(golden["filter"].get<std::string>()),
        .arithmetic = name.starts_with("torch_") ? ResizeArithmetic::kTorch : ResizeArithmetic::kPillow};
    const auto resized = resize_image(image, size, options);
    ASSERT_TRUE(resized.has_value()) << resized.error().to_string();
    EXPECT_EQ(pixels_sha256(*resized), golden["sha256"].get<std::string>());
    ++count;
  }
  EXPECT_EQ(count, 22U * 8U);
}

// torch adds the taps in another order in float32: one level where the sum lies at a half, which few pixels meet.
TEST(ResizeGolden, WithoutAntialiasIsWithinOneLevelOfTorch) {
  std::size_t count = 0;
  for (const Json& golden : image_golden_cases("resize.json")) {
    if (!golden["name"].get<std::string>().starts_with("plain_")) {
      continue;
    }
    const Image image = noise_image(golden["width"].get<std::int64_t>(), golden["height"].get<std::int64_t>(),
                                    golden["seed"].get<std::uint32_t>());
    const ImageSize size{golden["new_width"].get<std::int64_t>(), golden["new_height"].get<std::int64_t>()};
    const auto resized = resize_image(
        image, size, {.interpolation = interpolation_of(golden["filter"].get<std::string>()), .antialias = false});
    ASSERT_TRUE(resized.has_value());
    const auto expected = golden["pixels"].get<std::vector<int>>();
    ASSERT_EQ(resized->pixels.size(), expected.size());
    std::size_t other = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_LE(std::abs(int{resized->pixels[i]} - expected[i]), 1) << "byte " << i;
      other += resized->pixels[i] != expected[i] ? 1U : 0U;
    }
    EXPECT_LE(other * 50, expected.size());
    ++count;
  }
  EXPECT_EQ(count, 6U);
}

TEST(Resize, WindowEqualsThatPartOfTheWhole) {
  const Image image = noise_image(150, 211, 5);
  const ImageWindow window{11, 7, 40, 33};
  for (const ImageSize size :
       {ImageSize{90, 80}, ImageSize{150, 50}, ImageSize{60, 211}, ImageSize{140, 60}, ImageSize{300, 400}}) {
    for (const Interpolation interpolation :
         {Interpolation::kNearest, Interpolation::kBilinear, Interpolation::kLanczos}) {
      for (const bool antialias : {true, false}) {
        const ResizeOptions options{.interpolation = interpolation, .antialias = antialias};
        const auto whole = resize_image(image, size, options);
        ASSERT_TRUE(whole.has_value());
        ResizeScratch scratch;
        const std::size_t stride = padded_stride_bytes(window.width);
        std::vector<std::uint8_t> rows(stride * static_cast<std::size_t>(window.height));
        resize_window(image, size, options, window, scratch, {rows.data(), stride});
        for (std::int64_t y = 0; y < window.height; ++y) {
          const auto* expected = whole->pixels.data() + ((window.y + y) * size.width + window.x) * 3;
          ASSERT_TRUE(
              std::equal(expected, expected + window.width * 3, rows.data() + static_cast<std::size_t>(y) * stride))
              << size.width << " x " << size.height << " row " << y;
        }
      }
    }
  }
}

TEST(Resize, RefusesSizesOutOfRange) {
  const Image image = noise_image(4, 4, 1);
  EXPECT_TRUE(resize_image(image, {kImageEdgeMax, 1}).has_value());
  EXPECT_EQ(resize_image(image, {kImageEdgeMax + 1, 1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(resize_image(image, {4, 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(resize_image(noise_image(kImageSourceEdgeMax, 1, 1), {8, 1}).has_value());
  EXPECT_EQ(resize_image(noise_image(kImageSourceEdgeMax + 1, 1, 1), {8, 1}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(resize_image(Image{}, {4, 4}).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace asterism
