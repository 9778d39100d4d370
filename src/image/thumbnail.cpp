#include "image/thumbnail.hpp"

#include <algorithm>

#include "image/jpeg_encode.hpp"
#include "image/resize.hpp"

namespace asterism {
namespace {

constexpr int kQuality = 85;

}  // namespace

Result<std::string> encode_thumbnail(const Image& image, std::int64_t edge) {
  const std::int64_t longest = std::max(image.width, image.height);
  if (longest <= edge) {
    return encode_jpeg(image, kQuality);
  }
  const auto scaled = [&](std::int64_t size) { return std::max<std::int64_t>(1, size * edge / longest); };
  const auto small = resize_image(image, {.width = scaled(image.width), .height = scaled(image.height)});
  return small ? encode_jpeg(*small, kQuality) : std::unexpected(small.error());
}

}  // namespace asterism
