#include "train/picture_augment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace asterism {
namespace {

Image gradient(std::int64_t width, std::int64_t height) {
  Image image{width, height, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<std::uint8_t>(x * 255 / std::max<std::int64_t>(1, width - 1)));
      image.pixels.push_back(static_cast<std::uint8_t>(y * 255 / std::max<std::int64_t>(1, height - 1)));
      image.pixels.push_back(static_cast<std::uint8_t>((x * 7 + y * 13) % 256));
    }
  }
  return image;
}

PicturePlanes pixel(float red, float green, float blue) {
  return {1, 1, {red, green, blue}};
}

void expect_pixel(const PicturePlanes& found, float red, float green, float blue) {
  EXPECT_NEAR(found.values[0], red, 1e-6F);
  EXPECT_NEAR(found.values[1], green, 1e-6F);
  EXPECT_NEAR(found.values[2], blue, 1e-6F);
}

TEST(PictureAugment, brightness_multiplies_and_is_clamped) {
  PicturePlanes planes = pixel(0.2F, 0.5F, 0.9F);
  adjust_brightness(planes, 1.5);
  expect_pixel(planes, 0.3F, 0.75F, 1.0F);
}

TEST(PictureAugment, contrast_and_saturation_blend_with_grey) {
  const float grey = 0.2989F * 0.2F + 0.587F * 0.4F + 0.114F * 0.6F;
  PicturePlanes contrast = pixel(0.2F, 0.4F, 0.6F);
  adjust_contrast(contrast, 0.5);
  expect_pixel(contrast, 0.5F * (0.2F + grey), 0.5F * (0.4F + grey), 0.5F * (0.6F + grey));
  PicturePlanes saturation = pixel(0.2F, 0.4F, 0.6F);
  adjust_saturation(saturation, 0.0);
  expect_pixel(saturation, grey, grey, grey);
}

TEST(PictureAugment, hue_turns_red_to_green_to_blue_and_back) {
  PicturePlanes planes = pixel(0.9F, 0.1F, 0.1F);
  adjust_hue(planes, 1.0 / 3.0);
  expect_pixel(planes, 0.1F, 0.9F, 0.1F);
  adjust_hue(planes, 1.0 / 3.0);
  expect_pixel(planes, 0.1F, 0.1F, 0.9F);
  adjust_hue(planes, 1.0 / 3.0);
  expect_pixel(planes, 0.9F, 0.1F, 0.1F);
}

TEST(PictureAugment, blur_keeps_the_sum_and_spreads_a_point_as_the_kernel_says) {
  PicturePlanes planes{9, 9, std::vector<float>(243, 0.0F)};
  planes.values[4 * 9 + 4] = 1.0F;
  blur(planes, 5, 1.0);
  double total = 0.0;
  for (const double x : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
    total += std::exp(-0.5 * x * x);
  }
  EXPECT_NEAR(planes.values[4 * 9 + 4], 1.0 / (total * total), 1e-6);
  EXPECT_NEAR(planes.values[4 * 9 + 5], std::exp(-0.5) / (total * total), 1e-6);
  double sum = 0.0;
  for (const float value : planes.values) {
    sum += static_cast<double>(value);
  }
  EXPECT_NEAR(sum, 1.0, 1e-5);
}

TEST(PictureAugment, crops_have_areas_and_aspects_within_their_bounds) {
  const Image image = gradient(64, 48);
  const AugmentationRecipe recipe{.crop_area_min = 0.3, .crop_aspect_max = 1.5};
  double area_sum = 0.0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SeededRandom random({seed});
    const Image cut = crop_and_flip(image, recipe, random);
    const double area = static_cast<double>(cut.width * cut.height) / (64.0 * 48.0);
    EXPECT_GT(area, 0.27);  // edges are rounded to pixels
    EXPECT_LE(area, 1.0);
    EXPECT_LT(static_cast<double>(cut.width) / static_cast<double>(cut.height), 1.6);
    EXPECT_GT(static_cast<double>(cut.width) / static_cast<double>(cut.height), 0.62);
    area_sum += area;
  }
  EXPECT_NEAR(area_sum / 300.0, 0.62, 0.06);  // areas near 1 often do not fit, and are drawn again
}

TEST(PictureAugment, without_any_step_the_picture_is_the_resized_one) {
  const Image image = gradient(20, 20);
  SeededRandom random({1});
  const auto placed = augment_geometry(image, {20, 20}, {}, random);
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->pixels, image.pixels);
  const PicturePlanes planes = augment_colours(*placed, {}, {0.5, 0.5, 0.5}, random);
  EXPECT_EQ(planes.values, to_planes(image).values);
}

TEST(PictureAugment, flips_are_half_of_the_pictures_and_mirror_them) {
  const Image image = gradient(5, 3);
  int flipped = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SeededRandom random({seed});
    const Image out = crop_and_flip(image, {.flip = true}, random);
    if (out.pixels != image.pixels) {
      ++flipped;
      EXPECT_EQ(out.pixels[0], image.pixels[4 * 3]);
    }
  }
  EXPECT_NEAR(flipped, 200, 50);  // five standard deviations
}

}  // namespace
}  // namespace asterism
