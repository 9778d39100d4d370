// libjpeg reports errors by longjmp. Whatever a jump may cross lives in EncodeSession, which has no destructor to skip;
// the function with setjmp owns no C++ object.
#include "image/jpeg_encode.hpp"

#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <span>
#include <type_traits>
#include <vector>

// The library's header needs size_t and FILE declared before it.
#include <jpeglib.h>

namespace asterism {
namespace {

struct EncodeSession {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  std::jmp_buf on_error;
  jpeg_destination_mgr destination;
  std::array<char, JMSG_LENGTH_MAX> message;
};
static_assert(std::is_trivially_destructible_v<EncodeSession>);

[[noreturn]] void on_error_exit(j_common_ptr info) {
  auto& session = *static_cast<EncodeSession*>(info->client_data);
  info->err->format_message(info, session.message.data());
  std::longjmp(session.on_error, 1);
}

void ignore_message(j_common_ptr) {}
void ignore_destination(j_compress_ptr) {}

// The buffer holds the largest file there can be.
boolean on_full_buffer(j_compress_ptr info) {
  auto& session = *static_cast<EncodeSession*>(info->client_data);
  std::longjmp(session.on_error, 1);
}

// Bytes that no file of this size exceeds: libjpeg-turbo's tjBufSize() for 4:2:0.
std::size_t size_bytes_max(const Image& image) {
  const auto padded = [](std::int64_t edge) { return static_cast<std::size_t>((edge + 15) / 16 * 16); };
  return 3 * padded(image.width) * padded(image.height) + 2048;
}

bool run(EncodeSession& session, const Image& image, int quality, std::span<JOCTET> buffer) {
  session.info.err = jpeg_std_error(&session.errors);
  session.errors.error_exit = on_error_exit;
  session.errors.output_message = ignore_message;
  session.info.client_data = &session;
  if (setjmp(session.on_error) != 0) {
    return false;
  }
  jpeg_create_compress(&session.info);
  session.destination.init_destination = ignore_destination;
  session.destination.empty_output_buffer = on_full_buffer;
  session.destination.term_destination = ignore_destination;
  session.destination.next_output_byte = buffer.data();
  session.destination.free_in_buffer = buffer.size();
  session.info.dest = &session.destination;
  session.info.image_width = static_cast<JDIMENSION>(image.width);
  session.info.image_height = static_cast<JDIMENSION>(image.height);
  session.info.input_components = 3;
  session.info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&session.info);
  jpeg_set_quality(&session.info, quality, TRUE);
  jpeg_start_compress(&session.info, TRUE);
  while (session.info.next_scanline < session.info.image_height) {
    // The library takes rows it may not change as changeable.
    auto* row = const_cast<JSAMPROW>(image.pixels.data() + 3 * static_cast<std::size_t>(session.info.next_scanline) *
                                                               static_cast<std::size_t>(image.width));
    jpeg_write_scanlines(&session.info, &row, 1);
  }
  jpeg_finish_compress(&session.info);
  return true;
}

}  // namespace

Result<std::string> encode_jpeg(const Image& image, int quality) {
  if (image.width < 1 || image.height < 1 || image.width > kJpegEdgeMax || image.height > kJpegEdgeMax) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("JPEG: expected edges of 1 to {} pixels, found {} x {}",
                                                         kJpegEdgeMax, image.width, image.height));
  }
  if (quality < 1 || quality > 100) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("JPEG: expected a quality of 1 to 100, found {}", quality));
  }
  std::vector<JOCTET> buffer(size_bytes_max(image));
  EncodeSession session{};
  const bool done = run(session, image, quality, buffer);
  jpeg_destroy_compress(&session.info);
  if (!done) {
    return fail(ErrorCode::kInternal, fmt::format("JPEG: {}", session.message.data()));
  }
  const std::size_t size_bytes = buffer.size() - session.destination.free_in_buffer;
  return std::string(reinterpret_cast<const char*>(buffer.data()), size_bytes);
}

}  // namespace asterism
