// torchvision's presets by the name of the weight file.
#include <fmt/format.h>

#include <utility>

#include "encoder/image_geometry.hpp"
#include "encoder/image_settings.hpp"
#include "models/torchvision_weights.hpp"

namespace asterism {

Result<ImageSettings> torchvision_image_settings(std::string_view file_name, const ImageSettingsOptions& options) {
  const auto match = torchvision_weight(file_name);
  if (!match) {
    return std::unexpected(match.error());
  }
  const TorchvisionWeight& weight = *match->weight;
  ImageSettings settings{.source = fmt::format("{} ({}, {})", file_name, weight.architecture, weight.weights)};
  if (!match->exact) {
    settings.warnings.push_back(
        fmt::format("{}: not a file that torchvision publishes: preprocessing is that of \"{}\" ({})", file_name,
                    weight.file_name, weight.weights));
  }
  ImagePreprocess& preprocess = settings.preprocess;
  preprocess.interpolation = weight.interpolation;
  preprocess.mean = weight.mean;
  preprocess.std = weight.std;
  set_geometry(preprocess, ImageFit::kCenter, {.width = weight.crop_size, .height = weight.crop_size},
               {.width = weight.resize_size, .height = weight.resize_size});
  return finish_image_settings(std::move(settings), options.overrides, "");
}

}  // namespace asterism
