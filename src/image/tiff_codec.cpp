// TIFF through libtiff: strips or tiles of the first directory.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "image/codec.hpp"
#include "image/metadata.hpp"
#include "image/pixel_rows.hpp"
#include "image/tiff_library.hpp"
#include "image/tiff_pixels.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kName = "TIFF";
constexpr std::size_t kMessageSizeBytes = 256;
// Pillow's bound too; real files have at most a handful.
constexpr std::uint32_t kSamplesPerPixelMax = 6;

// Room for tags, whatever the bound on the memory for pixels.
constexpr std::size_t kTagsSizeBytes = std::size_t{1} << 20;

// What libtiff's callbacks see: the file, and the first error they were told of.
struct TiffSource {
  Bytes bytes;
  std::size_t offset = 0;
  std::array<char, kMessageSizeBytes> message{};
};

tmsize_t on_read(thandle_t handle, void* to, tmsize_t size_bytes) {
  auto& source = *static_cast<TiffSource*>(handle);
  const std::size_t left = source.bytes.size() - std::min(source.offset, source.bytes.size());
  const std::size_t count = size_bytes < 0 ? 0 : std::min(left, static_cast<std::size_t>(size_bytes));
  std::memcpy(to, source.bytes.data() + std::min(source.offset, source.bytes.size()), count);
  source.offset += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t on_write(thandle_t, void*, tmsize_t) {
  return -1;
}

toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  auto& source = *static_cast<TiffSource*>(handle);
  const toff_t base = whence == SEEK_CUR ? source.offset : whence == SEEK_END ? source.bytes.size() : 0;
  source.offset = static_cast<std::size_t>(base + offset);
  return source.offset;
}

int on_close(thandle_t) {
  return 0;
}

toff_t on_size(thandle_t handle) {
  return static_cast<TiffSource*>(handle)->bytes.size();
}

// libtiff takes the file for mapped and reads it in place; it never writes to a file opened for reading.
int on_map(thandle_t handle, void** base, toff_t* size_bytes) {
  auto& source = *static_cast<TiffSource*>(handle);
  *base = const_cast<std::byte*>(source.bytes.data());
  *size_bytes = source.bytes.size();
  return 1;
}

void on_unmap(thandle_t, void*, toff_t) {}

int on_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& source = *static_cast<TiffSource*>(user);
  if (source.message[0] == '\0') {
    std::vsnprintf(source.message.data(), source.message.size(), format, arguments);
  }
  return 1;
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

class TiffFile {
 public:
  TiffFile(const TiffLibrary& library, Bytes bytes, std::size_t memory_size_bytes_max)
      : library_(library), source_{.bytes = bytes} {
    TIFFOpenOptions* options = library.open_options_alloc();
    library.set_error_handler(options, on_error, &source_);
    library.set_warning_handler(options, on_warning, nullptr);
    library.set_max_single_alloc(options, static_cast<tmsize_t>(std::max(memory_size_bytes_max, kTagsSizeBytes)));
    tiff_ = library.client_open("image", "r", &source_, on_read, on_write, on_seek, on_close, on_size, on_map, on_unmap,
                                options);
    library.open_options_free(options);
  }
  ~TiffFile() {
    if (tiff_ != nullptr) {
      library_.close(tiff_);
    }
  }
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  bool is_open() const { return tiff_ != nullptr; }
  TIFF* tiff() const { return tiff_; }
  const TiffLibrary& library() const { return library_; }

  // The tag's value, or `otherwise` where the file has none. T is what libtiff keeps the tag as.
  template <typename T>
  T field(std::uint32_t tag, T otherwise) const {
    T value{};
    return library_.get_field_defaulted(tiff_, tag, &value) == 1 ? value : otherwise;
  }

  std::unexpected<Error> failure(std::string_view what) const {
    const std::string_view message(source_.message.data());
    return fail(ErrorCode::kCorrupt, fmt::format("TIFF: {}{}{}", what, message.empty() ? "" : ": ", message),
                "fetch or copy the file again");
  }

 private:
  const TiffLibrary& library_;
  TiffSource source_;
  TIFF* tiff_ = nullptr;
};

Result<std::unique_ptr<TiffFile>> open_tiff(Bytes bytes, std::size_t memory_size_bytes_max) {
  const auto library = tiff_library();
  if (!library) {
    return std::unexpected(library.error());
  }
  auto file = std::make_unique<TiffFile>(**library, bytes, memory_size_bytes_max);
  if (!file->is_open()) {
    return file->failure("expected a directory of tags, found none");
  }
  return file;
}

