// Pictures as JPEG files, for showing them: baseline, 4:2:0, no metadata.
#pragma once

#include <string>

#include "asterism/error.hpp"
#include "image/image.hpp"

namespace asterism {

// Longest edge that the format can say.
inline constexpr std::int64_t kJpegEdgeMax = 65'500;

// `quality` 1 to 100, as libjpeg scales its tables. kInvalidArgument for an empty or too large picture. Deterministic.
Result<std::string> encode_jpeg(const Image& image, int quality);

}  // namespace asterism
