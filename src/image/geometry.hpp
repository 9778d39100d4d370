// Where the pixels of a crop come from.
#pragma once

#include "image/preprocess.hpp"
#include "image/resize.hpp"

namespace asterism {

// Both sizes are within what resizing takes.
Result<void> check_resize(ImageSize input, ImageSize size);

// A crop of the resized image: the window that lies inside of it, and where on the tensor that window goes. What the
// window does not cover is filled.
struct CropPlan {
  ImageSize resized;
  ImageSize output;
  ImageWindow window;
  std::int64_t pad_left = 0;
  std::int64_t pad_top = 0;
};

Result<CropPlan> plan_crop(ImageSize input, const ImagePreprocess& settings);

}  // namespace asterism