struct TiffShape {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool is_tiled = false;
  bool is_planar = false;        // one plane for each sample
  bool is_stored_plain = false;  // uncompressed samples of at most a byte
  // YCbCr that is not JPEG: libtiff makes RGBA of it.
  bool is_read_as_rgba = false;
  // Of one strip (the image's width) or one tile.
  std::int64_t part_width = 0;
  std::int64_t part_height = 0;
  TiffPixels pixels;
};

Result<TiffColor> color_of(std::uint16_t photometric) {
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
      return TiffColor::kGreyInverted;
    case PHOTOMETRIC_MINISBLACK:
      return TiffColor::kGrey;
    case PHOTOMETRIC_RGB:
      return TiffColor::kRgb;
    case PHOTOMETRIC_PALETTE:
      return TiffColor::kPalette;
    case PHOTOMETRIC_SEPARATED:
      return TiffColor::kCmyk;
    case PHOTOMETRIC_YCBCR:
      return TiffColor::kRgb;
    default:
      return fail(ErrorCode::kUnsupported,
                  fmt::format("TIFF: expected grey, RGB, palette, CMYK or YCbCr, found photometric interpretation {}",
                              photometric),
                  "save the image again as PNG");
  }
}

// Codecs that strangers' files have no business to reach are left out: old-style JPEG, SGI's, JBIG, scanners' and fax
// machines' own.
Result<void> check_compression(std::uint16_t compression) {
  constexpr std::array<std::uint16_t, 12> kAllowed{
      COMPRESSION_NONE,     COMPRESSION_CCITTRLE, COMPRESSION_CCITTFAX3,     COMPRESSION_CCITTFAX4,
      COMPRESSION_LZW,      COMPRESSION_JPEG,     COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,
      COMPRESSION_PACKBITS, COMPRESSION_LZMA,     COMPRESSION_ZSTD,          COMPRESSION_WEBP};
  if (std::ranges::find(kAllowed, compression) == kAllowed.end()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("TIFF: expected no compression, CCITT, LZW, JPEG, deflate, PackBits, LZMA, Zstandard or "
                            "WebP, found compression {}",
                            compression),
                "save the image again as PNG");
  }
  return {};
}

Result<void> read_palette(const TiffFile& file, TiffPixels& pixels) {
  std::array<std::uint16_t*, 3> maps{};
  if (pixels.color != TiffColor::kPalette) {
    return {};
  }
  if (file.library().get_field(file.tiff(), TIFFTAG_COLORMAP, &maps[0], &maps[1], &maps[2]) != 1) {
    return file.failure("expected a colour map for its indices, found none");
  }
  for (std::size_t i = 0; i < std::size_t{1} << pixels.bits_per_sample; ++i) {
    for (std::size_t c = 0; c < maps.size(); ++c) {
      pixels.palette[i][c] = static_cast<std::uint8_t>(maps[c][i] >> 8U);
    }
  }
  return {};
}

TiffSamples samples_of(std::uint16_t format) {
  return format == SAMPLEFORMAT_INT      ? TiffSamples::kSigned
         : format == SAMPLEFORMAT_IEEEFP ? TiffSamples::kFloat
                                         : TiffSamples::kUnsigned;
}

