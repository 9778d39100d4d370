// The segments of a JPEG file in front of its first scan: size, metadata, and what kind of JPEG it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "asterism/error.hpp"
#include "image/metadata.hpp"

namespace asterism {

struct JpegSegments {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::uint32_t bits_per_sample = 0;
  std::uint32_t component_count = 0;
  bool has_frame = false;  // a start-of-frame segment was seen
  ImageMetadata metadata;
};

// Walks as far as the bytes go; a file that ends early gives what was found until then.
JpegSegments read_jpeg_segments(std::span<const std::byte> bytes);

}  // namespace asterism
