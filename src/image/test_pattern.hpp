// Pictures that anyone can draw again from their name and size, for references that need no picture file.
//
// Whole numbers only, so that every program draws the same bytes (tools/goldens/test_pattern.py is the other one).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "image/preprocess.hpp"

namespace asterism {

inline constexpr std::int64_t kTestPatternEdgeMax = 4096;

// "ramp": colours that change slowly. "disc": plain blocks and a disc, sharp edges. "noise": every byte for itself.
std::vector<std::string_view> test_pattern_names();

// kInvalidArgument for another name, or an edge outside 2 to kTestPatternEdgeMax.
Result<Image> test_pattern(std::string_view name, ImageSize size);

// An uncompressed BMP file of 24 bits a pixel: the plainest file there is, for what takes files alone.
std::string encode_bmp(const Image& image);

}  // namespace asterism
