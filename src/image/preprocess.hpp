// From a picture to the tensor a model takes: resize, crop, rescale, normalise, in that order, with the numbers that
// Pillow, timm, torchvision and transformers give.
//
// Everything is resolved to numbers here; which numbers a checkpoint means is src/encoder's business.
// Resizing is Pillow's for 8-bit images, bit for bit; only what the crop keeps is computed.
// Thread-safety: pure functions; a scratch belongs to one thread. Cost: one image runs on one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Longest edge of a resized or cropped image.
inline constexpr std::int64_t kImageEdgeMax = 65'535;
// Longest edge of an image that is resized: the filter's weights take a hundred bytes for each pixel along it.
inline constexpr std::int64_t kImageSourceEdgeMax = 1'000'000;

enum class Interpolation : std::uint8_t { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// Whose fixed-point arithmetic resizes; they differ by up to two grey levels.
enum class ResizeArithmetic : std::uint8_t {
  kPillow,  // Image.resize: timm, torchvision on Pillow images, transformers' processors on Pillow
  kTorch,   // interpolate(uint8, antialias=True): torchvision on tensors, transformers' processors on torchvision
};

enum class ResizeMode : std::uint8_t {
  kNone,
  kExact,         // to resize_width x resize_height, whatever the aspect ratio
  kShortestEdge,  // the shorter edge becomes resize_width
  kLongestEdge,   // the longer edge becomes resize_width
  kFill,          // keeps the aspect ratio: just covers resize_width x resize_height
  kFit,           // keeps the aspect ratio: just fits into resize_width x resize_height
};

// How the edges that follow from the aspect ratio become whole numbers.
enum class ResizeRounding : std::uint8_t {
  // int(size * long / short): torchvision.transforms.Resize, transformers' get_resize_output_image_size. kFit: int(edge
  // *
  // factor): transformers' get_image_size_for_max_height_width.
  kFloor,
  kHalfEven,  // round(edge / ratio) on both edges: timm's ResizeKeepRatio
};

enum class CropMode : std::uint8_t {
  kNone,
  kCenter,  // crop_width x crop_height from the middle; a smaller image is padded with `fill`
};

// Where the middle is when an odd number of pixels goes.
enum class CropOffset : std::uint8_t {
  kHalfEven,  // round(d / 2.0), the padding's smaller half first: torchvision's center_crop and timm's
  kFloor,     // d // 2, the padding's larger half first: transformers' center_crop
};

enum class ChannelOrder : std::uint8_t {
  kRgb,
  kBgr,
  kGrey,  // one channel: Pillow's "L"
};

// The float arithmetic between a byte and the tensor; the last bits differ.
enum class NormalizeRule : std::uint8_t {
  kDivide,   // float32: (x / (1 / rescale) - mean) / std: torchvision's ToTensor and Normalize, timm
  kRescale,  // float32(x * rescale) in float64, then float32: (. - mean) / std: transformers' processors on Pillow
  kFused,    // float32: (x - mean / rescale) / (std / rescale): transformers' processors on torchvision
};

struct ImagePreprocess {
  ResizeMode resize = ResizeMode::kNone;
  std::int64_t resize_width = 0;
  std::int64_t resize_height = 0;
  // With kShortestEdge: the longer edge never exceeds this; transformers' get_size_with_aspect_ratio.
  std::optional<std::int64_t> longest_edge_max = std::nullopt;
  ResizeRounding resize_rounding = ResizeRounding::kFloor;
  Interpolation interpolation = Interpolation::kBicubic;
  ResizeArithmetic arithmetic = ResizeArithmetic::kPillow;
  // Filters are widened when shrinking, as Pillow does; false: as torch.nn.functional.interpolate without antialias.
  bool antialias = true;
  CropMode crop = CropMode::kNone;
  std::int64_t crop_width = 0;
  std::int64_t crop_height = 0;
  CropOffset crop_offset = CropOffset::kHalfEven;
  std::array<std::uint8_t, 3> fill{};
  ChannelOrder channels = ChannelOrder::kRgb;
  NormalizeRule normalize = NormalizeRule::kDivide;
  double rescale = 1.0 / 255.0;
  // Subtracted from the rescaled value, before mean and std: EfficientNet's rescale_offset. Not with kFused.
  float rescale_offset = 0.0F;
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};
  std::array<float, 3> std{1.0F, 1.0F, 1.0F};

  bool operator==(const ImagePreprocess&) const = default;
};

struct ImageSize {
  std::int64_t width = 0;
  std::int64_t height = 0;

  bool operator==(const ImageSize&) const = default;
};

// What an image of `input` is resized to, before the crop. kInvalidArgument on settings or sizes out of range.
Result<ImageSize> resized_image_size(ImageSize input, const ImagePreprocess& settings);
// What an image of `input` becomes: width and height of the tensor.
Result<ImageSize> preprocessed_image_size(ImageSize input, const ImagePreprocess& settings);
std::int64_t preprocessed_channel_count(const ImagePreprocess& settings) noexcept;

// Memory and filter tables that one thread keeps from image to image.
class PreprocessScratch {
 public:
  PreprocessScratch();
  ~PreprocessScratch();
  PreprocessScratch(PreprocessScratch&&) noexcept;
  PreprocessScratch& operator=(PreprocessScratch&&) noexcept;

  struct Impl;
  Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Float32 [channels, height, width].
Result<Tensor> preprocess_image(const Image& image, const ImagePreprocess& settings);
// Into `out`, one row of a batch: exactly channels * height * width floats. Allocates only while the scratch grows.
Result<void> preprocess_image_into(const Image& image, const ImagePreprocess& settings, std::span<float> out);
Result<void> preprocess_image_into(const Image& image, const ImagePreprocess& settings, std::span<float> out,
                                   PreprocessScratch& scratch);

}  // namespace asterism
