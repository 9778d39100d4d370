#include "image/tiff_pixels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace asterism {
namespace {

template <typename T>
T sample(std::span<const std::uint8_t> from, std::size_t index) {
  T value{};
  std::memcpy(&value, from.data() + index * sizeof(T), sizeof(T));
  return value;
}

std::uint8_t clip(std::int64_t value) {
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(value, 0, 255));
}

// Pillow's modes I;16, I and F to L: cut at 0 and 255, not scaled. A NaN becomes 0.
std::uint8_t wide_grey(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::size_t index) {
  if (pixels.bits_per_sample == 16) {
    return pixels.samples == TiffSamples::kSigned ? clip(sample<std::int16_t>(from, index))
                                                  : clip(sample<std::uint16_t>(from, index));
  }
  if (pixels.samples == TiffSamples::kFloat) {
    const auto value = sample<float>(from, index);
    return value > 0.0F ? static_cast<std::uint8_t>(std::min(value, 255.0F)) : std::uint8_t{0};
  }
  return clip(sample<std::int32_t>(from, index));
}

// The sample of a pixel as a number of bits_per_sample <= 8 bits.
std::uint32_t narrow_sample(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::size_t index) {
  const std::uint32_t bits = pixels.bits_per_sample;
  const std::size_t per_byte = 8 / bits;
  const auto shift = static_cast<std::uint32_t>(8 - bits * (index % per_byte + 1));
  return std::uint32_t{from[index / per_byte]} >> shift & ((1U << bits) - 1U);
}

void single_row_to_rgb(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  const std::uint32_t steps = pixels.bits_per_sample < 8 ? (1U << pixels.bits_per_sample) - 1U : 255U;
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    const std::size_t index = x * pixels.samples_per_pixel;
    if (pixels.bits_per_sample > 8) {
      const std::uint8_t grey = wide_grey(pixels, from, index);
      to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = grey;
      continue;
    }
    const std::uint32_t value = narrow_sample(pixels, from, index);
    if (pixels.color == TiffColor::kPalette) {
      std::ranges::copy(pixels.palette[value], to.subspan(3 * x, 3).begin());
    } else {
      const auto grey = static_cast<std::uint8_t>(value * 255U / steps);
      const auto shown = static_cast<std::uint8_t>(pixels.color == TiffColor::kGreyInverted ? 255 - grey : grey);
      to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = shown;
    }
  }
}

// 8 bits of one sample: the high byte of 16.
std::uint8_t byte_sample(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::size_t index) {
  return pixels.bits_per_sample == 16 ? static_cast<std::uint8_t>(sample<std::uint16_t>(from, index) >> 8U)
                                      : from[index];
}

// Colour that alpha was multiplied into becomes itself again, rounded down; what is transparent is black.
std::uint8_t divide_by_alpha(std::uint8_t value, std::uint8_t alpha) {
  if (alpha == 0 || alpha == 255) {
    return alpha == 0 ? std::uint8_t{0} : value;
  }
  return clip(std::int64_t{value} * 255 / alpha);
}

void rgb_row_to_rgb(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    const std::size_t index = x * pixels.samples_per_pixel;
    for (std::size_t c = 0; c < 3; ++c) {
      const std::uint8_t value = byte_sample(pixels, from, index + c);
      to[3 * x + c] =
          pixels.has_associated_alpha ? divide_by_alpha(value, byte_sample(pixels, from, index + 3)) : value;
    }
  }
}

void cmyk_pixels_to_rgb(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    std::array<std::uint8_t, 4> inks{};
    for (std::size_t c = 0; c < inks.size(); ++c) {
      inks[c] = byte_sample(pixels, from, x * pixels.samples_per_pixel + c);
    }
    cmyk_row_to_rgb(inks, to.subspan(3 * x, 3));
  }
}

}  // namespace

Result<void> check_tiff_pixels(const TiffPixels& pixels) {
  const std::uint32_t bits = pixels.bits_per_sample;
  const bool is_single = pixels.color_sample_count() == 1;
  const bool is_palette = pixels.color == TiffColor::kPalette;
  const bool is_narrow = bits == 1 || bits == 2 || bits == 4;
  const bool is_wide_grey =
      is_single && !is_palette && ((bits == 16 && pixels.samples != TiffSamples::kFloat) || bits == 32);
  const bool is_known = bits == 8 || (is_narrow && is_single && pixels.samples_per_pixel == 1) || is_wide_grey ||
                        (bits == 16 && !is_single);
  const bool is_integer = pixels.samples == TiffSamples::kUnsigned || is_single;
  if (!is_known || !is_integer || (bits == 8 && pixels.samples == TiffSamples::kFloat)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("TIFF: expected samples of 1, 2, 4, 8 or 16 bits, or grey of 32, found {} x {} bits",
                            pixels.samples_per_pixel, bits),
                "save the image again as PNG");
  }
  if (pixels.samples_per_pixel < pixels.color_sample_count() + (pixels.has_associated_alpha ? 1 : 0)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("TIFF: expected at least {} samples a pixel, found {}", pixels.color_sample_count(),
                            pixels.samples_per_pixel),
                "fetch or copy the file again");
  }
  return {};
}

void tiff_row_to_rgb(const TiffPixels& pixels, std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  switch (pixels.color) {
    case TiffColor::kRgb:
      return rgb_row_to_rgb(pixels, from, to);
    case TiffColor::kCmyk:
      return cmyk_pixels_to_rgb(pixels, from, to);
    default:
      return single_row_to_rgb(pixels, from, to);
  }
}

}  // namespace asterism
