// What happens to a picture between its file and a network that learns: random crops, colours, blur.
//
// The definitions are torchvision's (transforms.RandomResizedCrop, ColorJitter, RandomGrayscale, GaussianBlur,
// RandomSolarize, RandomErasing); geometry works on bytes with Pillow's bilinear resize, colours on floats in [0, 1]:
// picture_geometry.hpp and colour_steps.hpp.
// Thread-safety: pure functions. Cost: a resize, and a pass over the small picture for each step that is on.
#pragma once

#include <vector>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "image/preprocess.hpp"
#include "train/colour_steps.hpp"
#include "train/recipe.hpp"
#include "train/seeded_random.hpp"

namespace asterism {

// Crop, resize to `size`, flip, shift and rotation: where things are.
Result<Image> augment_geometry(const Image& image, ImageSize size, const AugmentationRecipe& recipe,
                               SeededRandom& random);
// The random crop and the flip alone, at the picture's own resolution.
Image crop_and_flip(const Image& image, const AugmentationRecipe& recipe, SeededRandom& random);
// Jitter, grey, blur, solarising and erasing: how they look. `mean` fills what is erased.
PicturePlanes augment_colours(const Image& image, const AugmentationRecipe& recipe, const std::vector<double>& mean,
                              SeededRandom& random);

}  // namespace asterism
