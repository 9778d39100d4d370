#include "encoder/image_geometry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace asterism {
namespace {

constexpr double kGreyLevelMax = 255.0;

ImageFit fit_of(const ImagePreprocess& preprocess) {
  switch (preprocess.resize) {
    case ResizeMode::kExact:
      return ImageFit::kSquash;
    case ResizeMode::kFit:
    case ResizeMode::kLongestEdge:
      return ImageFit::kBorder;
    case ResizeMode::kNone:
    case ResizeMode::kShortestEdge:
    case ResizeMode::kFill:
      break;
  }
  return ImageFit::kCenter;
}

// The size of the picture before its crop, as far as the resize fixes it.
std::optional<ImageSize> resize_target(const ImagePreprocess& preprocess) {
  switch (preprocess.resize) {
    case ResizeMode::kNone:
      return std::nullopt;
    case ResizeMode::kShortestEdge:
    case ResizeMode::kLongestEdge:
      return ImageSize{.width = preprocess.resize_width, .height = preprocess.resize_width};
    case ResizeMode::kExact:
    case ResizeMode::kFit:
    case ResizeMode::kFill:
      break;
  }
  return ImageSize{.width = preprocess.resize_width, .height = preprocess.resize_height};
}

// The picture before a crop to `size`, in the ratio of the present resize to the present crop.
ImageSize scaled(const ImagePreprocess& preprocess, ImageSize size) {
  const auto target = resize_target(preprocess);
  if (!target || preprocess.crop == CropMode::kNone) {
    return size;
  }
  return {.width = size.width * target->width / preprocess.crop_width,
          .height = size.height * target->height / preprocess.crop_height};
}

Result<void> check_triple(const std::array<float, 3>& values, std::string_view name, bool positive) {
  for (const float value : values) {
    if (!std::isfinite(value) || (positive && value <= 0.0F)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} override: expected numbers{}, found {}", name, positive ? " above 0" : "", value));
    }
  }
  return {};
}

Result<void> check_size(ImageSize size, std::int64_t most, std::string_view what, std::string_view source) {
  for (const std::int64_t side : {size.height, size.width}) {
    if (side < 1 || side > most) {
      return fail(side < 1 ? ErrorCode::kInvalidArgument : ErrorCode::kLimitExceeded,
                  fmt::format("{}: {}: expected edges of 1 to {} pixels, found {}x{}", source, what, most, size.height,
                              size.width));
    }
  }
  return {};
}

// The colour of borders is the mean's, as a grey level of each channel.
Result<void> set_border_fill(ImagePreprocess& preprocess, std::string_view source) {
  const std::size_t count = preprocess.channels == ChannelOrder::kGrey ? 1 : 3;
  for (std::size_t i = 0; i < count; ++i) {
    // 0.3 as the file has it, not as float32 rounds it: 0.3 * 255 lies half way between two levels. Half goes to even,
    // as in Python: nearbyint's default.
    const double mean = std::strtod(fmt::format("{}", preprocess.mean[i]).c_str(), nullptr);
    const double level = std::nearbyint(mean * (1.0 / preprocess.rescale));
    if (!(level >= 0.0 && level <= kGreyLevelMax)) {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("{}: a border in the mean colour needs a mean of 0 to 1, found {}", source, preprocess.mean[i]));
    }
    preprocess.fill[i] = static_cast<std::uint8_t>(level);
  }
  return {};
}

Result<void> apply_geometry(ImageSettings& settings, const ImagePreprocessOverrides& overrides,
                            const std::string& reason) {
  ImagePreprocess& preprocess = settings.preprocess;
  const auto present = fixed_output_size(preprocess);
  const auto wanted = overrides.size ? overrides.size : present;
  if (!wanted) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: {}: expected one size for every picture, found a size that follows the picture's",
                            settings.source, reason),
                "name the size of the model's input (--image-size)");
  }
  if (auto valid = check_size(*wanted, kImageInputSideMax, "size of the model's input", settings.source); !valid) {
    return valid;
  }
  if (wanted != present || (overrides.fit && *overrides.fit != fit_of(preprocess))) {
    set_geometry(preprocess, overrides.fit.value_or(fit_of(preprocess)), *wanted, scaled(preprocess, *wanted));
  }
  settings.size = *wanted;
  const auto target = resize_target(preprocess);
  return target ? check_size(*target, kImageResizeSideMax, "size before the crop", settings.source) : Result<void>{};
}

}  // namespace

Result<ImageFit> image_fit_by_name(std::string_view name) {
  if (name == "center") {
    return ImageFit::kCenter;
  }
  if (name == "squash") {
    return ImageFit::kSquash;
  }
  if (name == "border") {
    return ImageFit::kBorder;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("crop mode: expected center, squash or border, found \"{}\"", name));
}

void set_geometry(ImagePreprocess& preprocess, ImageFit fit, ImageSize size, ImageSize scale) {
  preprocess.longest_edge_max.reset();
  preprocess.resize_rounding = ResizeRounding::kFloor;
  preprocess.resize_height = scale.height;
  preprocess.resize_width = scale.width;
  preprocess.fill = {};
  switch (fit) {
    case ImageFit::kCenter:
      if (scale.height == scale.width) {
        preprocess.resize = ResizeMode::kShortestEdge;
        preprocess.resize_height = 0;
      } else {
        preprocess.resize = ResizeMode::kFill;
        preprocess.resize_rounding = ResizeRounding::kHalfEven;
      }
      break;
    case ImageFit::kSquash:
      preprocess.resize = ResizeMode::kExact;
      break;
    case ImageFit::kBorder:
      preprocess.resize = ResizeMode::kFit;
      preprocess.resize_rounding = ResizeRounding::kHalfEven;
      break;
  }
  const bool cropped = preprocess.resize != ResizeMode::kExact || size != scale;
  preprocess.crop = cropped ? CropMode::kCenter : CropMode::kNone;
  preprocess.crop_height = cropped ? size.height : 0;
  preprocess.crop_width = cropped ? size.width : 0;
}

std::int64_t bounded_edge(double edge) noexcept {
  return static_cast<std::int64_t>(std::min(edge, static_cast<double>(kImageResizeSideMax + 1)));
}

std::optional<ImageSize> fixed_output_size(const ImagePreprocess& preprocess) {
  if (preprocess.crop == CropMode::kCenter) {
    return ImageSize{.width = preprocess.crop_width, .height = preprocess.crop_height};
  }
  if (preprocess.resize == ResizeMode::kExact) {
    return ImageSize{.width = preprocess.resize_width, .height = preprocess.resize_height};
  }
  return std::nullopt;
}

Result<ImageSettings> finish_image_settings(ImageSettings settings, const ImagePreprocessOverrides& overrides,
                                            const std::string& reason) {
  ImagePreprocess& preprocess = settings.preprocess;
  preprocess.interpolation = overrides.interpolation.value_or(preprocess.interpolation);
  preprocess.mean = overrides.mean.value_or(preprocess.mean);
  preprocess.std = overrides.std.value_or(preprocess.std);
  for (const auto& valid : {check_triple(preprocess.mean, "mean", false), check_triple(preprocess.std, "std", true)}) {
    if (!valid) {
      return std::unexpected(valid.error());
    }
  }
  if (auto applied = apply_geometry(settings, overrides, reason); !applied) {
    return std::unexpected(applied.error());
  }
  if (preprocess.resize == ResizeMode::kFit && preprocess.resize_rounding == ResizeRounding::kHalfEven) {
    if (auto filled = set_border_fill(preprocess, settings.source); !filled) {
      return std::unexpected(filled.error());
    }
  }
  return settings;
}

}  // namespace asterism
