// A decoded picture: 8-bit RGB, row by row, without padding. A value; no thread touches it but its owner's.
#pragma once

#include <cstdint>
#include <vector>

namespace asterism {

struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3]
};

}  // namespace asterism
