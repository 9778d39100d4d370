// Rows of TIFF samples, as libtiff gives them, to RGB with the rules of Pillow's TiffImagePlugin.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "asterism/error.hpp"
#include "image/pixel_rows.hpp"

namespace asterism {

enum class TiffColor : std::uint8_t { kGrey, kGreyInverted, kRgb, kPalette, kCmyk, kLuma };
enum class TiffSamples : std::uint8_t { kUnsigned, kSigned, kFloat };

// What the tags say about one pixel.
struct TiffPixels {
  TiffColor color = TiffColor::kGrey;
  TiffSamples samples = TiffSamples::kUnsigned;
  std::uint32_t bits_per_sample = 1;
  std::uint32_t samples_per_pixel = 1;
  // The first sample behind the colour is alpha that the colour was multiplied with.
  bool has_associated_alpha = false;
  RgbPalette palette{};

  std::uint32_t color_sample_count() const noexcept {
    return color == TiffColor::kRgb ? 3 : color == TiffColor::kCmyk ? 4 : 1;
  }
};

Result<void> check_tiff_pixels(const TiffPixels& pixels);

// `from` holds to.size() / 3 pixels of samples_per_pixel samples in the processor's byte order; samples of less than a
// byte are packed, the first in the highest bits.
void tiff_row_to_rgb(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::span<std::uint8_t> to);

}  // namespace asterism
