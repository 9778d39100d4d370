// PNG through libpng.
//
// libpng reports errors by longjmp. Whatever a jump may cross lives in PngSession, which has no destructor to skip; the
// functions with setjmp own no C++ object.
#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <type_traits>
#include <vector>

#include "image/byte_reader.hpp"
#include "image/codec.hpp"
#include "image/pixel_rows.hpp"
#include "image/png_chunks.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kName = "PNG";
constexpr std::size_t kMessageSizeBytes = 128;
constexpr int kRowsPerClockCheck = 64;
// Of Adam7.
constexpr int kPassCount = 7;
constexpr png_uint_32 kEdgeMax = 0x7FFFFFFF;

enum class PngFailure : std::uint8_t { kNone, kLibrary, kTruncated };

struct PngSession {
  png_structp png;
  png_infop info;
  std::jmp_buf on_error;
  const DecodeJob* job;
  const PngChunks* chunks;
  std::size_t offset;  // of the next byte to read
  PngFailure failure;
  bool data_is_damaged;  // the checksum at the end of the pixel data does not match
  std::array<char, kMessageSizeBytes> message;
};
static_assert(std::is_trivially_destructible_v<PngSession>);

[[noreturn]] void leave(PngSession& session, PngFailure failure) {
  session.failure = failure;
  std::longjmp(session.on_error, 1);
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  PngSession& session = *static_cast<PngSession*>(png_get_error_ptr(png));
  std::strncpy(session.message.data(), message, session.message.size() - 1);
  leave(session, PngFailure::kLibrary);
}

// zlib's words for a wrong Adler-32, which libpng only warns of and Pillow takes for a broken file.
void on_warning(png_structp png, png_const_charp message) {
  PngSession& session = *static_cast<PngSession*>(png_get_error_ptr(png));
  if (std::strstr(message, "incorrect data check") != nullptr) {
    session.data_is_damaged = true;
  }
}

// A last chunk of pixel data that is cut says that it ends where the file does: rows that are there count.
void on_read(png_structp png, png_bytep to, png_size_t size_bytes) {
  PngSession& session = *static_cast<PngSession*>(png_get_io_ptr(png));
  const Bytes bytes = session.job->bytes;
  if (!has_bytes(bytes, session.offset, size_bytes)) {
    leave(session, PngFailure::kTruncated);
  }
  std::memcpy(to, bytes.data() + session.offset, size_bytes);
  if (session.chunks->cut_data_offset == session.offset && size_bytes >= 4) {
    png_save_uint_32(to, session.chunks->cut_data_size_bytes);
  }
  session.offset += size_bytes;
}

