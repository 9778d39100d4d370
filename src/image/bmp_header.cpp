#include "image/bmp_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "image/byte_reader.hpp"
#include "image/codec.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kFileHeaderSizeBytes = 14;
constexpr std::size_t kCoreHeaderSizeBytes = 12;
constexpr std::size_t kInfoHeaderSizeBytes = 40;
// With masks of red, green and blue in the header, and with one of alpha too.
constexpr std::size_t kMaskHeaderSizeBytes = 52;
constexpr std::size_t kAlphaMaskHeaderSizeBytes = 56;
constexpr std::array<std::size_t, 7> kHeaderSizes{12, 40, 52, 56, 64, 108, 124};
constexpr std::uint32_t kColorCountMax = 65'536;

struct Masks {
  std::uint32_t red = 0;
  std::uint32_t green = 0;
  std::uint32_t blue = 0;
  std::uint32_t alpha = 0;

  bool operator==(const Masks&) const = default;
};

struct MaskLayout {
  std::uint32_t bits_per_pixel;
  Masks masks;
  BmpPixels pixels;
  std::array<std::size_t, 3> channel_offsets;
};

// The layouts that Pillow's BmpImagePlugin knows. All masks zero means BGRA.
constexpr std::array<MaskLayout, 11> kMaskLayouts{{
    {32, {0xFF0000, 0xFF00, 0xFF, 0}, BmpPixels::kBytes, {2, 1, 0}},
    {32, {0xFF000000, 0xFF0000, 0xFF00, 0}, BmpPixels::kBytes, {3, 2, 1}},
    {32, {0xFF000000, 0xFF00, 0xFF, 0}, BmpPixels::kBytes, {3, 1, 0}},
    {32, {0xFF000000, 0xFF0000, 0xFF00, 0xFF}, BmpPixels::kBytes, {3, 2, 1}},
    {32, {0xFF, 0xFF00, 0xFF0000, 0xFF000000}, BmpPixels::kBytes, {0, 1, 2}},
    {32, {0xFF0000, 0xFF00, 0xFF, 0xFF000000}, BmpPixels::kBytes, {2, 1, 0}},
    {32, {0xFF000000, 0xFF00, 0xFF, 0xFF0000}, BmpPixels::kBytes, {3, 1, 0}},
    {32, {0, 0, 0, 0}, BmpPixels::kBytes, {2, 1, 0}},
    {24, {0xFF0000, 0xFF00, 0xFF, 0}, BmpPixels::kBytes, {2, 1, 0}},
    {16, {0xF800, 0x7E0, 0x1F, 0}, BmpPixels::kRgb565, {}},
    {16, {0x7C00, 0x3E0, 0x1F, 0}, BmpPixels::kRgb555, {}},
}};

std::unexpected<Error> unsupported(std::string what) {
  return fail(ErrorCode::kUnsupported, fmt::format("BMP: {}", what), "save the image again as PNG");
}

// Reads the header in the order of the file.
class BmpReader {
 public:
  explicit BmpReader(Bytes bytes) : bytes_(bytes) {}

  Result<BmpHeader> read();

 private:
  std::uint32_t u16(std::size_t offset) const { return read_u16(bytes_, offset, ByteOrder::kLittle); }
  std::uint32_t u32(std::size_t offset) const { return read_u32(bytes_, offset, ByteOrder::kLittle); }

  void read_core();
  void read_info();
  Result<void> read_masks();
  Result<void> choose_pixels();
  Result<void> read_palette();

  Bytes bytes_;
  std::size_t header_size_bytes_ = 0;
  std::size_t at_ = 0;  // behind what was read
  std::uint32_t compression_ = 0;
  std::uint32_t color_count_ = 0;
  std::size_t palette_entry_size_bytes_ = 4;
  BmpHeader header_;
};

void BmpReader::read_core() {
  header_.width = u16(kFileHeaderSizeBytes + 4);
  header_.height = u16(kFileHeaderSizeBytes + 6);
  header_.bits_per_pixel = u16(kFileHeaderSizeBytes + 10);
  palette_entry_size_bytes_ = 3;
}

void BmpReader::read_info() {
  const std::uint32_t height = u32(kFileHeaderSizeBytes + 8);
  header_.width = u32(kFileHeaderSizeBytes + 4);
  // Heights whose top byte is 0xFF are negative: the rows go from top to bottom.
  header_.is_top_down = height >> 24U == 0xFF;
  header_.height = header_.is_top_down ? (std::int64_t{1} << 32) - height : height;
  header_.bits_per_pixel = u16(kFileHeaderSizeBytes + 14);
  compression_ = u32(kFileHeaderSizeBytes + 16);
  color_count_ = u32(kFileHeaderSizeBytes + 32);
}

