// JPEG through libjpeg(-turbo), with the settings Pillow decodes with: accurate integer DCT, fancy upsampling.
//
// libjpeg reports errors by longjmp. Whatever a jump may cross lives in JpegSession, which has no destructor to skip;
// the functions with setjmp own no C++ object.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <limits>
#include <type_traits>

// The library's headers need size_t and FILE declared before them.
#include <jerror.h>
#include <jpeglib.h>

#include "image/codec.hpp"
#include "image/jpeg_segments.hpp"
#include "image/pixel_rows.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kName = "JPEG";
// A progressive file of a real encoder has about ten scans; each costs a pass over all coefficients.
constexpr int kScanCountMax = 500;
constexpr std::size_t kRowsAtOnce = 8;
constexpr std::array<JOCTET, 2> kEndOfImage{0xFF, 0xD9};

enum class JpegFailure : std::uint8_t { kNone, kLibrary, kTruncated, kLate, kTooManyScans };

struct JpegSession {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_source_mgr source;
  jpeg_progress_mgr progress;
  std::jmp_buf on_error;
  const DecodeJob* job;
  JpegFailure failure;
  int message_code;
  bool end_was_faked;
  std::array<char, JMSG_LENGTH_MAX> message;
};
static_assert(std::is_trivially_destructible_v<JpegSession>);

JpegSession& session_of(j_common_ptr info) {
  return *static_cast<JpegSession*>(info->client_data);
}

[[noreturn]] void leave(JpegSession& session, JpegFailure failure) {
  session.failure = failure;
  std::longjmp(session.on_error, 1);
}

[[noreturn]] void on_error_exit(j_common_ptr info) {
  JpegSession& session = session_of(info);
  session.message_code = info->err->msg_code;
  info->err->format_message(info, session.message.data());
  leave(session, JpegFailure::kLibrary);
}

void ignore_message(j_common_ptr) {}
void ignore_source(j_decompress_ptr) {}

// Called when the bytes are used up: the whole file was handed over at once.
boolean on_end_of_bytes(j_decompress_ptr info) {
  JpegSession& session = session_of(reinterpret_cast<j_common_ptr>(info));
  if (!session.job->options.allow_truncated || session.end_was_faked) {
    leave(session, JpegFailure::kTruncated);
  }
  session.end_was_faked = true;
  info->src->next_input_byte = kEndOfImage.data();
  info->src->bytes_in_buffer = kEndOfImage.size();
  return TRUE;
}

void on_skip(j_decompress_ptr info, long size_bytes) {
  jpeg_source_mgr& source = *info->src;
  const std::size_t skipped =
      size_bytes <= 0 ? 0 : std::min(static_cast<std::size_t>(size_bytes), source.bytes_in_buffer);
  source.next_input_byte += skipped;
  source.bytes_in_buffer -= skipped;
}

void on_progress(j_common_ptr info) {
  JpegSession& session = session_of(info);
  if (session.info.input_scan_number > kScanCountMax) {
    leave(session, JpegFailure::kTooManyScans);
  }
  if (session.job->is_late()) {
    leave(session, JpegFailure::kLate);
  }
}

void connect(JpegSession& session) {
  session.info.err = jpeg_std_error(&session.errors);
  session.errors.error_exit = on_error_exit;
  session.errors.output_message = ignore_message;
  session.info.client_data = &session;
}

bool read_header(JpegSession& session) {
  if (setjmp(session.on_error) != 0) {
    return false;
  }
  jpeg_create_decompress(&session.info);
  session.source.init_source = ignore_source;
  session.source.fill_input_buffer = on_end_of_bytes;
  session.source.skip_input_data = on_skip;
  session.source.resync_to_restart = jpeg_resync_to_restart;
  session.source.term_source = ignore_source;
  session.source.next_input_byte = reinterpret_cast<const JOCTET*>(session.job->bytes.data());
  session.source.bytes_in_buffer = session.job->bytes.size();
  session.info.src = &session.source;
  session.progress.progress_monitor = on_progress;
  session.info.progress = &session.progress;
  jpeg_read_header(&session.info, TRUE);
  return true;
}

