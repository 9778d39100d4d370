// torchvision's presets by the name of the weight file.
#include <fmt/format.h>

#include <utility>

#include "encoder/image_geometry.hpp"
#include "encoder/image_settings.hpp"
#include "models/torchvision_weights.hpp"

namespace asterism {

namespace {

// What most networks of torchvision's first generation were given; for a file under a name of the user's.
constexpr TorchvisionWeight kUsual{.file_name = "resnet50-0676ba61.pth",
                                   .architecture = "torchvision",
                                   .weights = "IMAGENET1K_V1",
                                   .resize_size = 256,
                                   .crop_size = 224,
                                   .interpolation = Interpolation::kBilinear,
                                   .mean = {0.485F, 0.456F, 0.406F},
                                   .std = {0.229F, 0.224F, 0.225F}};

}  // namespace

Result<ImageSettings> torchvision_image_settings(std::string_view file_name, const ImageSettingsOptions& options) {
  const auto match = torchvision_weight(file_name);
  const TorchvisionWeight& weight = match ? *match->weight : kUsual;
  ImageSettings settings{.source = fmt::format("{} ({}, {})", file_name, weight.architecture, weight.weights)};
  if (!match) {
    settings.warnings.push_back(fmt::format(
        "{}: no name that torchvision publishes: pictures are prepared as for most of its networks (shorter "
        "edge to 256, the middle 224 x 224); --image-size, --crop-mode, --interpolation, --mean and --std "
        "say otherwise",
        file_name));
  } else if (!match->exact) {
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
