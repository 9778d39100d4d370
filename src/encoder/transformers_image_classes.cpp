#include "encoder/transformers_image_classes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace asterism {
namespace {

// transformers.image_utils: IMAGENET_STANDARD_MEAN and _STD, OPENAI_CLIP_MEAN and _STD.
constexpr std::array<float, 3> kHalf{0.5F, 0.5F, 0.5F};
constexpr std::array<float, 3> kClipMean{0.48145466F, 0.4578275F, 0.40821073F};
constexpr std::array<float, 3> kClipStd{0.26862954F, 0.26130258F, 0.27577711F};

// Class attributes of transformers 5.23, models/*/image_processing_*.py.
constexpr std::array<ImageProcessorClass, 12> kClasses{{
    {.name = "ViTImageProcessor", .interpolation = Interpolation::kBilinear, .mean = kHalf, .std = kHalf, .side = 224},
    {.name = "DeiTImageProcessor", .mean = kHalf, .std = kHalf, .side = 256, .crop_side = 224, .center_crop = true},
    {.name = "BeitImageProcessor", .mean = kHalf, .std = kHalf, .side = 224, .crop_side = 224},
    {.name = "ConvNextImageProcessor",
     .mean = kHalf,
     .std = kHalf,
     .side = 384,
     .square = false,
     .default_to_square = false,
     .rule = ImageProcessorRule::kConvNext},
    {.name = "CLIPImageProcessor",
     .mean = kClipMean,
     .std = kClipStd,
     .side = 224,
     .square = false,
     .default_to_square = false,
     .crop_side = 224,
     .center_crop = true,
     .rule = ImageProcessorRule::kClip},
    {.name = "SiglipImageProcessor", .mean = kHalf, .std = kHalf, .side = 224, .default_to_square = false},
    {.name = "BitImageProcessor",
     .mean = kClipMean,
     .std = kClipStd,
     .side = 224,
     .square = false,
     .default_to_square = false,
     .crop_side = 224,
     .center_crop = true},
    {.name = "EfficientNetImageProcessor",
     .mean = kHalf,
     .std = kHalf,
     .side = 346,
     .crop_side = 289,
     .rule = ImageProcessorRule::kEfficientNet},
    {.name = "MobileNetV1ImageProcessor",
     .interpolation = Interpolation::kBilinear,
     .mean = kHalf,
     .std = kHalf,
     .side = 256,
     .square = false,
     .default_to_square = false,
     .crop_side = 224,
     .center_crop = true},
    {.name = "MobileNetV2ImageProcessor",
     .interpolation = Interpolation::kBilinear,
     .mean = kHalf,
     .std = kHalf,
     .side = 256,
     .square = false,
     .default_to_square = false,
     .crop_side = 224,
     .center_crop = true},
    {.name = "MobileViTImageProcessor",
     .mean = kHalf,
     .std = kHalf,
     .side = 224,
     .square = false,
     .default_to_square = false,
     .crop_side = 256,
     .center_crop = true,
     .normalize = false,
     .rule = ImageProcessorRule::kMobileVit},
    {.name = "BlipImageProcessor", .mean = kClipMean, .std = kClipStd, .side = 384},
}};

// transformers' IMAGE_PROCESSOR_MAPPING_NAMES, for files that name no class.
constexpr std::array<std::pair<std::string_view, std::string_view>, 23> kClassOfModelType{{
    {"vit", "ViTImageProcessor"},
    {"vit_mae", "ViTImageProcessor"},
    {"vit_msn", "ViTImageProcessor"},
    {"ijepa", "ViTImageProcessor"},
    {"swin", "ViTImageProcessor"},
    {"swinv2", "ViTImageProcessor"},
    {"deit", "DeiTImageProcessor"},
    {"beit", "BeitImageProcessor"},
    {"data2vec-vision", "BeitImageProcessor"},
    {"convnext", "ConvNextImageProcessor"},
    {"convnextv2", "ConvNextImageProcessor"},
    {"resnet", "ConvNextImageProcessor"},
    {"regnet", "ConvNextImageProcessor"},
    {"clip", "CLIPImageProcessor"},
    {"siglip", "SiglipImageProcessor"},
    {"bit", "BitImageProcessor"},
    {"dinov2", "BitImageProcessor"},
    {"hiera", "BitImageProcessor"},
    {"efficientnet", "EfficientNetImageProcessor"},
    {"mobilenet_v1", "MobileNetV1ImageProcessor"},
    {"mobilenet_v2", "MobileNetV2ImageProcessor"},
    {"mobilevit", "MobileViTImageProcessor"},
    {"blip", "BlipImageProcessor"},
}};

// One class has been saved as ViTFeatureExtractor, ViTImageProcessor and ViTImageProcessorFast.
std::string current_name(std::string name) {
  constexpr std::string_view kOldEnd = "FeatureExtractor";
  for (const std::string_view end : {"Fast", "Pil"}) {
    if (name.ends_with(end)) {
      name.resize(name.size() - end.size());
    }
  }
  if (name.ends_with(kOldEnd)) {
    name.replace(name.size() - kOldEnd.size(), kOldEnd.size(), "ImageProcessor");
  }
  return name;
}

Result<std::string> class_name(const Json& processor, std::string_view model_type, std::string_view source) {
  for (const std::string_view key : {"image_processor_type", "feature_extractor_type"}) {
    const auto name = json_find<std::string>(processor, key, source);
    if (!name) {
      return std::unexpected(name.error());
    }
    if (*name) {
      return current_name(**name);
    }
  }
  const auto* const found =
      std::ranges::find(kClassOfModelType, model_type, &std::pair<std::string_view, std::string_view>::first);
  if (found == kClassOfModelType.end()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"image_processor_type\" is missing, and no image processor is known for the model "
                            "type \"{}\"",
                            source, model_type));
  }
  return std::string(found->second);
}

}  // namespace

Result<ImageProcessorClass> image_processor_class(const Json& processor, std::string_view model_type,
                                                  std::string_view source) {
  const auto name = class_name(processor, model_type, source);
  if (!name) {
    return std::unexpected(name.error());
  }
  std::string known;
  for (const ImageProcessorClass& candidate : kClasses) {
    if (candidate.name == *name) {
      return candidate;
    }
    known += known.empty() ? "" : ", ";
    known += candidate.name;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: \"image_processor_type\": expected one of {}, found \"{}\"", source, known, *name));
}

}  // namespace asterism
