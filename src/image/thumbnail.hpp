// Small pictures of pictures, for pages. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "asterism/error.hpp"
#include "image/image.hpp"

namespace asterism {

// A JPEG file of the image, resized so that no edge is longer than `edge`; smaller ones stay as they are.
Result<std::string> encode_thumbnail(const Image& image, std::int64_t edge);

}  // namespace asterism
