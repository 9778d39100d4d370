// Where things are in a picture: random windows, cuts, mirror images, moves and turns.
//
// Windows are drawn as torchvision.transforms.RandomResizedCrop and RandomErasing draw them. Thread-safety: pure
// functions. Cost: a pass over the pixels that are kept.
#pragma once

#include <cstdint>
#include <optional>

#include "image/image.hpp"
#include "image/preprocess.hpp"
#include "image/resize.hpp"
#include "train/seeded_random.hpp"

namespace asterism {

struct CropRange {
  double area_min = 1.0;    // share of the area, from this to 1
  double aspect_max = 1.0;  // width to height, from 1 / this to this, evenly in its logarithm
};

// Ten attempts; then the largest window of an allowed aspect, from the middle.
ImageWindow random_crop_window(ImageSize size, const CropRange& range, SeededRandom& random);
// 2 to 33 % of the area, an aspect of 0.3 to 3.3; nothing after ten attempts that do not fit.
std::optional<ImageWindow> random_erase_window(ImageSize size, SeededRandom& random);

// `window` lies inside.
Image cut_window(const Image& image, const ImageWindow& window);
// Left becomes right.
void mirror(Image& image);
// Pixel (x, y) of the result is (x + dx, y + dy) of the picture, black outside.
Image moved(const Image& image, std::int64_t dx, std::int64_t dy);
// About the middle, counter-clockwise; bilinear, black outside.
Image rotated(const Image& image, double degrees);

}  // namespace asterism
