// Resizing 8-bit RGB images as Pillow does, whole or the part that a crop keeps.
//
// Thread-safety: a scratch belongs to one thread. Cost: two passes over what the window needs; the filter's weights are
// kept in the scratch while sizes repeat.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "image/preprocess.hpp"
#include "kernels/image_rows.hpp"

namespace asterism {

struct ResizeOptions {
  Interpolation interpolation = Interpolation::kBicubic;
  // False: as torch.nn.functional.interpolate(align_corners=False) in float32, rounded to bytes. Only kBilinear and
  // kBicubic know the difference.
  bool antialias = true;
  ResizeArithmetic arithmetic = ResizeArithmetic::kPillow;
};

struct ImageWindow {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

struct ResizeScratch {
  struct CachedTaps {
    std::int64_t input_size = 0;
    std::int64_t output_size = 0;
    Interpolation interpolation = Interpolation::kBicubic;
    ResizeArithmetic arithmetic = ResizeArithmetic::kPillow;
    std::optional<FilterTaps> taps;
  };

  CachedTaps horizontal;
  CachedTaps vertical;
  std::vector<std::uint8_t> between;  // rows after the first pass
  std::vector<std::uint8_t> tail;     // a padded copy of the image's last rows
  std::vector<float> floats;
};

// Bytes from row to row that hold `width` pixels and the padding that the kernels ask for.
std::size_t padded_stride_bytes(std::int64_t width) noexcept;

// The window of the image resized to `size`, into rows of padded_stride_bytes(window.width). The window lies inside.
void resize_window(const Image& image, ImageSize size, const ResizeOptions& options, const ImageWindow& window,
                   ResizeScratch& scratch, ImageRows out);

// The whole image; with the default options what Pillow's Image.resize gives, bit for bit.
Result<Image> resize_image(const Image& image, ImageSize size, const ResizeOptions& options = {});

}  // namespace asterism
