// BMP, read here: run lengths and rows of plain pixels.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "image/bmp_header.hpp"
#include "image/byte_reader.hpp"
#include "image/codec.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kName = "BMP";

std::uint8_t scale_bits(std::uint32_t value, std::uint32_t steps) {
  return static_cast<std::uint8_t>((value & steps) * 255U / steps);
}

void convert_indexed(const BmpHeader& header, Bytes row, std::span<std::uint8_t> to) {
  const std::uint32_t bits = header.bits_per_pixel;
  const std::size_t per_byte = 8 / bits;
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    const auto shift = static_cast<std::uint32_t>(8 - bits * (x % per_byte + 1));
    const std::uint32_t index = byte_at(row, x / per_byte) >> shift & ((1U << bits) - 1U);
    std::ranges::copy(header.palette[index], to.subspan(3 * x, 3).begin());
  }
}

void convert_wide(const BmpHeader& header, Bytes row, std::span<std::uint8_t> to) {
  const bool is_565 = header.pixels == BmpPixels::kRgb565;
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    const std::uint32_t value = read_u16(row, 2 * x, ByteOrder::kLittle);
    to[3 * x] = scale_bits(value >> (is_565 ? 11U : 10U), 31);
    to[3 * x + 1] = scale_bits(value >> 5U, is_565 ? 63 : 31);
    to[3 * x + 2] = scale_bits(value, 31);
  }
}

void convert_bytes(const BmpHeader& header, Bytes row, std::span<std::uint8_t> to) {
  const std::size_t step = header.bits_per_pixel / 8;
  for (std::size_t x = 0; x < to.size() / 3; ++x) {
    for (std::size_t c = 0; c < 3; ++c) {
      to[3 * x + c] = static_cast<std::uint8_t>(byte_at(row, x * step + header.channel_offsets[c]));
    }
  }
}

void convert_row(const BmpHeader& header, Bytes row, std::span<std::uint8_t> to) {
  switch (header.pixels) {
    case BmpPixels::kIndexed:
      return convert_indexed(header, row, to);
    case BmpPixels::kBytes:
      return convert_bytes(header, row, to);
    default:
      return convert_wide(header, row, to);
  }
}

// The image's row that stands at place `n` of the file.
std::int64_t row_of(const BmpHeader& header, std::int64_t n) {
  return header.is_top_down ? n : header.height - 1 - n;
}

// A row counts when its pixels are there; the padding behind the last may be missing.
Result<void> read_rows(const DecodeJob& job, const BmpHeader& header, Image& image) {
  const std::size_t stride = header.stride_bytes();
  const std::size_t used = (static_cast<std::size_t>(header.width) * header.bits_per_pixel + 7) / 8;
  const std::vector<std::byte> zeros(stride);
  for (std::int64_t n = 0; n < header.height; ++n) {
    const std::size_t offset = header.pixels_offset + static_cast<std::size_t>(n) * stride;
    const bool is_there = has_bytes(job.bytes, offset, used);
    if (!is_there && !job.options.allow_truncated) {
      return fail_truncated(kName, fmt::format("{} of {} rows are there", n, header.height));
    }
    convert_row(header, is_there ? job.bytes.subspan(offset, used) : Bytes(zeros), image_row(image, row_of(header, n)));
  }
  return {};
}

// Run lengths to indices. Skipped pixels are index 0; what goes past the picture is dropped.
class RunLengths {
 public:
  RunLengths(const BmpHeader& header, Bytes bytes)
      : width_(static_cast<std::size_t>(header.width)),
        is_rle4_(header.compression == BmpCompression::kRle4),
        bytes_(bytes),
        at_(std::min(header.pixels_offset, bytes.size())),
        indices_(width_ * static_cast<std::size_t>(header.height)) {}

  // The number of pixels that the file gives.
  std::size_t decode() {
    while (count_ < indices_.size() && has_bytes(bytes_, at_, 2)) {
      const std::uint32_t run = byte_at(bytes_, at_);
      const std::uint32_t value = byte_at(bytes_, at_ + 1);
      at_ += 2;
      if (run > 0) {
        put_run(run, value);
      } else if (!put_escape(value)) {
        break;
      }
    }
    return count_;
  }

  bool has_ended() const { return has_ended_; }
  std::span<const std::uint8_t> indices() const { return indices_; }

