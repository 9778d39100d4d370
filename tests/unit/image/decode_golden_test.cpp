#include <gtest/gtest.h>

#include <cstdlib>

#include "image/decode.hpp"
#include "support.hpp"

namespace asterism {
namespace {

class DecodeGolden : public testing::Test {
 protected:
  const Json cases_ = image_golden_cases("decode.json");
};

TEST_F(DecodeGolden, GivesPillowsPixelsBitForBit) {
  ASSERT_GT(cases_.size(), 140U);
  for (const Json& golden : cases_) {
    const auto name = golden["name"].get<std::string>();
    SCOPED_TRACE(name);
    const auto image = decode_image(read_sample(name));
    ASSERT_TRUE(image.has_value()) << image.error().to_string();
    EXPECT_EQ(image->width, golden["width"].get<std::int64_t>());
    EXPECT_EQ(image->height, golden["height"].get<std::int64_t>());
    if (!golden.contains("pixels")) {
      EXPECT_EQ(pixels_sha256(*image), golden["sha256"].get<std::string>());
      continue;
    }
    // The script says why these few may differ by one level.
    const auto expected = golden["pixels"].get<std::vector<int>>();
    ASSERT_EQ(image->pixels.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_LE(std::abs(int{image->pixels[i]} - expected[i]), 1) << "byte " << i;
    }
  }
}

TEST_F(DecodeGolden, HeaderSaysTheSizeWithoutDecoding) {
  for (const Json& golden : cases_) {
    const auto name = golden["name"].get<std::string>();
    SCOPED_TRACE(name);
    const auto header = read_image_header(read_sample(name));
    ASSERT_TRUE(header.has_value()) << header.error().to_string();
    const bool exchanged = header->orientation >= 5;
    EXPECT_EQ(exchanged ? header->height : header->width, golden["width"].get<std::int64_t>());
    EXPECT_EQ(exchanged ? header->width : header->height, golden["height"].get<std::int64_t>());
    const std::string format(image_format_name(header->format));
    EXPECT_TRUE(name.starts_with(format == "JPEG"   ? "jpeg"
                                 : format == "PNG"  ? "png"
                                 : format == "WebP" ? "webp"
                                                    : name.substr(0, 3)));
  }
}

TEST_F(DecodeGolden, ReusedImageHoldsNothingOfTheOneBefore) {
  Image image;
  for (const Json& golden : cases_) {
    const auto name = golden["name"].get<std::string>();
    SCOPED_TRACE(name);
    image.pixels.assign(image.pixels.size(), 0xAB);
    ASSERT_TRUE(decode_image_into(read_sample(name), {}, image).has_value());
    if (!golden.contains("pixels")) {
      EXPECT_EQ(pixels_sha256(image), golden["sha256"].get<std::string>());
    }
  }
}

TEST(Decode, ShrinksJpegOnlyWhenAskedAndNotBelowTheEdge) {
  const auto bytes = read_sample("jpeg_444");  // 19 x 13
  EXPECT_EQ(decode_image(bytes, {.jpeg_shrink_edge = 14})->width, 19);
  const auto half = decode_image(bytes, {.jpeg_shrink_edge = 6});
  EXPECT_EQ(half->width, 10);
  EXPECT_EQ(half->height, 7);
  const auto quarter = decode_image(bytes, {.jpeg_shrink_edge = 3});
  EXPECT_EQ(quarter->width, 5);
  EXPECT_EQ(quarter->height, 4);
  EXPECT_EQ(decode_image(read_sample("png_rgb_8"), {.jpeg_shrink_edge = 3})->width, 19);
}

}  // namespace
}  // namespace asterism
