#include "image/orientation.hpp"

#include <gtest/gtest.h>

#include "image/metadata.hpp"
#include "support.hpp"

namespace asterism {
namespace {

// Red of 2 x 3 pixels: 1 2 / 3 4 / 5 6.
Image numbered() {
  Image image{2, 3, {}};
  for (std::uint8_t i = 1; i <= 6; ++i) {
    image.pixels.insert(image.pixels.end(), {i, 0, 0});
  }
  return image;
}

std::vector<int> reds(const Image& image) {
  std::vector<int> values;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    values.push_back(image.pixels[i]);
  }
  return values;
}

TEST(Orientation, AllEightTurnAsExifSays) {
  const std::vector<std::vector<int>> expected{{1, 2, 3, 4, 5, 6}, {2, 1, 4, 3, 6, 5}, {6, 5, 4, 3, 2, 1},
                                               {5, 6, 3, 4, 1, 2}, {1, 3, 5, 2, 4, 6}, {5, 3, 1, 6, 4, 2},
                                               {6, 4, 2, 5, 3, 1}, {2, 4, 6, 1, 3, 5}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Image image = numbered();
    apply_orientation(image, orientation);
    EXPECT_EQ(reds(image), expected[static_cast<std::size_t>(orientation - 1)]) << orientation;
    EXPECT_EQ(image.width, orientation >= 5 ? 3 : 2);
  }
}

TEST(Orientation, LargeImagesTurnBackToThemselves) {
  const Image original = noise_image(101, 67, 1);
  for (const auto& [there, back] :
       std::vector<std::pair<int, int>>{{2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 8}, {7, 7}, {8, 6}}) {
    Image image = original;
    apply_orientation(image, there);
    apply_orientation(image, back);
    EXPECT_EQ(image.pixels, original.pixels) << there;
  }
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = text_bytes(text);
  return {bytes.begin(), bytes.end()};
}

TEST(Metadata, DamagedExifCountsAsNone) {
  using namespace std::string_view_literals;
  const auto orientation = [](std::string_view exif) {
    return metadata_orientation({.exif = bytes_of(exif), .xmp = {}});
  };
  const auto good = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"sv;
  EXPECT_EQ(orientation(good), 6);
  EXPECT_EQ(orientation(std::string("Exif\0\0", 6) + std::string(good)), 6);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(orientation(good.substr(0, size)), 1) << size;
  }
  EXPECT_EQ(orientation("II*\0\xFF\xFF\xFF\xFF\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"sv), 1);
  // Two values, a text, a value out of range.
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x02\0\0\0\x06\0\0\0"sv), 1);
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x01\0\0\0\x06\0\0\0"sv), 1);
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x0A\0\0\0"sv), 1);
}

TEST(Metadata, XmpCountsOnlyWithoutExif) {
  using namespace std::string_view_literals;
  const auto xmp = bytes_of("<tiff:Orientation>8</tiff:Orientation>");
  EXPECT_EQ(metadata_orientation({.exif = {}, .xmp = xmp}), 8);
  const auto exif = bytes_of("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x0A\0\0\0"sv);
  EXPECT_EQ(metadata_orientation({.exif = exif, .xmp = xmp}), 1);
  EXPECT_EQ(metadata_orientation({.exif = {}, .xmp = bytes_of("tiff:Orientation")}), 1);
}

}  // namespace
}  // namespace asterism