 private:
  void put(std::uint32_t index) {
    if (count_ < indices_.size()) {
      indices_[count_] = static_cast<std::uint8_t>(index);
      ++count_;
    }
  }

  // A run ends with its row.
  void put_run(std::uint32_t run, std::uint32_t value) {
    const std::size_t room = x_ < width_ ? width_ - x_ : 0;
    const std::size_t length = std::min<std::size_t>(run, room);
    for (std::size_t i = 0; i < length; ++i) {
      put(is_rle4_ ? (i % 2 == 0 ? value >> 4U : value & 15U) : value);
    }
    x_ += length;
  }

  // False at the end of the picture or of the file.
  bool put_escape(std::uint32_t code) {
    switch (code) {
      case 0:
        while (count_ % width_ != 0) {
          put(0);
        }
        x_ = 0;
        return true;
      case 1:
        has_ended_ = true;
        return false;
      case 2:
        return put_delta();
      default:
        return put_literal(code);
    }
  }

  bool put_delta() {
    if (!has_bytes(bytes_, at_, 2)) {
      return false;
    }
    const std::size_t skipped = byte_at(bytes_, at_) + byte_at(bytes_, at_ + 1) * width_;
    at_ += 2;
    for (std::size_t i = 0; i < skipped && count_ < indices_.size(); ++i) {
      put(0);
    }
    x_ = count_ % width_;
    return true;
  }

  // Literal pixels, padded to 16 bits.
  bool put_literal(std::uint32_t length) {
    const std::size_t pixel_count = std::min<std::size_t>(length, indices_.size() - count_);
    const std::size_t byte_count = is_rle4_ ? (pixel_count + 1) / 2 : pixel_count;
    for (std::size_t i = 0; i < pixel_count; ++i) {
      const std::size_t offset = at_ + (is_rle4_ ? i / 2 : i);
      if (offset >= bytes_.size()) {
        at_ = bytes_.size();
        return false;
      }
      const std::uint32_t value = byte_at(bytes_, offset);
      put(is_rle4_ ? (i % 2 == 0 ? value >> 4U : value & 15U) : value);
    }
    at_ += byte_count;
    x_ += length;
    at_ += at_ % 2;
    return true;
  }

  std::size_t width_;
  bool is_rle4_;
  Bytes bytes_;
  std::size_t at_;
  std::vector<std::uint8_t> indices_;
  std::size_t count_ = 0;
  std::size_t x_ = 0;
  bool has_ended_ = false;
};

Result<void> read_run_lengths(const DecodeJob& job, const BmpHeader& header, Image& image) {
  RunLengths runs(header, job.bytes);
  const std::size_t pixel_count = runs.decode();
  const bool is_complete = runs.has_ended() || pixel_count == runs.indices().size();
  if (!is_complete && !job.options.allow_truncated) {
    return fail_truncated(kName, fmt::format("{} of {} pixels are there", pixel_count, runs.indices().size()));
  }
  const auto width = static_cast<std::size_t>(header.width);
  for (std::int64_t n = 0; n < header.height; ++n) {
    palette_row_to_rgb(runs.indices().subspan(static_cast<std::size_t>(n) * width, width), header.palette,
                       image_row(image, row_of(header, n)));
  }
  return {};
}

}  // namespace

Result<int> decode_bmp(const DecodeJob& job, Image& image) {
  const auto header = read_bmp(job.bytes);
  if (!header) {
    return std::unexpected(header.error());
  }
  const bool has_runs = header->compression != BmpCompression::kNone;
  const std::uint64_t kept_size_bytes =
      has_runs && header->width < kImagePixelCountMax && header->height < kImagePixelCountMax
          ? static_cast<std::uint64_t>(header->width * header->height)
          : 0;
  if (auto ready = prepare_image(job, kName, header->width, header->height, image, kept_size_bytes); !ready) {
    return std::unexpected(std::move(ready.error()));
  }
  auto read = has_runs ? read_run_lengths(job, *header, image) : read_rows(job, *header, image);
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  return 1;
}

Result<ImageHeader> read_bmp_header(Bytes bytes) {
  const auto header = read_bmp(bytes);
  if (!header) {
    return std::unexpected(header.error());
  }
  return ImageHeader{ImageFormat::kBmp, header->width, header->height, 1};
}

}  // namespace asterism