bool start(JpegSession& session) {
  if (setjmp(session.on_error) != 0) {
    return false;
  }
  jpeg_start_decompress(&session.info);
  return true;
}

// Rows [output_scanline, row_end) into `rows`, one after the other.
bool read_rows(JpegSession& session, std::uint8_t* rows, std::size_t stride, JDIMENSION row_end) {
  if (setjmp(session.on_error) != 0) {
    return false;
  }
  const JDIMENSION first = session.info.output_scanline;
  while (session.info.output_scanline < row_end) {
    std::array<JSAMPROW, kRowsAtOnce> pointers;
    const JDIMENSION row = session.info.output_scanline;
    const std::size_t count = std::min<std::size_t>(kRowsAtOnce, row_end - row);
    for (std::size_t i = 0; i < count; ++i) {
      pointers[i] = rows + (row - first + i) * stride;
    }
    jpeg_read_scanlines(&session.info, pointers.data(), static_cast<JDIMENSION>(count));
  }
  return true;
}

// Owns the library's memory, for the one path out of decode_jpeg that every failure takes.
class JpegReader {
 public:
  explicit JpegReader(const DecodeJob& job) {
    session_.job = &job;
    connect(session_);
  }
  ~JpegReader() { jpeg_destroy_decompress(&session_.info); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  JpegSession& session() { return session_; }
  const JpegSession& session() const { return session_; }

  std::unexpected<Error> failure() const;

 private:
  std::unexpected<Error> library_failure() const;

  JpegSession session_{};
};

std::unexpected<Error> JpegReader::failure() const {
  switch (session_.failure) {
    case JpegFailure::kTruncated: {
      const JDIMENSION rows = session_.info.output_scanline;
      return fail_truncated(kName, session_.info.output_height == 0
                                       ? fmt::format("{} bytes hold no complete image", session_.job->bytes.size())
                                       : fmt::format("{} of {} rows are there", rows, session_.info.output_height));
    }
    case JpegFailure::kLate:
      return fail_late(*session_.job, kName);
    case JpegFailure::kTooManyScans:
      return fail(ErrorCode::kLimitExceeded, fmt::format("JPEG: expected at most {} scans, found more", kScanCountMax),
                  "save the image again with an ordinary encoder");
    default:
      return library_failure();
  }
}

std::unexpected<Error> JpegReader::library_failure() const {
  const std::string message = fmt::format("JPEG: {}", session_.message.data());
  switch (session_.message_code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("JPEG: expected to decode within {} bytes of memory, found that it takes more",
                              session_.job->options.memory_size_bytes_max),
                  "save the image again without progressive scans, or raise the memory limit");
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
      return fail(ErrorCode::kUnsupported, message, "save the image again as a baseline JPEG");
    default:
      return fail(ErrorCode::kCorrupt, message, "fetch or copy the file again");
  }
}

// Pillow's draft(): the largest shrinking that leaves both edges at least `edge` long.
unsigned shrink_factor(std::int64_t width, std::int64_t height, std::int64_t edge) {
  const std::int64_t room = std::min(width, height) / std::max<std::int64_t>(edge, 1);
  for (const unsigned factor : {8U, 4U, 2U}) {
    if (room >= factor) {
      return factor;
    }
  }
  return 1;
}

Result<void> check_frame(const JpegSession& session) {
  const int components = session.info.num_components;
  if (components != 1 && components != 3 && components != 4) {
    return fail(ErrorCode::kUnsupported, fmt::format("JPEG: expected 1, 3 or 4 components, found {}", components),
                "save the image again as grey or RGB");
  }
  return {};
}

