// How a picture looks, changed step by step: brightness, contrast, saturation, hue, grey, blur, solarising, erasing.
//
// The definitions are those of torchvision.transforms.v2.functional on float tensors, whose numbers
// tests/golden/augment holds. Thread-safety: pure functions. Cost: a pass or two over the planes, in loops that
// compilers turn into vector instructions; blur is two passes of `size` multiply-adds a value.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/image.hpp"
#include "image/resize.hpp"

namespace asterism {

// Channels one after the other, each [height, width], in [0, 1].
struct PicturePlanes {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<float> values;  // [3, height, width]
};

PicturePlanes to_planes(const Image& image);

// Factors are torchvision's: 1 changes nothing, 0 is black, grey of one level, or grey.
void adjust_brightness(PicturePlanes& planes, double factor);
void adjust_contrast(PicturePlanes& planes, double factor);
void adjust_saturation(PicturePlanes& planes, double factor);
void adjust_hue(PicturePlanes& planes, double shift);  // in turns, [-0.5, 0.5]
void make_grey(PicturePlanes& planes);
// A Gaussian kernel of odd `size` pixels, edges reflected.
void blur(PicturePlanes& planes, std::int64_t size, double sigma);
// What is at least `threshold` becomes its distance from 1.
void solarize(PicturePlanes& planes, double threshold);
// `window` lies inside.
void erase(PicturePlanes& planes, const ImageWindow& window, const std::array<float, 3>& colour);

}  // namespace asterism
