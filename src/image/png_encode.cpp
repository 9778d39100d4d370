#include "image/png_encode.hpp"

#include <fmt/format.h>
#include <png.h>

namespace asterism {

Result<std::string> encode_png(const Image& image) {
  if (image.width < 1 || image.height < 1 || image.width > kPngEdgeMax || image.height > kPngEdgeMax) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("PNG: expected edges of 1 to {} pixels, found {} x {}",
                                                         kPngEdgeMax, image.width, image.height));
  }
  const std::size_t expected = 3 * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (image.pixels.size() != expected) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("PNG: expected {} values of pixels, found {}", expected, image.pixels.size()));
  }
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size_bytes = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string file(size_bytes, '\0');
  // libpng's simplified interface: it catches its own jumps.
  if (png_image_write_to_memory(&png, file.data(), &size_bytes, 0, image.pixels.data(), 0, nullptr) == 0) {
    return fail(ErrorCode::kInternal, fmt::format("PNG: {}", static_cast<const char*>(png.message)));
  }
  file.resize(size_bytes);
  return file;
}

}  // namespace asterism
