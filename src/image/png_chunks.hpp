// The chunks of a PNG file that say how the picture is held, and where its pixel data ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "image/metadata.hpp"

namespace asterism {

struct PngChunks {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool has_header = false;
  ImageMetadata metadata;
  // Where the length field of a pixel-data chunk stands that says more than the file holds, and what is there of it.
  std::optional<std::size_t> cut_data_offset;
  std::uint32_t cut_data_size_bytes = 0;
};

PngChunks read_png_chunks(std::span<const std::byte> bytes);

}  // namespace asterism
