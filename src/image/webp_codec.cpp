// WebP through libwebp; the container's chunks are read here.
#include <fmt/format.h>
#include <webp/decode.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "image/byte_reader.hpp"
#include "image/codec.hpp"
#include "image/metadata.hpp"
#include "image/pixel_rows.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kName = "WebP";
constexpr std::size_t kRiffHeaderSizeBytes = 12;
constexpr std::size_t kChunkHeaderSizeBytes = 8;
constexpr std::size_t kExtendedSizeBytes = 10;
constexpr std::size_t kFrameHeaderSizeBytes = 16;

struct WebpFile {
  // The canvas of an extended file; the picture's own size else.
  std::int64_t width = 0;
  std::int64_t height = 0;
  // The first frame: its chunks, and where on the canvas it goes.
  Bytes frame;
  std::int64_t frame_x = 0;
  std::int64_t frame_y = 0;
  bool is_animated = false;
  ImageMetadata metadata;
};

std::uint32_t read_u24(Bytes bytes, std::size_t offset) {
  return read_u16(bytes, offset, ByteOrder::kLittle) | byte_at(bytes, offset + 2) << 16U;
}

void read_chunk(std::string_view type, Bytes payload, WebpFile& file) {
  if (type == "VP8X" && payload.size() >= kExtendedSizeBytes) {
    file.width = read_u24(payload, 4) + 1;
    file.height = read_u24(payload, 7) + 1;
  } else if (type == "ANMF" && payload.size() >= kFrameHeaderSizeBytes && !file.is_animated) {
    file.is_animated = true;
    file.frame_x = 2 * static_cast<std::int64_t>(read_u24(payload, 0));
    file.frame_y = 2 * static_cast<std::int64_t>(read_u24(payload, 3));
    file.frame = payload.subspan(kFrameHeaderSizeBytes);
  } else if (type == "EXIF") {
    file.metadata.exif.assign(payload.begin(), payload.end());
  } else if (type == "XMP ") {
    file.metadata.xmp.assign(payload.begin(), payload.end());
  }
}

// A file that says it is longer than it is, is truncated; pixel data that is missing shows when it is decoded.
Result<WebpFile> read_file(Bytes bytes) {
  if (bytes.size() < kRiffHeaderSizeBytes + kChunkHeaderSizeBytes) {
    return fail_truncated(kName, fmt::format("{} bytes hold no picture", bytes.size()));
  }
  const std::uint64_t said_size_bytes = std::uint64_t{read_u32(bytes, 4, ByteOrder::kLittle)} + 8;
  if (said_size_bytes > bytes.size()) {
    return fail_truncated(kName, fmt::format("{} of {} bytes are there", bytes.size(), said_size_bytes));
  }
  WebpFile file;
  file.frame = bytes;
  const Bytes riff = bytes.first(static_cast<std::size_t>(said_size_bytes));
  std::size_t at = kRiffHeaderSizeBytes;
  while (has_bytes(riff, at, kChunkHeaderSizeBytes)) {
    const std::size_t size_bytes = read_u32(riff, at + 4, ByteOrder::kLittle);
    if (!has_bytes(riff, at + kChunkHeaderSizeBytes, size_bytes)) {
      break;
    }
    const std::string_view type(reinterpret_cast<const char*>(riff.data()) + at, 4);
    read_chunk(type, riff.subspan(at + kChunkHeaderSizeBytes, size_bytes), file);
    at += kChunkHeaderSizeBytes + size_bytes + (size_bytes & 1U);
  }
  return file;
}

std::unexpected<Error> decoder_failure(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return fail_truncated(kName, "the pixel data is incomplete");
    case VP8_STATUS_OUT_OF_MEMORY:
      return fail(ErrorCode::kLimitExceeded, "WebP: expected enough memory for the picture, found too little",
                  "shrink the image");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return fail(ErrorCode::kUnsupported, "WebP: the file uses a feature that libwebp does not have",
                  "save the image again");
    default:
      return fail(ErrorCode::kCorrupt,
                  fmt::format("WebP: libwebp takes the file for damaged (status {})", static_cast<int>(status)),
                  "fetch or copy the file again");
  }
}

struct FrameSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

Result<FrameSize> frame_size(Bytes frame) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status =
      WebPGetFeatures(reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size(), &features);
  if (status != VP8_STATUS_OK) {
    return decoder_failure(status);
  }
  return FrameSize{features.width, features.height};
}

// The frame goes on a canvas that is transparent black, which is black without its alpha.
Result<void> decode_frame(const WebpFile& file, FrameSize size, Image& image) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    return fail(ErrorCode::kInternal, "WebP: the library at hand is not the one this program was built with",
                "install the libwebp it was built with");
  }
  const auto stride = static_cast<std::size_t>(image.width) * 3;
  const auto offset = static_cast<std::size_t>(file.frame_y) * stride + static_cast<std::size_t>(file.frame_x) * 3;
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data() + offset;
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = image.pixels.size() - offset;
  if (size.width != image.width || size.height != image.height) {
    std::ranges::fill(image.pixels, std::uint8_t{0});
  }
  const VP8StatusCode status =
      WebPDecode(reinterpret_cast<const std::uint8_t*>(file.frame.data()), file.frame.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) {
    return decoder_failure(status);
  }
  return {};
}

}  // namespace

Result<int> decode_webp(const DecodeJob& job, Image& image) {
  auto file = read_file(job.bytes);
  if (!file) {
    return std::unexpected(std::move(file.error()));
  }
  const auto size = frame_size(file->frame);
  if (!size) {
    return std::unexpected(size.error());
  }
  if (!file->is_animated) {
    file->width = size->width;
    file->height = size->height;
  }
  if (file->frame_x + size->width > file->width || file->frame_y + size->height > file->height) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("WebP: expected a first frame inside the canvas of {} x {}, found {} x {} at {}, {}",
                            file->width, file->height, size->width, size->height, file->frame_x, file->frame_y),
                "save the image again");
  }
  // libwebp keeps up to four bytes a pixel of lossless pictures.
  const auto kept_size_bytes = static_cast<std::uint64_t>(size->width * size->height) * 4;
  if (auto ready = prepare_image(job, kName, file->width, file->height, image, kept_size_bytes); !ready) {
    return std::unexpected(std::move(ready.error()));
  }
  if (auto decoded = decode_frame(*file, *size, image); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  return metadata_orientation(file->metadata);
}

Result<ImageHeader> read_webp_header(Bytes bytes) {
  auto file = read_file(bytes);
  if (!file) {
    return std::unexpected(std::move(file.error()));
  }
  if (file->width == 0) {
    const auto size = frame_size(file->frame);
    if (!size) {
      return std::unexpected(size.error());
    }
    file->width = size->width;
    file->height = size->height;
  }
  return ImageHeader{ImageFormat::kWebp, file->width, file->height, metadata_orientation(file->metadata)};
}

}  // namespace asterism