bool read_header(PngSession& session) {
  if (setjmp(session.on_error) != 0) {
    return false;
  }
  session.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &session, on_error, on_warning);
  if (session.png == nullptr) {
    return false;
  }
  session.info = png_create_info_struct(session.png);
  if (session.info == nullptr) {
    return false;
  }
  png_set_read_fn(session.png, &session, on_read);
  png_set_user_limits(session.png, kEdgeMax, kEdgeMax);
  // Every ancillary chunk that libpng knows is skipped.
  png_set_keep_unknown_chunks(session.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(session.png, session.info);
  // As Pillow, which checks the sums of the chunks in front and leaves the pixel data to zlib's own.
  png_set_crc_action(session.png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
  return true;
}

// Asks for samples of one byte without alpha; only 16-bit grey stays as it is. True unless libpng refuses.
bool set_transformations(PngSession& session) {
  if (setjmp(session.on_error) != 0) {
    return false;
  }
  const int depth = png_get_bit_depth(session.png, session.info);
  const int color = png_get_color_type(session.png, session.info);
  if (depth == 16 && color != PNG_COLOR_TYPE_GRAY) {
    png_set_strip_16(session.png);
  }
  if (depth < 8) {
    png_set_packing(session.png);
  }
  if ((color & PNG_COLOR_MASK_ALPHA) != 0) {
    png_set_strip_alpha(session.png);
  }
  png_set_interlace_handling(session.png);
  png_read_update_info(session.png, session.info);
  return true;
}

// False on an error, unless it came behind the row's last pixel.
bool read_row(PngSession& session, std::uint8_t* row, png_uint_32 row_number) {
  if (setjmp(session.on_error) != 0) {
    return png_get_current_row_number(session.png) > row_number ||
           png_get_current_pass_number(session.png) >= kPassCount;
  }
  png_read_row(session.png, row, nullptr);
  return true;
}

class PngReader {
 public:
  PngReader(const DecodeJob& job, const PngChunks& chunks) {
    session_.job = &job;
    session_.chunks = &chunks;
  }
  ~PngReader() { png_destroy_read_struct(&session_.png, &session_.info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  PngSession& session() { return session_; }
  std::int64_t width() const { return png_get_image_width(session_.png, session_.info); }
  std::int64_t height() const { return png_get_image_height(session_.png, session_.info); }
  bool is_interlaced() const { return png_get_interlace_type(session_.png, session_.info) != PNG_INTERLACE_NONE; }

  std::unexpected<Error> failure(std::int64_t row_count) const {
    if (session_.failure == PngFailure::kTruncated) {
      return fail_truncated(kName, fmt::format("{} rows are there", row_count));
    }
    return fail(ErrorCode::kCorrupt, fmt::format("PNG: {}", session_.message.data()), "fetch or copy the file again");
  }

 private:
  PngSession session_{};
};

// How a row of libpng's becomes RGB.
class RowConverter {
 public:
  explicit RowConverter(const PngSession& session)
      : color_(png_get_color_type(session.png, session.info)),
        wide_(color_ == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(session.png, session.info) == 16) {
    if (color_ == PNG_COLOR_TYPE_PALETTE) {
      read_palette(session);
    }
  }

  // Called before set_transformations changes what libpng says: 1-bit grey is 0 and 255, 2-bit 0, 85, 170, 255.
  void set_grey_depth(int depth) {
    const unsigned steps = depth >= 8 ? 255U : (1U << static_cast<unsigned>(depth)) - 1U;
    for (unsigned value = 0; value < 256; ++value) {
      const auto grey = static_cast<std::uint8_t>(std::min(value * 255U / steps, 255U));
      if (color_ != PNG_COLOR_TYPE_PALETTE) {
        palette_[value] = {grey, grey, grey};
      }
    }
  }

  bool is_rgb() const { return (color_ & PNG_COLOR_MASK_PALETTE) == 0 && (color_ & PNG_COLOR_MASK_COLOR) != 0; }

  void convert(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) const {
    if (is_rgb()) {
      std::ranges::copy(from.first(to.size()), to.begin());
    } else if (wide_) {
      // Pillow's I;16 to L: what is above 255 becomes 255.
      for (std::size_t x = 0; x < to.size() / 3; ++x) {
        to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = from[2 * x] != 0 ? 255 : from[2 * x + 1];
      }
    } else {
      palette_row_to_rgb(from, palette_, to);
    }
  }

 private:
  void read_palette(const PngSession& session) {
    png_colorp entries = nullptr;
    int entry_count = 0;
    if (png_get_PLTE(session.png, session.info, &entries, &entry_count) != 0) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(entry_count) && i < palette_.size(); ++i) {
        palette_[i] = {entries[i].red, entries[i].green, entries[i].blue};
      }
    }
  }

  int color_;
  bool wide_;
  RgbPalette palette_{};
};

// Rows of one pass, straight into the image where they are RGB already. The number of rows read before an error.
Result<std::int64_t> read_plain(PngReader& reader, const RowConverter& converter, Image& image) {
  PngSession& session = reader.session();
  std::vector<std::uint8_t> row(converter.is_rgb() ? 0 : png_get_rowbytes(session.png, session.info));
  for (std::int64_t y = 0; y < image.height; ++y) {
    if (y % kRowsPerClockCheck == 0 && session.job->is_late()) {
      return fail_late(*session.job, kName);
    }
    const std::span<std::uint8_t> to = image_row(image, y);
    if (!read_row(session, row.empty() ? to.data() : row.data(), static_cast<png_uint_32>(y))) {
      return y;
    }
    if (!row.empty()) {
      converter.convert(row, to);
    }
  }
  return image.height;
}

// Seven passes over all rows; pixels of passes that are missing stay zero.
Result<std::int64_t> read_interlaced(PngReader& reader, const RowConverter& converter, Image& image) {
  PngSession& session = reader.session();
  const std::size_t stride = png_get_rowbytes(session.png, session.info);
  std::vector<std::uint8_t> rows(stride * static_cast<std::size_t>(image.height));
  bool complete = true;
  std::int64_t row_count = 0;
  for (int pass = 0; pass < kPassCount && complete; ++pass) {
    for (row_count = 0; row_count < image.height && complete; ++row_count) {
      if (row_count % kRowsPerClockCheck == 0 && session.job->is_late()) {
        return fail_late(*session.job, kName);
      }
      // Passes have fewer rows than the image; libpng counts those of the pass.
      complete = read_row(session, rows.data() + static_cast<std::size_t>(row_count) * stride, kEdgeMax);
    }
  }
  for (std::int64_t y = 0; y < image.height; ++y) {
    converter.convert(std::span(rows).subspan(static_cast<std::size_t>(y) * stride, stride), image_row(image, y));
  }
  return complete ? image.height : std::min(row_count, image.height - 1);
}

void fill_missing_rows(const RowConverter& converter, std::int64_t first_row, Image& image) {
  const std::vector<std::uint8_t> zeros(static_cast<std::size_t>(image.width) * 4);
  for (std::int64_t y = first_row; y < image.height; ++y) {
    converter.convert(zeros, image_row(image, y));
  }
}

Result<void> read_pixels(PngReader& reader, Image& image) {
  PngSession& session = reader.session();
  RowConverter converter(session);
  converter.set_grey_depth(png_get_bit_depth(session.png, session.info));
  if (!set_transformations(session)) {
    return reader.failure(0);
  }
  const bool interlaced = reader.is_interlaced();
  const std::uint64_t kept_size_bytes =
      interlaced ? png_get_rowbytes(session.png, session.info) * static_cast<std::uint64_t>(reader.height()) : 0;
  if (auto ready = prepare_image(*session.job, kName, reader.width(), reader.height(), image, kept_size_bytes);
      !ready) {
    return ready;
  }
  const Result<std::int64_t> row_count =
      interlaced ? read_interlaced(reader, converter, image) : read_plain(reader, converter, image);
  if (!row_count) {
    return std::unexpected(row_count.error());
  }
  if (session.data_is_damaged) {
    return fail(ErrorCode::kCorrupt, "PNG: expected pixel data that matches its checksum, found other data",
                "fetch or copy the file again");
  }
  if (*row_count == image.height) {
    return {};
  }
  if (session.failure != PngFailure::kTruncated || !session.job->options.allow_truncated) {
    return reader.failure(*row_count);
  }
  if (!interlaced) {
    fill_missing_rows(converter, *row_count, image);
  }
  return {};
}

}  // namespace

Result<int> decode_png(const DecodeJob& job, Image& image) {
  const PngChunks chunks = read_png_chunks(job.bytes);
  if (!chunks.has_header) {
    return fail_truncated(kName, "it has no header");
  }
  if (auto checked = check_image_size(job, kName, chunks.width, chunks.height); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  PngReader reader(job, chunks);
  if (!read_header(reader.session())) {
    return reader.failure(0);
  }
  if (auto read = read_pixels(reader, image); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return metadata_orientation(chunks.metadata);
}

Result<ImageHeader> read_png_header(Bytes bytes) {
  const PngChunks chunks = read_png_chunks(bytes);
  if (!chunks.has_header) {
    return fail_truncated(kName, "it has no header");
  }
  return ImageHeader{ImageFormat::kPng, chunks.width, chunks.height, metadata_orientation(chunks.metadata)};
}

}  // namespace asterism
