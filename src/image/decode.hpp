// Files of pictures to pixels: what Pillow's ImageOps.exif_transpose(Image.open(f)).convert("RGB") gives, bit for bit.
//
// The format is told by the content, never by a name. JPEG, PNG, WebP, GIF, TIFF and BMP; the first frame of animated
// files. Alpha is dropped, not composited; 16-bit grey is cut at 255 as Pillow cuts it; CMYK becomes RGB without a
// profile. EXIF (or else XMP) orientation is applied; metadata that does not parse is ignored.
// Hostile files: sizes are checked before pixels are allocated, and every decoder works against a deadline and a memory
// bound. Thread-safety: pure functions. Cost: one pass over the file; decode_image_into reuses the pixels' memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "asterism/error.hpp"
#include "image/image.hpp"

namespace asterism {

// Where Pillow 13 stops with DecompressionBombError: twice a quarter GiB of pixels of three bytes.
inline constexpr std::int64_t kImagePixelCountMax = 178'956'970;
inline constexpr std::size_t kImageFileSizeBytesMax = std::size_t{512} << 20;
// Pixels and what a decoder keeps beside them.
inline constexpr std::size_t kImageMemorySizeBytesMax = std::size_t{2} << 30;
inline constexpr std::chrono::milliseconds kImageDecodeTimeMax{60'000};

enum class ImageFormat : std::uint8_t { kJpeg, kPng, kWebp, kGif, kTiff, kBmp };

// "JPEG"
std::string_view image_format_name(ImageFormat format) noexcept;

struct DecodeOptions {
  std::int64_t pixel_count_max = kImagePixelCountMax;
  std::size_t file_size_bytes_max = kImageFileSizeBytesMax;
  std::size_t memory_size_bytes_max = kImageMemorySizeBytesMax;
  std::chrono::milliseconds time_max = kImageDecodeTimeMax;
  // What is missing at the end of a file stays as Pillow's LOAD_TRUNCATED_IMAGES leaves it; false: an error.
  bool allow_truncated = false;
  // JPEG only: decodes at 1/2, 1/4 or 1/8 of the size while both edges stay at least this long, as Pillow's
  // draft(None, (edge, edge)) does. Faster, and other pixels than the full decode.
  std::optional<std::int64_t> jpeg_shrink_edge = std::nullopt;
};

// What the first bytes of a file say.
struct ImageHeader {
  ImageFormat format = ImageFormat::kJpeg;
  std::int64_t width = 0;  // as stored: before the orientation is applied
  std::int64_t height = 0;
  int orientation = 1;  // EXIF: 1 to 8; from 5 on, width and height of the decoded image are exchanged
};

Result<ImageHeader> read_image_header(std::span<const std::byte> bytes);

Result<Image> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options = {});
// Into an image whose memory is reused. After an error its content is unspecified.
Result<void> decode_image_into(std::span<const std::byte> bytes, const DecodeOptions& options, Image& image);

}  // namespace asterism
