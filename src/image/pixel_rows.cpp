#include "image/pixel_rows.hpp"

#include <algorithm>

namespace asterism {
namespace {

// round(a * b / 255): Pillow's MULDIV255.
std::uint32_t multiply_divide_255(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t product = a * b + 128;
  return ((product >> 8U) + product) >> 8U;
}

}  // namespace

void grey_row_to_rgb(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = from[x];
  }
}

void palette_row_to_rgb(std::span<const std::uint8_t> from, const RgbPalette& palette, std::span<std::uint8_t> to) {
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    std::ranges::copy(palette[from[x]], to.subspan(3 * x, 3).begin());
  }
}

void cmyk_row_to_rgb(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    const std::uint32_t light = 255U - from[4 * x + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      to[3 * x + c] = static_cast<std::uint8_t>(light - multiply_divide_255(from[4 * x + c], light));
    }
  }
}

void strided_row_to_rgb(std::span<const std::uint8_t> from, std::size_t channel_count, std::span<std::uint8_t> to) {
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    to[3 * x] = from[channel_count * x];
    to[3 * x + 1] = from[channel_count * x + 1];
    to[3 * x + 2] = from[channel_count * x + 2];
  }
}

}  // namespace asterism
