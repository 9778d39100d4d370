#include "image/jpeg_encode.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "image/decode.hpp"

namespace asterism {
namespace {

Image ramp(std::int64_t width, std::int64_t height) {
  Image image{.width = width, .height = height, .pixels = {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<std::uint8_t>(255 * x / width));
      image.pixels.push_back(static_cast<std::uint8_t>(255 * y / height));
      image.pixels.push_back(128);
    }
  }
  return image;
}

TEST(EncodeJpeg, decodes_to_nearly_the_same_picture) {
  const Image image = ramp(41, 23);
  const auto file = encode_jpeg(image, 90);
  ASSERT_TRUE(file) << file.error().to_string();
  const auto decoded = decode_image(std::as_bytes(std::span(*file)));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  ASSERT_EQ(decoded->width, 41);
  ASSERT_EQ(decoded->height, 23);
  double difference = 0.0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    difference += std::abs(int{image.pixels[i]} - int{decoded->pixels[i]});
  }
  EXPECT_LT(difference / static_cast<double>(image.pixels.size()), 4.0);
}

TEST(EncodeJpeg, sizes_and_qualities_outside_the_format_are_refused) {
  EXPECT_EQ(encode_jpeg(Image{}, 90).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(encode_jpeg(ramp(kJpegEdgeMax + 1, 1), 90).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(encode_jpeg(ramp(2, 2), 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(encode_jpeg(ramp(2, 2), 101).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(encode_jpeg(ramp(kJpegEdgeMax, 1), 90));
}

}  // namespace
}  // namespace asterism
