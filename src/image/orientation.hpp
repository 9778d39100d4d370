// Turning a picture the way its metadata says it was held.
#pragma once

#include "image/image.hpp"

namespace asterism {

// EXIF orientation 1 to 8; from 5 on width and height are exchanged.
void apply_orientation(Image& image, int orientation);

}  // namespace asterism
