#include "image/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "image/codec.hpp"
#include "image/content.hpp"
#include "image/orientation.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::int64_t kChannels = 3;
// Whatever the caller allows: sizes in bytes stay inside 64 bits.
constexpr std::int64_t kPixelCountCeiling = std::int64_t{1} << 48;

struct Codec {
  ImageFormat format;
  std::string_view name;
  Result<int> (*decode)(const DecodeJob& job, Image& image);
  Result<ImageHeader> (*read_header)(Bytes bytes);
};

constexpr std::array<Codec, 6> kCodecs{{{ImageFormat::kJpeg, "JPEG", decode_jpeg, read_jpeg_header},
                                        {ImageFormat::kPng, "PNG", decode_png, read_png_header},
                                        {ImageFormat::kWebp, "WebP", decode_webp, read_webp_header},
                                        {ImageFormat::kGif, "GIF", decode_gif, read_gif_header},
                                        {ImageFormat::kTiff, "TIFF", decode_tiff, read_tiff_header},
                                        {ImageFormat::kBmp, "BMP", decode_bmp, read_bmp_header}}};

Result<const Codec*> find_codec(Bytes bytes) {
  if (bytes.empty()) {
    return fail(ErrorCode::kCorrupt, "image: expected a JPEG, PNG, WebP, GIF, TIFF or BMP file, found an empty file",
                "fetch or copy the file again");
  }
  if (const std::optional<ImageFormat> format = sniff_image_format(bytes)) {
    for (const Codec& codec : kCodecs) {
      if (codec.format == *format) {
        return &codec;
      }
    }
  }
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("image: expected a JPEG, PNG, WebP, GIF, TIFF or BMP file, found {}", describe_content(bytes)),
      "convert the file to JPEG or PNG, or leave it out");
}

}  // namespace

std::string_view image_format_name(ImageFormat format) noexcept {
  for (const Codec& codec : kCodecs) {
    if (codec.format == format) {
      return codec.name;
    }
  }
  return "unknown";
}

Result<void> check_image_size(const DecodeJob& job, std::string_view format, std::int64_t width, std::int64_t height,
                              std::uint64_t extra_size_bytes) {
  if (width <= 0 || height <= 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected at least one pixel, found a size of {} x {}", format, width, height));
  }
  const DecodeOptions& options = job.options;
  const std::int64_t pixel_count_max = std::min(options.pixel_count_max, kPixelCountCeiling);
  if (width > pixel_count_max / height) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: expected at most {} pixels, found {} x {}", format, pixel_count_max, width, height),
                "shrink the image, or raise the pixel limit if you trust the file");
  }
  const auto size_bytes = static_cast<std::uint64_t>(width * height * kChannels);
  if (size_bytes > options.memory_size_bytes_max || extra_size_bytes > options.memory_size_bytes_max - size_bytes) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: expected to decode within {} bytes of memory, found that {} x {} takes {}", format,
                            options.memory_size_bytes_max, width, height, size_bytes + extra_size_bytes),
                "shrink the image, or raise the memory limit if you trust the file");
  }
  return {};
}

Result<void> prepare_image(const DecodeJob& job, std::string_view format, std::int64_t width, std::int64_t height,
                           Image& image, std::uint64_t extra_size_bytes) {
  if (auto checked = check_image_size(job, format, width, height, extra_size_bytes); !checked) {
    return checked;
  }
  image.width = width;
  image.height = height;
  image.pixels.resize(static_cast<std::size_t>(width * height * kChannels));
  return {};
}

std::unexpected<Error> fail_late(const DecodeJob& job, std::string_view format) {
  return fail(ErrorCode::kLimitExceeded,
              fmt::format("{}: expected to decode within {} ms, found it still unfinished then", format,
                          job.options.time_max.count()),
              "save the image again without progressive scans, or raise the time limit if you trust the file");
}

std::unexpected<Error> fail_truncated(std::string_view format, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: the file ends too early: {}", format, what),
              "fetch or copy the file again, or allow truncated images");
}

Result<ImageHeader> read_image_header(Bytes bytes) {
  const auto codec = find_codec(bytes);
  if (!codec) {
    return std::unexpected(codec.error());
  }
  return (*codec)->read_header(bytes);
}

Result<void> decode_image_into(Bytes bytes, const DecodeOptions& options, Image& image) {
  if (bytes.size() > options.file_size_bytes_max) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("image: expected at most {} bytes, found {}", options.file_size_bytes_max, bytes.size()),
                "shrink the image, or raise the limit of file sizes");
  }
  const auto codec = find_codec(bytes);
  if (!codec) {
    return std::unexpected(codec.error());
  }
  const DecodeJob job{bytes, options, DecodeClock::now() + options.time_max};
  const Result<int> orientation = (*codec)->decode(job, image);
  if (!orientation) {
    return std::unexpected(orientation.error());
  }
  apply_orientation(image, *orientation);
  return {};
}

Result<Image> decode_image(Bytes bytes, const DecodeOptions& options) {
  Image image;
  if (auto decoded = decode_image_into(bytes, options, image); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  return image;
}

}  // namespace asterism
