// Pictures as PNG files: 8-bit RGB, no metadata.
//
// Deterministic for one zlib. Thread-safety: pure. Cost: that of deflate.
#pragma once

#include <string>

#include "asterism/error.hpp"
#include "image/image.hpp"

namespace asterism {

// Longest edge: libpng's own limit.
inline constexpr std::int64_t kPngEdgeMax = 1'000'000;

// kInvalidArgument for an empty or too large picture, or fewer pixels than its edges say.
Result<std::string> encode_png(const Image& image);

}  // namespace asterism
