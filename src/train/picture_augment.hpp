// What happens to a picture between its file and a network that learns: random crops, colours, blur.
//
// The definitions are torchvision's (transforms.RandomResizedCrop, ColorJitter, RandomGrayscale, GaussianBlur,
// RandomSolarize, RandomErasing); geometry works on bytes with Pillow's bilinear resize, colours on floats in [0, 1].
// Thread-safety: pure functions. Cost: a resize, and a pass over the small picture for each step that is on.
#pragma once

#include <cstdint>
#include <vector>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "image/preprocess.hpp"
#include "train/recipe.hpp"
#include "train/seeded_random.hpp"

namespace asterism {

// Channels one after the other, each [height, width], in [0, 1].
struct PicturePlanes {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<float> values;  // [3, height, width]
};

// Crop, resize to `size`, flip, shift and rotation: where things are.
Result<Image> augment_geometry(const Image& image, ImageSize size, const AugmentationRecipe& recipe,
                               SeededRandom& random);
// The random crop and the flip alone, at the picture's own resolution.
Image crop_and_flip(const Image& image, const AugmentationRecipe& recipe, SeededRandom& random);
// Jitter, grey, blur, solarising and erasing: how they look. `mean` fills what is erased.
PicturePlanes augment_colours(const Image& image, const AugmentationRecipe& recipe, const std::vector<double>& mean,
                              SeededRandom& random);

// The steps of augment_colours, for tests. Factors are torchvision's.
void adjust_brightness(PicturePlanes& planes, double factor);
void adjust_contrast(PicturePlanes& planes, double factor);
void adjust_saturation(PicturePlanes& planes, double factor);
void adjust_hue(PicturePlanes& planes, double shift);  // in turns, [-0.5, 0.5]
void make_grey(PicturePlanes& planes);
// A kernel of odd `size`, edges reflected.
void blur(PicturePlanes& planes, std::int64_t size, double sigma);
PicturePlanes to_planes(const Image& image);

}  // namespace asterism