// Coefficients of all scans are kept when the rows cannot be made in one pass.
std::uint64_t coefficients_size_bytes(const jpeg_decompress_struct& info) {
  if (info.progressive_mode == FALSE && info.comps_in_scan == info.num_components) {
    return 0;
  }
  return std::uint64_t{info.image_width} * info.image_height * static_cast<std::uint64_t>(info.num_components) *
         sizeof(JCOEF);
}

void configure(JpegSession& session) {
  const DecodeOptions& options = session.job->options;
  session.info.out_color_space = session.info.num_components == 4 ? JCS_CMYK : JCS_RGB;
  if (options.jpeg_shrink_edge) {
    session.info.scale_num = 1;
    session.info.scale_denom =
        shrink_factor(session.info.image_width, session.info.image_height, *options.jpeg_shrink_edge);
  }
  session.info.mem->max_memory_to_use = static_cast<long>(
      std::min<std::size_t>(options.memory_size_bytes_max, static_cast<std::size_t>(std::numeric_limits<long>::max())));
}

// What is left when a file may be truncated and libjpeg gives up: black, as in Pillow.
Result<void> keep_rows(const JpegReader& reader, std::int64_t row_count, Image& image) {
  const JpegSession& session = reader.session();
  const bool is_damage = session.failure == JpegFailure::kTruncated || session.failure == JpegFailure::kLibrary;
  if (!session.job->options.allow_truncated || !is_damage) {
    return reader.failure();
  }
  for (std::int64_t y = row_count; y < image.height; ++y) {
    std::ranges::fill(image_row(image, y), std::uint8_t{0});
  }
  return {};
}

// Four components come inverted, as Adobe's programs write them; Pillow assumes that of every file.
Result<void> read_cmyk_rows(JpegReader& reader, Image& image) {
  JpegSession& session = reader.session();
  const auto width = static_cast<std::size_t>(image.width);
  std::vector<std::uint8_t> row(width * 4);
  for (std::int64_t y = 0; y < image.height; ++y) {
    if (!read_rows(session, row.data(), row.size(), static_cast<JDIMENSION>(y + 1))) {
      return keep_rows(reader, y, image);
    }
    for (std::uint8_t& value : row) {
      value = static_cast<std::uint8_t>(255 - value);
    }
    cmyk_row_to_rgb(row, image_row(image, y));
  }
  return {};
}

Result<void> read_pixels(JpegReader& reader, Image& image) {
  JpegSession& session = reader.session();
  configure(session);
  const bool started = start(session);
  // A failed start knows the size that the picture was to have.
  if (auto ready = prepare_image(*session.job, kName, session.info.output_width, session.info.output_height, image);
      !ready) {
    return started ? ready : reader.failure();
  }
  if (!started) {
    return keep_rows(reader, 0, image);
  }
  if (session.info.out_color_space == JCS_CMYK) {
    return read_cmyk_rows(reader, image);
  }
  if (!read_rows(session, image.pixels.data(), static_cast<std::size_t>(image.width) * 3, session.info.output_height)) {
    return keep_rows(reader, session.info.output_scanline, image);
  }
  return {};
}

}  // namespace

Result<int> decode_jpeg(const DecodeJob& job, Image& image) {
  JpegReader reader(job);
  JpegSession& session = reader.session();
  if (!read_header(session)) {
    return reader.failure();
  }
  if (auto checked = check_frame(session); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (auto checked = check_image_size(job, kName, session.info.image_width, session.info.image_height,
                                      coefficients_size_bytes(session.info));
      !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (auto read = read_pixels(reader, image); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return metadata_orientation(read_jpeg_segments(job.bytes).metadata);
}

Result<ImageHeader> read_jpeg_header(Bytes bytes) {
  const JpegSegments segments = read_jpeg_segments(bytes);
  if (!segments.has_frame) {
    return fail_truncated(kName, fmt::format("{} bytes hold no start of a frame", bytes.size()));
  }
  return ImageHeader{ImageFormat::kJpeg, segments.width, segments.height, metadata_orientation(segments.metadata)};
}

}  // namespace asterism
