// Any bytes as a configuration of image preprocessing, in both dialects that have one: an error that says something, or
// numbers within the limits.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.hpp"
#include "encoder/image_settings.hpp"
#include "image/preprocess_text.hpp"

namespace {

using asterism::ImageSettings;
using asterism::ImageSettingsOptions;
using asterism::Result;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check(const Result<ImageSettings>& settings) {
  if (!settings) {
    require(!settings.error().message.empty());
    return;
  }
  const auto& preprocess = settings->preprocess;
  for (const std::int64_t side : {settings->size.width, settings->size.height}) {
    require(side >= 1 && side <= asterism::kImageInputSideMax);
  }
  require(settings->channels == 1 || settings->channels == 3);
  require(preprocess.resize_width >= 0 && preprocess.resize_width <= asterism::kImageResizeSideMax);
  require(preprocess.resize_height >= 0 && preprocess.resize_height <= asterism::kImageResizeSideMax);
  for (std::size_t i = 0; i < 3; ++i) {
    require(std::isfinite(preprocess.mean[i]) && std::isfinite(preprocess.std[i]) && preprocess.std[i] > 0.0F);
  }
  require(std::isfinite(preprocess.rescale) && preprocess.rescale > 0.0);
  require(!asterism::describe_preprocess(preprocess).empty());
  require(asterism::preprocess_json(preprocess).is_object());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = asterism::parse_json(text, "fuzz");
  if (!json) {
    return 0;
  }
  ImageSettingsOptions resized;
  resized.overrides.size = asterism::ImageSize{.width = 320, .height = 200};
  resized.overrides.fit = asterism::ImageFit::kBorder;
  resized.timm_size = asterism::TimmSize::kTest;
  for (const ImageSettingsOptions& options : {ImageSettingsOptions{}, resized}) {
    check(asterism::timm_image_settings(*json, "fuzz", options));
    check(asterism::transformers_image_settings(*json, "vit", "fuzz", options));
  }
  return 0;
}
