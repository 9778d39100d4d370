// Sizes that transformers bounds on both edges, at pictures where neighbouring formulas give another pixel
// (transformers.image_transforms.get_size_with_aspect_ratio, image_utils.get_image_size_for_max_height_width).
#include <gtest/gtest.h>

#include "image/preprocess.hpp"

namespace asterism {
namespace {

ImageSize resized(ImageSize input, const ImagePreprocess& settings) {
  const auto size = resized_image_size(input, settings);
  EXPECT_TRUE(size) << size.error().to_string();
  return size.value_or(ImageSize{});
}

TEST(BoundedSize, a_bounded_longer_edge_rounds_the_shorter_one) {
  ImagePreprocess settings;
  settings.resize = ResizeMode::kShortestEdge;
  settings.resize_width = 19;
  settings.longest_edge_max = 25;
  EXPECT_EQ(resized({.width = 64, .height = 43}, settings), (ImageSize{.width = 25, .height = 17}));
  EXPECT_EQ(resized({.width = 43, .height = 64}, settings), (ImageSize{.width = 17, .height = 25}));
  EXPECT_EQ(resized({.width = 40, .height = 40}, settings), (ImageSize{.width = 19, .height = 19}));
}

TEST(BoundedSize, an_image_whose_shorter_edge_is_right_stays_as_it_is) {
  ImagePreprocess settings;
  settings.resize = ResizeMode::kShortestEdge;
  settings.resize_width = 19;
  settings.longest_edge_max = 100;
  EXPECT_EQ(resized({.width = 61, .height = 19}, settings), (ImageSize{.width = 61, .height = 19}));
}

TEST(BoundedSize, both_edges_are_multiplied_by_the_smaller_factor_and_cut) {
  ImagePreprocess settings;
  settings.resize = ResizeMode::kFit;
  settings.resize_width = 29;
  settings.resize_height = 31;
  // 40 * (29 / 40.0) is 29.0, but 40 / (40 / 29.0) is 28.999999999999996.
  EXPECT_EQ(resized({.width = 40, .height = 40}, settings), (ImageSize{.width = 29, .height = 29}));
  EXPECT_EQ(resized({.width = 41, .height = 40}, settings), (ImageSize{.width = 29, .height = 28}));
}

}  // namespace
}  // namespace asterism
