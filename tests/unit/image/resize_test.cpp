#include "image/resize.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace asterism {
namespace {

TEST(Resize, OneColourStaysThatColour) {
  const Image image{7, 5, std::vector<std::uint8_t>(7 * 5 * 3, 93)};
  for (const Interpolation interpolation : {Interpolation::kNearest, Interpolation::kBox, Interpolation::kLanczos}) {
    const auto resized = resize_image(image, {4, 11}, {.interpolation = interpolation});
    ASSERT_TRUE(resized.has_value()) << resized.error().to_string();
    EXPECT_EQ(resized->pixels.size(), 4U * 11U * 3U);
    EXPECT_TRUE(std::ranges::all_of(resized->pixels, [](std::uint8_t value) { return value == 93; }));
  }
}

}  // namespace
}  // namespace asterism
