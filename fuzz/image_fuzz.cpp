// Any bytes as a picture: no format's decoder may crash, hang or give an image that is not its size, and what decodes
// must go through resizing and cropping.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "image/decode.hpp"
#include "image/preprocess.hpp"

namespace {

// Small, so that a fuzzer spends its time on reading and not on pixels.
constexpr std::int64_t kFuzzPixelCountMax = 1 << 18;
constexpr std::size_t kFuzzMemorySizeBytesMax = std::size_t{16} << 20;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check_preprocess(const asterism::Image& image) {
  const asterism::ImagePreprocess settings{.resize = asterism::ResizeMode::kExact,
                                           .resize_width = 9,
                                           .resize_height = 7,
                                           .crop = asterism::CropMode::kCenter,
                                           .crop_width = 8,
                                           .crop_height = 8};
  const auto tensor = asterism::preprocess_image(image, settings);
  require(tensor.has_value() && tensor->element_count() == std::size_t{3} * 8 * 8);
}

void check(std::span<const std::byte> bytes, bool allow_truncated) {
  const auto image = asterism::decode_image(bytes, {.pixel_count_max = kFuzzPixelCountMax,
                                                    .memory_size_bytes_max = kFuzzMemorySizeBytesMax,
                                                    .time_max = std::chrono::milliseconds(5000),
                                                    .allow_truncated = allow_truncated});
  if (!image) {
    require(!image.error().message.empty() && image.error().code != asterism::ErrorCode::kInternal);
    return;
  }
  require(image->width > 0 && image->height > 0 && image->width * image->height <= kFuzzPixelCountMax);
  require(image->pixels.size() == static_cast<std::size_t>(image->width * image->height * 3));
  check_preprocess(*image);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check(bytes, false);
  check(bytes, true);
  const auto header = asterism::read_image_header(bytes);
  require(header.has_value() || !header.error().message.empty());
  return 0;
}
