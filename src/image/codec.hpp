// What the decoders of the single formats share. Each decodes as the file stores the picture; decode.cpp turns it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "asterism/error.hpp"
#include "image/decode.hpp"
#include "image/image.hpp"

namespace asterism {

using DecodeClock = std::chrono::steady_clock;

struct DecodeJob {
  std::span<const std::byte> bytes;
  const DecodeOptions& options;
  DecodeClock::time_point deadline;

  bool is_late() const { return DecodeClock::now() > deadline; }
};

// Fails on an empty picture, on more pixels than allowed and on more memory than allowed: pixels plus
// `extra_size_bytes` that the decoder takes beside them.
Result<void> check_image_size(const DecodeJob& job, std::string_view format, std::int64_t width, std::int64_t height,
                              std::uint64_t extra_size_bytes = 0);
// check_image_size, then the memory for the pixels; their content is whatever was there.
Result<void> prepare_image(const DecodeJob& job, std::string_view format, std::int64_t width, std::int64_t height,
                           Image& image, std::uint64_t extra_size_bytes = 0);
std::unexpected<Error> fail_late(const DecodeJob& job, std::string_view format);
std::unexpected<Error> fail_truncated(std::string_view format, std::string_view what);

// Each gives the orientation that the file's metadata asks for.
Result<int> decode_jpeg(const DecodeJob& job, Image& image);
Result<int> decode_png(const DecodeJob& job, Image& image);
Result<int> decode_webp(const DecodeJob& job, Image& image);
Result<int> decode_gif(const DecodeJob& job, Image& image);
Result<int> decode_tiff(const DecodeJob& job, Image& image);
Result<int> decode_bmp(const DecodeJob& job, Image& image);

Result<ImageHeader> read_jpeg_header(std::span<const std::byte> bytes);
Result<ImageHeader> read_png_header(std::span<const std::byte> bytes);
Result<ImageHeader> read_webp_header(std::span<const std::byte> bytes);
Result<ImageHeader> read_gif_header(std::span<const std::byte> bytes);
Result<ImageHeader> read_tiff_header(std::span<const std::byte> bytes);
Result<ImageHeader> read_bmp_header(std::span<const std::byte> bytes);

}  // namespace asterism
