// The header of a Windows or OS/2 bitmap: what its pixels are and where they begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "asterism/error.hpp"
#include "image/pixel_rows.hpp"

namespace asterism {

enum class BmpPixels : std::uint8_t {
  kIndexed,  // 1, 4 or 8 bits, through the palette
  kRgb555,
  kRgb565,
  kBytes,  // 3 or 4 bytes a pixel, R, G and B at `channel_offsets`
};

enum class BmpCompression : std::uint8_t { kNone, kRle8, kRle4 };

struct BmpHeader {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool is_top_down = false;
  std::uint32_t bits_per_pixel = 0;
  BmpPixels pixels = BmpPixels::kBytes;
  BmpCompression compression = BmpCompression::kNone;
  std::array<std::size_t, 3> channel_offsets{2, 1, 0};
  RgbPalette palette{};
  std::size_t pixels_offset = 0;

  // Rows are padded to four bytes.
  std::size_t stride_bytes() const noexcept {
    return static_cast<std::size_t>((static_cast<std::uint64_t>(width) * bits_per_pixel + 31) / 32 * 4);
  }
};

Result<BmpHeader> read_bmp(std::span<const std::byte> bytes);

}  // namespace asterism
