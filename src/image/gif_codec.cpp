// The first frame of a GIF. The format is small enough to be read here, with Pillow's rules for what files leave open.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "image/byte_reader.hpp"
#include "image/codec.hpp"
#include "image/gif_lzw.hpp"
#include "image/pixel_rows.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kName = "GIF";
constexpr std::size_t kScreenSizeBytes = 13;
constexpr std::size_t kFrameSizeBytes = 9;
constexpr std::uint32_t kHasPalette = 0x80;
constexpr std::uint32_t kIsInterlaced = 0x40;
constexpr std::uint32_t kExtension = 0x21;
constexpr std::uint32_t kFrame = 0x2C;
constexpr std::uint32_t kTrailer = 0x3B;
constexpr std::uint32_t kGraphicControl = 0xF9;

struct GifFile {
  std::int64_t width = 0;
  std::int64_t height = 0;
  // Empty where a file has none or where it is the grey ramp: then indices are grey levels.
  std::optional<RgbPalette> palette;
  std::optional<std::uint8_t> transparent;
  std::int64_t frame_x = 0;
  std::int64_t frame_y = 0;
  std::int64_t frame_width = 0;
  std::int64_t frame_height = 0;
  bool is_interlaced = false;
  std::uint32_t code_bits = 0;
  Bytes data;  // the blocks of pixel data and all behind them
};

// Walks the file; every read is checked.
class GifReader {
 public:
  explicit GifReader(Bytes bytes) : bytes_(bytes) {}

  Result<GifFile> read();

 private:
  std::unexpected<Error> ends_early(std::string_view where) const {
    return fail_truncated(kName, fmt::format("{} bytes end in {}", bytes_.size(), where));
  }
  // Nothing where it is cut; a palette that is the grey ramp counts as none.
  bool read_palette(std::uint32_t flags, std::optional<RgbPalette>& palette);
  bool read_extension();
  bool skip_blocks();
  Result<GifFile> read_frame();

  Bytes bytes_;
  std::size_t at_ = 0;
  GifFile file_;
};

bool GifReader::read_palette(std::uint32_t flags, std::optional<RgbPalette>& palette) {
  palette.reset();
  if ((flags & kHasPalette) == 0) {
    return true;
  }
  const std::size_t count = std::size_t{2} << (flags & 7U);
  if (!has_bytes(bytes_, at_, count * 3)) {
    return false;
  }
  RgbPalette entries{};
  bool is_ramp = true;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      entries[i][c] = static_cast<std::uint8_t>(byte_at(bytes_, at_ + i * 3 + c));
      is_ramp = is_ramp && entries[i][c] == i;
    }
  }
  at_ += count * 3;
  if (!is_ramp) {
    palette = entries;
  }
  return true;
}

bool GifReader::skip_blocks() {
  while (has_bytes(bytes_, at_, 1)) {
    const std::size_t size_bytes = byte_at(bytes_, at_);
    at_ += 1 + size_bytes;
    if (size_bytes == 0) {
      return true;
    }
  }
  return false;
}

bool GifReader::read_extension() {
  constexpr std::size_t kControlSizeBytes = 4;
  if (!has_bytes(bytes_, at_, 2)) {
    return false;
  }
  const std::uint32_t label = byte_at(bytes_, at_);
  ++at_;
  if (label == kGraphicControl && byte_at(bytes_, at_) >= kControlSizeBytes &&
      has_bytes(bytes_, at_ + 1, kControlSizeBytes) && (byte_at(bytes_, at_ + 1) & 1U) != 0) {
    file_.transparent = static_cast<std::uint8_t>(byte_at(bytes_, at_ + 4));
  }
  return skip_blocks();
}

Result<GifFile> GifReader::read_frame() {
  if (!has_bytes(bytes_, at_, kFrameSizeBytes)) {
    return ends_early("the frame's header");
  }
  file_.frame_x = read_u16(bytes_, at_, ByteOrder::kLittle);
  file_.frame_y = read_u16(bytes_, at_ + 2, ByteOrder::kLittle);
  file_.frame_width = read_u16(bytes_, at_ + 4, ByteOrder::kLittle);
  file_.frame_height = read_u16(bytes_, at_ + 6, ByteOrder::kLittle);
  const std::uint32_t flags = byte_at(bytes_, at_ + 8);
  at_ += kFrameSizeBytes;
  file_.is_interlaced = (flags & kIsInterlaced) != 0;
  // A frame larger than the screen enlarges it.
  file_.width = std::max(file_.width, file_.frame_x + file_.frame_width);
  file_.height = std::max(file_.height, file_.frame_y + file_.frame_height);
  if ((flags & kHasPalette) != 0 && !read_palette(flags, file_.palette)) {
    return ends_early("the frame's palette");
  }
  if (!has_bytes(bytes_, at_, 1)) {
    return ends_early("the frame's header");
  }
  file_.code_bits = byte_at(bytes_, at_);
  file_.data = bytes_.subspan(at_ + 1);
  return file_;
}

