// From a picture to the tensor a model takes: resize, crop, rescale, normalise, in that order, with the numbers that
// Pillow, timm, torchvision and transformers give.
//
// Everything is resolved to numbers here; which numbers a checkpoint means is src/encoder's business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

enum class Interpolation : std::uint8_t { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

enum class ResizeMode : std::uint8_t {
  kNone,
  kExact,         // to resize_width x resize_height, whatever the aspect ratio
  kShortestEdge,  // the shorter edge becomes resize_width
  kLongestEdge,   // the longer edge becomes resize_width
};

enum class CropMode : std::uint8_t {
  kNone,
  kCenter,  // crop_width x crop_height from the middle; a smaller image is padded with `fill`
};

enum class ChannelOrder : std::uint8_t {
  kRgb,
  kBgr,
  kGrey,  // one channel: Pillow's "L"
};

struct ImagePreprocess {
  ResizeMode resize = ResizeMode::kNone;
  std::int64_t resize_width = 0;
  std::int64_t resize_height = 0;
  // With kShortestEdge: the longer edge never exceeds this.
  std::optional<std::int64_t> longest_edge_max;
  Interpolation interpolation = Interpolation::kBicubic;
  // Filters are widened when shrinking, as Pillow does; false: as torch.nn.functional.interpolate without antialias.
  bool antialias = true;
  CropMode crop = CropMode::kNone;
  std::int64_t crop_width = 0;
  std::int64_t crop_height = 0;
  std::array<std::uint8_t, 3> fill{};
  ChannelOrder channels = ChannelOrder::kRgb;
  double rescale = 1.0 / 255.0;
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};
  std::array<float, 3> std{1.0F, 1.0F, 1.0F};

  bool operator==(const ImagePreprocess&) const = default;
};

}  // namespace asterism
