#include "image/orientation.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace asterism {
namespace {

constexpr std::ptrdiff_t kChannels = 3;
// Squares of this many pixels keep both the rows read and the rows written in the first-level cache.
constexpr std::ptrdiff_t kBlockEdge = 32;

// Where pixel (x, y) of the result comes from: origin + x * step_x + y * step_y, in bytes.
struct Walk {
  std::ptrdiff_t origin = 0;
  std::ptrdiff_t step_x = 0;
  std::ptrdiff_t step_y = 0;
};

Walk source_walk(std::ptrdiff_t width, std::ptrdiff_t height, int orientation) {
  const std::ptrdiff_t row = width * kChannels;
  const std::ptrdiff_t right = row - kChannels;
  const std::ptrdiff_t bottom = (height - 1) * row;
  switch (orientation) {
    case 2:
      return {right, -kChannels, row};
    case 3:
      return {bottom + right, -kChannels, -row};
    case 4:
      return {bottom, kChannels, -row};
    case 5:
      return {0, row, kChannels};
    case 6:
      return {bottom, -row, kChannels};
    case 7:
      return {bottom + right, -row, -kChannels};
    case 8:
      return {right, row, -kChannels};
    default:
      return {0, kChannels, row};
  }
}

}  // namespace

void apply_orientation(Image& image, int orientation) {
  if (orientation <= 1 || orientation > 8 || image.pixels.empty()) {
    return;
  }
  const Walk walk = source_walk(image.width, image.height, orientation);
  const bool exchanged = orientation >= 5;
  const std::ptrdiff_t width = exchanged ? image.height : image.width;
  const std::ptrdiff_t height = exchanged ? image.width : image.height;
  std::vector<std::uint8_t> turned(image.pixels.size());
  for (std::ptrdiff_t y0 = 0; y0 < height; y0 += kBlockEdge) {
    for (std::ptrdiff_t x0 = 0; x0 < width; x0 += kBlockEdge) {
      for (std::ptrdiff_t y = y0; y < std::min(y0 + kBlockEdge, height); ++y) {
        std::uint8_t* to = turned.data() + (y * width + x0) * kChannels;
        const std::uint8_t* from = image.pixels.data() + walk.origin + x0 * walk.step_x + y * walk.step_y;
        const std::ptrdiff_t count = std::min(kBlockEdge, width - x0);
        for (std::ptrdiff_t i = 0; i < count; ++i) {
          const std::uint8_t* pixel = from + i * walk.step_x;
          to[0] = pixel[0];
          to[1] = pixel[1];
          to[2] = pixel[2];
          to += kChannels;
        }
      }
    }
  }
  image.pixels = std::move(turned);
  image.width = width;
  image.height = height;
}

}  // namespace asterism