Result<GifFile> GifReader::read() {
  if (!has_bytes(bytes_, 0, kScreenSizeBytes)) {
    return ends_early("the screen's header");
  }
  file_.width = read_u16(bytes_, 6, ByteOrder::kLittle);
  file_.height = read_u16(bytes_, 8, ByteOrder::kLittle);
  const std::uint32_t flags = byte_at(bytes_, 10);
  at_ = kScreenSizeBytes;
  if (!read_palette(flags, file_.palette)) {
    return ends_early("the palette");
  }
  while (has_bytes(bytes_, at_, 1)) {
    const std::uint32_t mark = byte_at(bytes_, at_);
    ++at_;
    if (mark == kFrame) {
      return read_frame();
    }
    if (mark == kExtension && !read_extension()) {
      return ends_early("an extension");
    }
    if (mark == kTrailer) {
      return fail(ErrorCode::kCorrupt, "GIF: expected a picture, found the end of the file's content",
                  "fetch or copy the file again");
    }
  }
  return ends_early("front of the first picture");
}

// The frame's line that comes n-th in the file: all in order, or every 8th, the 8ths between, the 4ths, the 2nds.
std::vector<std::int64_t> line_order(std::int64_t height, bool is_interlaced) {
  struct Pass {
    std::int64_t first;
    std::int64_t step;
  };
  constexpr std::array<Pass, 4> kInterlaced{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  constexpr std::array<Pass, 1> kPlain{{{0, 1}}};
  std::vector<std::int64_t> order;
  order.reserve(static_cast<std::size_t>(height));
  const std::span<const Pass> passes =
      is_interlaced ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kPlain);
  for (const Pass& pass : passes) {
    for (std::int64_t y = pass.first; y < height; y += pass.step) {
      order.push_back(y);
    }
  }
  return order;
}

RgbPalette grey_ramp() {
  RgbPalette ramp{};
  for (std::size_t i = 0; i < ramp.size(); ++i) {
    const auto grey = static_cast<std::uint8_t>(i);
    ramp[i] = {grey, grey, grey};
  }
  return ramp;
}

// What no pixel of the frame covers is the transparent colour, or colour 0.
void draw(const GifFile& file, std::span<const std::uint8_t> indices, Image& image) {
  const RgbPalette palette = file.palette.value_or(grey_ramp());
  const std::uint8_t background = file.transparent.value_or(0);
  const bool covers = file.frame_width == file.width && file.frame_height == file.height;
  if (!covers || indices.size() < static_cast<std::size_t>(file.width * file.height)) {
    const std::vector<std::uint8_t> row(static_cast<std::size_t>(file.width), background);
    for (std::int64_t y = 0; y < file.height; ++y) {
      palette_row_to_rgb(row, palette, image_row(image, y));
    }
  }
  const auto width = static_cast<std::size_t>(file.frame_width);
  const std::vector<std::int64_t> order = line_order(file.frame_height, file.is_interlaced);
  for (std::size_t line = 0; line < order.size() && line * width < indices.size(); ++line) {
    const auto from = indices.subspan(line * width, std::min(width, indices.size() - line * width));
    const auto to = image_row(image, file.frame_y + order[line]);
    palette_row_to_rgb(from, palette, to.subspan(static_cast<std::size_t>(file.frame_x) * 3, from.size() * 3));
  }
}

}  // namespace

Result<int> decode_gif(const DecodeJob& job, Image& image) {
  const auto file = GifReader(job.bytes).read();
  if (!file) {
    return std::unexpected(file.error());
  }
  const auto index_count = static_cast<std::size_t>(file->frame_width * file->frame_height);
  if (auto ready = prepare_image(job, kName, file->width, file->height, image, index_count); !ready) {
    return std::unexpected(std::move(ready.error()));
  }
  std::vector<std::uint8_t> indices(index_count);
  const LzwOutcome outcome = decode_gif_lzw(file->data, file->code_bits, indices);
  if (outcome.end == LzwEnd::kDamaged) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("GIF: expected a valid code behind pixel {}, found another", outcome.pixel_count),
                "fetch or copy the file again");
  }
  if (outcome.end == LzwEnd::kCut && !job.options.allow_truncated) {
    return fail_truncated(kName, fmt::format("{} of {} pixels are there", outcome.pixel_count, index_count));
  }
  draw(*file, std::span(indices).first(outcome.pixel_count), image);
  return 1;
}

Result<ImageHeader> read_gif_header(Bytes bytes) {
  const auto file = GifReader(bytes).read();
  if (!file) {
    return std::unexpected(file.error());
  }
  return ImageHeader{ImageFormat::kGif, file->width, file->height, 1};
}

}  // namespace asterism