Result<void> BmpReader::read_masks() {
  const std::size_t offset = kFileHeaderSizeBytes + kInfoHeaderSizeBytes;
  const bool in_header = header_size_bytes_ >= kMaskHeaderSizeBytes;
  if (!has_bytes(bytes_, offset, 12)) {
    return fail_truncated("BMP", "it has no colour masks");
  }
  Masks masks{u32(offset), u32(offset + 4), u32(offset + 8), 0};
  if (header_size_bytes_ >= kAlphaMaskHeaderSizeBytes) {
    masks.alpha = u32(offset + 12);
  }
  if (!in_header) {
    at_ += 12;
  }
  for (const MaskLayout& layout : kMaskLayouts) {
    Masks expected = layout.masks;
    // Alpha counts only where it has bits of its own.
    if (layout.bits_per_pixel != 32) {
      expected.alpha = masks.alpha;
    }
    if (layout.bits_per_pixel == header_.bits_per_pixel && expected == masks) {
      header_.pixels = layout.pixels;
      header_.channel_offsets = layout.channel_offsets;
      return {};
    }
  }
  return unsupported(
      fmt::format("expected one of the usual colour masks, found {:08X}, {:08X}, {:08X}, {:08X} at {} bits", masks.red,
                  masks.green, masks.blue, masks.alpha, header_.bits_per_pixel));
}

Result<void> BmpReader::choose_pixels() {
  switch (header_.bits_per_pixel) {
    case 1:
    case 4:
    case 8:
      header_.pixels = BmpPixels::kIndexed;
      break;
    case 16:
      header_.pixels = BmpPixels::kRgb555;
      break;
    case 24:
    case 32:
      header_.pixels = BmpPixels::kBytes;
      break;
    default:
      return unsupported(fmt::format("expected 1, 4, 8, 16, 24 or 32 bits a pixel, found {}", header_.bits_per_pixel));
  }
  const bool is_indexed = header_.pixels == BmpPixels::kIndexed;
  switch (compression_) {
    case 0:
      return {};
    case 1:
    case 2:
      header_.compression = compression_ == 1 ? BmpCompression::kRle8 : BmpCompression::kRle4;
      return is_indexed ? Result<void>() : unsupported("expected indexed pixels with run lengths, found others");
    case 3:
      return is_indexed ? unsupported("expected no colour masks with indexed pixels, found some") : read_masks();
    default:
      return unsupported(fmt::format("expected compression 0 to 3, found {}", compression_));
  }
}

Result<void> BmpReader::read_palette() {
  if (color_count_ == 0) {
    color_count_ = 1U << header_.bits_per_pixel;
  }
  if (color_count_ > kColorCountMax) {
    return unsupported(fmt::format("expected at most {} colours, found {}", kColorCountMax, color_count_));
  }
  const std::size_t size_bytes = color_count_ * palette_entry_size_bytes_;
  const std::size_t there = std::min(size_bytes, bytes_.size() - at_);
  const std::size_t count = std::min(there / palette_entry_size_bytes_, header_.palette.size());
  // Pillow takes a palette that is black and white, or the grey ramp, for grey levels; only indices behind its end
  // show the difference.
  bool is_grey = there == size_bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t offset = at_ + i * palette_entry_size_bytes_;
    auto& entry = header_.palette[i];
    entry = {static_cast<std::uint8_t>(byte_at(bytes_, offset + 2)),
             static_cast<std::uint8_t>(byte_at(bytes_, offset + 1)),
             static_cast<std::uint8_t>(byte_at(bytes_, offset))};
    const std::size_t grey = color_count_ == 2 ? i * 255 : i;
    is_grey = is_grey && std::ranges::all_of(entry, [grey](std::uint8_t value) { return value == grey; });
  }
  if (is_grey && color_count_ > 2) {
    for (std::size_t i = 0; i < header_.palette.size(); ++i) {
      header_.palette[i].fill(static_cast<std::uint8_t>(i));
    }
  }
  at_ += there;
  return {};
}

Result<BmpHeader> BmpReader::read() {
  if (!has_bytes(bytes_, 0, kFileHeaderSizeBytes + 4)) {
    return fail_truncated("BMP", fmt::format("{} bytes hold no header", bytes_.size()));
  }
  std::size_t pixels_offset = u32(10);
  header_size_bytes_ = u32(kFileHeaderSizeBytes);
  if (std::ranges::find(kHeaderSizes, header_size_bytes_) == kHeaderSizes.end()) {
    return unsupported(
        fmt::format("expected a header of 12, 40, 52, 56, 64, 108 or 124 bytes, found {}", header_size_bytes_));
  }
  at_ = kFileHeaderSizeBytes + header_size_bytes_;
  if (at_ > bytes_.size()) {
    return fail_truncated("BMP", fmt::format("{} bytes hold no header", bytes_.size()));
  }
  if (header_size_bytes_ == kCoreHeaderSizeBytes) {
    read_core();
  } else {
    read_info();
  }
  if (auto chosen = choose_pixels(); !chosen) {
    return std::unexpected(std::move(chosen.error()));
  }
  const bool is_indexed = header_.pixels == BmpPixels::kIndexed;
  if (is_indexed) {
    // Programs write the offset of the palette for that of the pixels.
    const bool is_palette_offset = pixels_offset == at_;
    if (auto read = read_palette(); !read) {
      return std::unexpected(std::move(read.error()));
    }
    if (is_palette_offset) {
      pixels_offset += palette_entry_size_bytes_ * color_count_;
    }
  }
  header_.pixels_offset = pixels_offset == 0 ? at_ : pixels_offset;
  return header_;
}

}  // namespace

Result<BmpHeader> read_bmp(Bytes bytes) {
  return BmpReader(bytes).read();
}

}  // namespace asterism
