// torchvision's published weights by the name of their file. A bare .pth says neither which network it belongs to nor
// how its pictures were prepared; its name, which carries the start of its sha256, does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "asterism/error.hpp"
#include "image/preprocess.hpp"

namespace asterism {

struct TorchvisionWeight {
  std::string_view file_name;     // "resnet50-0676ba61.pth"
  std::string_view architecture;  // "resnet50": the builder in torchvision.models
  std::string_view weights;       // "IMAGENET1K_V1": the member of the builder's weight enum
  std::int64_t resize_size = 0;   // of the shorter edge
  std::int64_t crop_size = 0;
  Interpolation interpolation = Interpolation::kBilinear;
  std::array<float, 3> mean{};
  std::array<float, 3> std{};
};

inline constexpr std::size_t kTorchvisionWeightCount = 115;
// By architecture, the enum's first member first. Generated.
extern const std::array<TorchvisionWeight, kTorchvisionWeightCount> kTorchvisionWeights;

struct TorchvisionWeightMatch {
  const TorchvisionWeight* weight = nullptr;  // static
  // The whole name is known; false: the part before the hash is, and `weight` is the first published under it.
  bool exact = false;
};

// `file_name` without its folder. kNotFound when it starts with no architecture that torchvision publishes.
Result<TorchvisionWeightMatch> torchvision_weight(std::string_view file_name);

}  // namespace asterism
