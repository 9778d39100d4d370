// Rows of other pixel formats to rows of RGB, with Pillow's arithmetic.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "image/image.hpp"

namespace asterism {

// 256 entries of RGB; entries a file does not give are black, as in Pillow.
using RgbPalette = std::array<std::array<std::uint8_t, 3>, 256>;

// The 3 * width bytes of row y.
inline std::span<std::uint8_t> image_row(Image& image, std::int64_t y) {
  const auto size_bytes = static_cast<std::size_t>(image.width) * 3;
  return {image.pixels.data() + static_cast<std::size_t>(y) * size_bytes, size_bytes};
}

// Each takes one row with `to.size() / 3` pixels.
void grey_row_to_rgb(std::span<const std::uint8_t> from, std::span<std::uint8_t> to);
void palette_row_to_rgb(std::span<const std::uint8_t> from, const RgbPalette& palette, std::span<std::uint8_t> to);
// C, M, Y, K; 0 is no ink.
void cmyk_row_to_rgb(std::span<const std::uint8_t> from, std::span<std::uint8_t> to);
// Pixels of `channel_count` bytes of which the first three are R, G, B.
void strided_row_to_rgb(std::span<const std::uint8_t> from, std::size_t channel_count, std::span<std::uint8_t> to);

}  // namespace asterism