// JPEG inside TIFF turns YCbCr into RGB itself; anything else that is subsampled is left to libtiff's RGBA reader.
void choose_ycbcr_way(const TiffFile& file, std::uint16_t photometric, std::uint16_t compression, TiffShape& shape) {
  if (photometric != PHOTOMETRIC_YCBCR) {
    return;
  }
  if (shape.pixels.samples_per_pixel == 1) {
    shape.pixels.color = TiffColor::kLuma;
  } else if (compression == COMPRESSION_JPEG && !shape.is_planar) {
    file.library().set_field(file.tiff(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  } else {
    shape.is_read_as_rgba = true;
  }
}

Result<TiffShape> read_shape(const TiffFile& file) {
  TiffShape shape;
  shape.width = file.field<std::uint32_t>(TIFFTAG_IMAGEWIDTH, 0);
  shape.height = file.field<std::uint32_t>(TIFFTAG_IMAGELENGTH, 0);
  const auto compression = file.field<std::uint16_t>(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  if (auto checked = check_compression(compression); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const auto photometric = file.field<std::uint16_t>(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
  const auto color = color_of(photometric);
  if (!color) {
    return std::unexpected(color.error());
  }
  TiffPixels& pixels = shape.pixels;
  pixels.color = *color;
  pixels.bits_per_sample = file.field<std::uint16_t>(TIFFTAG_BITSPERSAMPLE, 1);
  pixels.samples_per_pixel = file.field<std::uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 1);
  pixels.samples = samples_of(file.field<std::uint16_t>(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT));
  if (pixels.samples_per_pixel > kSamplesPerPixelMax) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("TIFF: expected at most {} samples a pixel, found {}", kSamplesPerPixelMax,
                            pixels.samples_per_pixel),
                "keep the colour channels only");
  }
  std::uint16_t extra_count = 0;
  std::uint16_t* extra = nullptr;
  if (file.library().get_field(file.tiff(), TIFFTAG_EXTRASAMPLES, &extra_count, &extra) == 1 && extra_count > 0) {
    pixels.has_associated_alpha = pixels.color == TiffColor::kRgb && extra[0] == EXTRASAMPLE_ASSOCALPHA;
  }
  shape.is_planar = pixels.samples_per_pixel > 1 &&
                    file.field<std::uint16_t>(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  shape.is_stored_plain = compression == COMPRESSION_NONE && pixels.bits_per_sample <= 8;
  choose_ycbcr_way(file, photometric, compression, shape);
  if (auto checked = check_tiff_pixels(pixels); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (auto read = read_palette(file, pixels); !read) {
    return std::unexpected(std::move(read.error()));
  }
  shape.is_tiled = file.library().is_tiled(file.tiff()) != 0;
  shape.part_width = shape.is_tiled ? file.field<std::uint32_t>(TIFFTAG_TILEWIDTH, 0) : shape.width;
  shape.part_height = shape.is_tiled ? file.field<std::uint32_t>(TIFFTAG_TILELENGTH, 0)
                                     : std::min<std::int64_t>(
                                           file.field<std::uint32_t>(TIFFTAG_ROWSPERSTRIP, 0xFFFFFFFF), shape.height);
  return shape;
}

// Reads strips or tiles, all planes of each, and draws them.
class PartReader {
 public:
  PartReader(const DecodeJob& job, const TiffFile& file, const TiffShape& shape, Image& image)
      : job_(job), file_(file), shape_(shape), image_(image) {}

  Result<void> prepare();
  Result<void> read();

 private:
  std::uint64_t sample_size_bytes() const { return shape_.pixels.bits_per_sample / 8; }
  Result<void> read_part(std::int64_t x, std::int64_t y);
  bool read_plane(std::int64_t x, std::int64_t y, std::uint16_t plane);
  void take_what_is_there(std::int64_t y, std::uint16_t plane);
  void spread_plane(std::size_t plane);

  const DecodeJob& job_;
  const TiffFile& file_;
  const TiffShape& shape_;
  Image& image_;
  std::uint64_t row_size_bytes_ = 0;  // of one part, as libtiff gives it
  std::vector<std::uint8_t> part_;
  std::vector<std::uint8_t> pixels_;  // planes put together, where there are several
};

Result<void> PartReader::prepare() {
  if (shape_.part_width < 1 || shape_.part_height < 1) {
    return file_.failure("expected strips or tiles of at least one pixel");
  }
  const TiffLibrary& library = file_.library();
  const std::uint64_t part_size_bytes =
      shape_.is_tiled ? library.tile_size(file_.tiff()) : library.strip_size(file_.tiff());
  row_size_bytes_ = shape_.is_tiled ? library.tile_row_size(file_.tiff()) : library.scanline_size(file_.tiff());
  const std::uint64_t samples = shape_.is_planar ? 1 : shape_.pixels.samples_per_pixel;
  const std::uint64_t needed =
      (static_cast<std::uint64_t>(shape_.part_width) * samples * shape_.pixels.bits_per_sample + 7) / 8;
  const auto rows = static_cast<std::uint64_t>(shape_.part_height);
  if (part_size_bytes == 0 || row_size_bytes_ < needed || part_size_bytes / row_size_bytes_ < rows) {
    return file_.failure("expected strips or tiles that hold their pixels, found smaller ones");
  }
  const std::uint64_t planes = shape_.is_planar ? shape_.pixels.samples_per_pixel : 0;
  if (part_size_bytes > job_.options.memory_size_bytes_max / (planes + 1)) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("TIFF: expected to decode within {} bytes of memory, found strips or tiles of {}",
                            job_.options.memory_size_bytes_max, part_size_bytes),
                "save the image again with smaller strips");
  }
  part_.resize(part_size_bytes);
  pixels_.resize(part_size_bytes * planes);
  return {};
}

bool PartReader::read_plane(std::int64_t x, std::int64_t y, std::uint16_t plane) {
  const TiffLibrary& library = file_.library();
  // Codecs may give fewer rows than asked for, and say so to nobody.
  std::ranges::fill(part_, std::uint8_t{0});
  const auto row = static_cast<std::uint32_t>(y);
  if (shape_.is_tiled) {
    return library.read_tile(file_.tiff(), part_.data(), static_cast<std::uint32_t>(x), row, 0, plane) >= 0;
  }
  return library.read_encoded_strip(file_.tiff(), library.compute_strip(file_.tiff(), row, plane), part_.data(),
                                    static_cast<tmsize_t>(part_.size())) >= 0;
}

// Whole rows of an uncompressed strip that the file ends in; of anything else nothing is kept.
void PartReader::take_what_is_there(std::int64_t y, std::uint16_t plane) {
  const TiffLibrary& library = file_.library();
  std::ranges::fill(part_, std::uint8_t{0});
  if (shape_.is_tiled || !shape_.is_stored_plain) {
    return;
  }
  const std::uint32_t strip = library.compute_strip(file_.tiff(), static_cast<std::uint32_t>(y), plane);
  const std::uint64_t offset = library.strile_offset(file_.tiff(), strip);
  if (offset < job_.bytes.size()) {
    const std::size_t there = std::min(part_.size(), job_.bytes.size() - offset);
    std::memcpy(part_.data(), job_.bytes.data() + offset, there / row_size_bytes_ * row_size_bytes_);
  }
}

// A plane's samples to their places among the pixels'.
void PartReader::spread_plane(std::size_t plane) {
  const std::size_t size = sample_size_bytes();
  const std::size_t step = size * shape_.pixels.samples_per_pixel;
  for (std::size_t i = 0; i < part_.size() / size; ++i) {
    std::memcpy(pixels_.data() + i * step + plane * size, part_.data() + i * size, size);
  }
}

Result<void> PartReader::read_part(std::int64_t x, std::int64_t y) {
  const auto plane_count = static_cast<std::uint16_t>(shape_.is_planar ? shape_.pixels.samples_per_pixel : 1);
  for (std::uint16_t plane = 0; plane < plane_count; ++plane) {
    if (!read_plane(x, y, plane)) {
      if (!job_.options.allow_truncated) {
        return file_.failure(fmt::format("the pixels from row {} on cannot be read", y));
      }
      take_what_is_there(y, plane);
    }
    if (shape_.is_planar) {
      spread_plane(plane);
    }
  }
  const std::span<const std::uint8_t> from = shape_.is_planar ? pixels_ : part_;
  const std::size_t stride = row_size_bytes_ * plane_count;
  const std::int64_t row_count = std::min(shape_.part_height, shape_.height - y);
  const auto width = static_cast<std::size_t>(std::min(shape_.part_width, shape_.width - x));
  for (std::int64_t row = 0; row < row_count; ++row) {
    tiff_row_to_rgb(shape_.pixels, from.subspan(static_cast<std::size_t>(row) * stride, stride),
                    image_row(image_, y + row).subspan(static_cast<std::size_t>(x) * 3, width * 3));
  }
  return {};
}

Result<void> PartReader::read() {
  for (std::int64_t y = 0; y < shape_.height; y += shape_.part_height) {
    for (std::int64_t x = 0; x < shape_.width; x += shape_.part_width) {
      if (job_.is_late()) {
        return fail_late(job_, kName);
      }
      if (auto read = read_part(x, y); !read) {
        return read;
      }
    }
  }
  return {};
}

// libtiff's own conversion, some rows at a time.
Result<void> read_as_rgba(const DecodeJob& job, const TiffFile& file, const TiffShape& shape, Image& image) {
  const TiffLibrary& library = file.library();
  std::array<char, 1024> message{};
  TIFFRGBAImage reader;
  if (library.rgba_image_ok(file.tiff(), message.data()) == 0 ||
      library.rgba_image_begin(&reader, file.tiff(), 1, message.data()) == 0) {
    return fail(ErrorCode::kUnsupported, fmt::format("TIFF: libtiff cannot read it: {}", message.data()),
                "save the image again as PNG");
  }
  const std::unique_ptr<TIFFRGBAImage, decltype(library.rgba_image_end)> guard(&reader, library.rgba_image_end);
  reader.orientation = ORIENTATION_TOPLEFT;
  reader.req_orientation = ORIENTATION_TOPLEFT;
  const auto width = static_cast<std::size_t>(shape.width);
  const std::int64_t rows_at_once = std::clamp<std::int64_t>(shape.part_height, 1, shape.height);
  std::vector<std::uint32_t> rows(width * static_cast<std::size_t>(rows_at_once));
  for (std::int64_t y = 0; y < shape.height; y += rows_at_once) {
    if (job.is_late()) {
      return fail_late(job, kName);
    }
    const std::int64_t count = std::min(rows_at_once, shape.height - y);
    reader.row_offset = static_cast<int>(y);
    reader.col_offset = 0;
    if (library.rgba_image_get(&reader, rows.data(), static_cast<std::uint32_t>(width),
                               static_cast<std::uint32_t>(count)) == 0 &&
        !job.options.allow_truncated) {
      return file.failure(fmt::format("the pixels from row {} on cannot be read", y));
    }
    for (std::int64_t row = 0; row < count; ++row) {
      const auto to = image_row(image, y + row);
      for (std::size_t x = 0; x < width; ++x) {
        const std::uint32_t pixel = rows[static_cast<std::size_t>(row) * width + x];
        to[3 * x] = static_cast<std::uint8_t>(TIFFGetR(pixel));
        to[3 * x + 1] = static_cast<std::uint8_t>(TIFFGetG(pixel));
        to[3 * x + 2] = static_cast<std::uint8_t>(TIFFGetB(pixel));
      }
    }
  }
  return {};
}

int orientation_of(const TiffFile& file) {
  std::uint16_t orientation = 0;
  if (file.library().get_field(file.tiff(), TIFFTAG_ORIENTATION, &orientation) == 1) {
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
  }
  std::uint32_t size_bytes = 0;
  const std::byte* packet = nullptr;
  if (file.library().get_field(file.tiff(), TIFFTAG_XMLPACKET, &size_bytes, &packet) != 1) {
    return 1;
  }
  return metadata_orientation({.exif = {}, .xmp = {packet, packet + size_bytes}});
}

}  // namespace

Result<int> decode_tiff(const DecodeJob& job, Image& image) {
  const auto file = open_tiff(job.bytes, job.options.memory_size_bytes_max);
  if (!file) {
    return std::unexpected(file.error());
  }
  const auto shape = read_shape(**file);
  if (!shape) {
    return std::unexpected(shape.error());
  }
  // libtiff's own conversion goes through four bytes a pixel.
  const std::uint64_t kept_size_bytes = shape->is_read_as_rgba ? static_cast<std::uint64_t>(shape->width) *
                                                                     static_cast<std::uint64_t>(shape->part_height) * 4
                                                               : 0;
  if (auto ready = prepare_image(job, kName, shape->width, shape->height, image, kept_size_bytes); !ready) {
    return std::unexpected(std::move(ready.error()));
  }
  if (shape->is_read_as_rgba) {
    if (auto read = read_as_rgba(job, **file, *shape, image); !read) {
      return std::unexpected(std::move(read.error()));
    }
    return orientation_of(**file);
  }
  PartReader parts(job, **file, *shape, image);
  if (auto ready = parts.prepare(); !ready) {
    return std::unexpected(std::move(ready.error()));
  }
  if (auto read = parts.read(); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return orientation_of(**file);
}

Result<ImageHeader> read_tiff_header(Bytes bytes) {
  const auto file = open_tiff(bytes, kImageMemorySizeBytesMax);
  if (!file) {
    return std::unexpected(file.error());
  }
  return ImageHeader{ImageFormat::kTiff, (*file)->field<std::uint32_t>(TIFFTAG_IMAGEWIDTH, 0),
                     (*file)->field<std::uint32_t>(TIFFTAG_IMAGELENGTH, 0), orientation_of(**file)};
}

}  // namespace asterism
