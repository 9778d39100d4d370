// torch.nn.functional.interpolate(mode, align_corners=False, antialias=False) on bytes: in float32, then rounded.
#pragma once

#include <vector>

#include "image/resize.hpp"

namespace asterism {

// The window of the image resized to `size` by kBilinear or kBicubic.
void interpolate_window(const Image& image, ImageSize size, Interpolation interpolation, const ImageWindow& window,
                        std::vector<float>& scratch, ImageRows out);

}  // namespace asterism
