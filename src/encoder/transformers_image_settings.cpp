// transformers' preprocessor_config.json, read as the image processors of transformers 5 read it.
//
// Their Pillow backend is followed, to the bit; their torchvision backend lies within a grey level or two of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "encoder/image_config_values.hpp"
#include "encoder/image_geometry.hpp"
#include "encoder/image_settings.hpp"
#include "encoder/transformers_image_classes.hpp"

namespace asterism {
namespace {

// Keys that are read below, then those that leave the numbers as they are: labels, containers, devices, names. Pictures
// are always decoded to RGB, so do_convert_rgb changes nothing.
constexpr std::array<std::string_view, 39> kKnownKeys{
    "image_processor_type", "feature_extractor_type", "do_resize", "size", "default_to_square", "resample",
    "do_center_crop", "crop_size", "crop_pct", "do_rescale", "rescale_factor", "rescale_offset", "do_normalize",
    "include_top", "image_mean", "image_std", "do_flip_channel_order", "use_square_size", "do_pad",
    //
    "pad_size", "do_convert_rgb", "processor_class", "data_format", "input_data_format", "device", "return_tensors",
    "disable_grouping", "image_seq_length", "model_input_names", "reduce_labels", "do_reduce_labels", "auto_map",
    "name_or_path", "_processor_class", "_valid_processor_keys", "_valid_kwargs_names", "transformers_version",
    "image_token", "tokenizer_class"};

// PIL.Image.Resampling by number.
constexpr std::array<Interpolation, 6> kPillowResampling{Interpolation::kNearest,  Interpolation::kLanczos,
                                                         Interpolation::kBilinear, Interpolation::kBicubic,
                                                         Interpolation::kBox,      Interpolation::kHamming};

// transformers.models.convnext: below this edge the picture is cropped, from here on it is squashed.
constexpr std::int64_t kConvNextSquashSide = 384;
constexpr double kConvNextCropPercent = 224.0 / 256.0;

struct Processor {
  const Json& json;
  ImageProcessorClass defaults;
  std::string source;
};

// One of the forms of "size"; the fields that it does not have are 0.
struct SizeRequest {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t shortest_edge = 0;
  std::int64_t longest_edge = 0;
  std::int64_t max_height = 0;
  std::int64_t max_width = 0;
};

// null is not missing: transformers keeps it, and it counts as false.
Result<bool> flag(const Processor& processor, std::string_view key, bool missing) {
  const auto found = json_find<bool>(processor.json, key, processor.source);
  if (!found) {
    return std::unexpected(found.error());
  }
  return found->value_or(missing && !processor.json.contains(key));
}

Result<SizeRequest> size_of_keys(const Json& value, std::string_view key, const std::string& source) {
  SizeRequest out;
  const std::array<std::pair<std::string_view, std::int64_t*>, 6> fields{{{"height", &out.height},
                                                                          {"width", &out.width},
                                                                          {"shortest_edge", &out.shortest_edge},
                                                                          {"longest_edge", &out.longest_edge},
                                                                          {"max_height", &out.max_height},
                                                                          {"max_width", &out.max_width}}};
  for (const auto& [name, side] : value.items()) {
    const auto* const field = std::ranges::find(fields, name, &std::pair<std::string_view, std::int64_t*>::first);
    if (field == fields.end()) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: \"{}\": expected height and width, shortest_edge (and longest_edge), or max_height "
                              "and max_width, found \"{}\"",
                              source, key, name));
    }
    if (side.is_null()) {
      continue;
    }
    const auto read = image_side(side, name, fmt::format("{}: \"{}\"", source, key));
    if (!read) {
      return std::unexpected(read.error());
    }
    *field->second = *read;
  }
  return out;
}

enum class PlainNumber : std::uint8_t { kSquare, kShortestEdge };

// A number, [height, width], or an object; an object that says nothing usable is refused by whoever uses it.
Result<SizeRequest> size_request(const Json& value, std::string_view key, PlainNumber plain,
                                 const std::string& source) {
  if (value.is_object()) {
    return size_of_keys(value, key, source);
  }
  const bool pair = value.is_array() && value.size() == 2;
  const auto height = image_side(pair ? value[0] : value, key, source);
  const auto width = image_side(pair ? value[1] : value, key, source);
  if (!height || !width) {
    return std::unexpected(!height ? height.error() : width.error());
  }
  if (!pair && plain == PlainNumber::kShortestEdge) {
    return SizeRequest{.shortest_edge = *height};
  }
  return SizeRequest{.height = *height, .width = *width};
}

Result<SizeRequest> resize_request(const Processor& processor) {
  const auto square = flag(processor, "default_to_square", processor.defaults.default_to_square);
  if (!square) {
    return std::unexpected(square.error());
  }
  const std::int64_t side = processor.defaults.side;
  if (processor.defaults.rule == ImageProcessorRule::kClip) {
    const auto use_square = flag(processor, "use_square_size", false);
    if (!use_square) {
      return std::unexpected(use_square.error());
    }
    if (*use_square) {
      return SizeRequest{.height = side, .width = side};
    }
  }
  if (const Json* const value = find_value(processor.json, "size")) {
    return size_request(*value, "size", *square ? PlainNumber::kSquare : PlainNumber::kShortestEdge, processor.source);
  }
  return processor.defaults.square ? SizeRequest{.height = side, .width = side} : SizeRequest{.shortest_edge = side};
}

// Nothing when the processor does not crop.
Result<std::optional<ImageSize>> crop_request(const Processor& processor) {
  const auto wanted = flag(processor, "do_center_crop", processor.defaults.center_crop);
  if (!wanted) {
    return std::unexpected(wanted.error());
  }
  if (!*wanted) {
    return std::optional<ImageSize>{};
  }
  const Json* const value = find_value(processor.json, "crop_size");
  if (value == nullptr && processor.defaults.crop_side) {
    return std::optional{ImageSize{.width = *processor.defaults.crop_side, .height = *processor.defaults.crop_side}};
  }
  if (value == nullptr) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"do_center_crop\" is true, but \"crop_size\" is missing", processor.source));
  }
  const auto size = size_request(*value, "crop_size", PlainNumber::kSquare, processor.source);
  if (!size) {
    return std::unexpected(size.error());
  }
  if (size->height == 0 || size->width == 0) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: \"crop_size\": expected height and width, found {}",
                                                     processor.source, value_text(*value)));
  }
  return std::optional{ImageSize{.width = size->width, .height = size->height}};
}

Result<Interpolation> resampling(const Processor& processor) {
  const auto number = json_find<std::int64_t>(processor.json, "resample", processor.source);
  if (!number) {
    return std::unexpected(number.error());
  }
  if (!*number) {
    return processor.defaults.interpolation;
  }
  if (**number < 0 || **number >= static_cast<std::int64_t>(kPillowResampling.size())) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"resample\": expected one of Pillow's filters, 0 to {}, found {}", processor.source,
                            kPillowResampling.size() - 1, **number));
  }
  return kPillowResampling.at(static_cast<std::size_t>(**number));
}

Result<void> set_common_resize(const Processor& processor, const SizeRequest& size, ImagePreprocess& preprocess) {
  if (size.shortest_edge != 0) {
    preprocess.resize = ResizeMode::kShortestEdge;
    preprocess.resize_width = size.shortest_edge;
    if (size.longest_edge != 0) {
      preprocess.longest_edge_max = size.longest_edge;
    }
  } else if (size.max_height != 0 && size.max_width != 0) {
    preprocess.resize = ResizeMode::kFit;
    preprocess.resize_height = size.max_height;
    preprocess.resize_width = size.max_width;
  } else if (size.height != 0 && size.width != 0) {
    preprocess.resize = ResizeMode::kExact;
    preprocess.resize_height = size.height;
    preprocess.resize_width = size.width;
  } else {
    // longest_edge alone too: transformers' own processors of these classes refuse it.
    const Json* const value = find_value(processor.json, "size");
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"size\": expected height and width, shortest_edge, or max_height and max_width, "
                            "found {}",
                            processor.source, value == nullptr ? "none" : value_text(*value)));
  }
  return {};
}

Result<void> set_convnext_resize(const Processor& processor, std::int64_t side, ImagePreprocess& preprocess) {
  if (side == 0) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"size\": expected shortest_edge, as this class takes, found none", processor.source));
  }
  const Json* const value = find_value(processor.json, "crop_pct");
  const auto percent = value == nullptr ? Result<double>(kConvNextCropPercent)
                                        : image_number(*value, "crop_pct", NumberRange::kPositive, processor.source);
  if (!percent) {
    return std::unexpected(percent.error());
  }
  if (side >= kConvNextSquashSide) {
    set_geometry(preprocess, ImageFit::kSquash, {side, side}, {side, side});
    return {};
  }
  const std::int64_t edge = bounded_edge(static_cast<double>(side) / *percent);
  set_geometry(preprocess, ImageFit::kCenter, {side, side}, {edge, edge});
  return {};
}

Result<void> set_crop(const Processor& processor, ImageSize size, ImagePreprocess& preprocess) {
  if (preprocess.crop == CropMode::kCenter) {
    const ImageSize present{.width = preprocess.crop_width, .height = preprocess.crop_height};
    if (size == present) {
      return {};
    }
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: \"crop_size\": expected {}x{}, the size to which \"crop_pct\" has cropped, found {}x{}",
                    processor.source, present.height, present.width, size.height, size.width));
  }
  if (fixed_output_size(preprocess) == size) {
    return {};
  }
  preprocess.crop = CropMode::kCenter;
  preprocess.crop_height = size.height;
  preprocess.crop_width = size.width;
  return {};
}

// Resize and crop. A size that the user asks for goes through ConvNext's own rule and is then taken from `overrides`.
Result<void> resolve_geometry(const Processor& processor, ImagePreprocessOverrides& overrides,
                              ImagePreprocess& preprocess) {
  const auto resize = flag(processor, "do_resize", true);
  const auto interpolation = resampling(processor);
  const auto size = resize_request(processor);
  const auto crop = crop_request(processor);
  if (!resize || !interpolation || !size || !crop) {
    return std::unexpected(!resize          ? resize.error()
                           : !interpolation ? interpolation.error()
                           : !size          ? size.error()
                                            : crop.error());
  }
  preprocess.interpolation = *interpolation;
  if (*resize && processor.defaults.rule == ImageProcessorRule::kConvNext) {
    std::int64_t side = size->shortest_edge;
    if (overrides.size && overrides.size->height == overrides.size->width && !*crop) {
      side = overrides.size->height;
      overrides.size.reset();
    }
    if (auto set = set_convnext_resize(processor, side, preprocess); !set) {
      return set;
    }
  } else if (*resize) {
    if (auto set = set_common_resize(processor, *size, preprocess); !set) {
      return set;
    }
  }
  return *crop ? set_crop(processor, **crop, preprocess) : Result<void>{};
}

struct Normalization {
  bool normalize = true;
  std::array<float, 3> mean{};
  std::array<float, 3> std{};
};

Result<Normalization> read_normalization(const Processor& processor, const ImagePreprocessOverrides& overrides) {
  const auto normalize = flag(processor, "do_normalize", processor.defaults.normalize);
  const auto mean = find_channel_values(processor.json, "image_mean", 3, NumberRange::kFinite, processor.source);
  const auto std = find_channel_values(processor.json, "image_std", 3, NumberRange::kPositive, processor.source);
  if (!normalize || !mean || !std) {
    return std::unexpected(!normalize ? normalize.error() : !mean ? mean.error() : std.error());
  }
  return Normalization{.normalize = *normalize || overrides.mean || overrides.std,
                       .mean = overrides.mean.value_or(mean->value_or(processor.defaults.mean)),
                       .std = overrides.std.value_or(std->value_or(processor.defaults.std))};
}

// EfficientNet may subtract 1 after the rescale, and divides by the deviation once more.
Result<void> apply_efficientnet(const Processor& processor, bool rescale, const Normalization& normalization,
                                ImagePreprocess& preprocess) {
  const auto offset = flag(processor, "rescale_offset", false);
  const auto include_top = flag(processor, "include_top", true);
  if (!offset || !include_top) {
    return std::unexpected(!offset ? offset.error() : include_top.error());
  }
  preprocess.rescale_offset = *offset && rescale ? 1.0F : 0.0F;
  for (std::size_t i = 0; i < preprocess.std.size(); ++i) {
    preprocess.std.at(i) *= *include_top ? normalization.std.at(i) : 1.0F;
  }
  return {};
}

// Rescale, normalise and channel order; takes mean and std from `overrides`.
Result<void> resolve_values(const Processor& processor, ImagePreprocessOverrides& overrides,
                            ImagePreprocess& preprocess) {
  const auto rescale = flag(processor, "do_rescale", true);
  const auto normalization = read_normalization(processor, overrides);
  if (!rescale || !normalization) {
    return std::unexpected(!rescale ? rescale.error() : normalization.error());
  }
  overrides.mean.reset();
  overrides.std.reset();
  if (const Json* const value = find_value(processor.json, "rescale_factor")) {
    const auto factor = image_number(*value, "rescale_factor", NumberRange::kPositive, processor.source);
    if (!factor) {
      return std::unexpected(factor.error());
    }
    preprocess.rescale = *factor;
  }
  preprocess.rescale = *rescale ? preprocess.rescale : 1.0;
  if (normalization->normalize) {
    preprocess.mean = normalization->mean;
    preprocess.std = normalization->std;
  }
  if (processor.defaults.rule == ImageProcessorRule::kEfficientNet) {
    return apply_efficientnet(processor, *rescale, *normalization, preprocess);
  }
  if (processor.defaults.rule == ImageProcessorRule::kMobileVit) {
    const auto flip = flag(processor, "do_flip_channel_order", true);
    if (!flip) {
      return std::unexpected(flip.error());
    }
    preprocess.channels = *flip ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  }
  return {};
}

Result<Processor> open_processor(const Json& json, std::string_view model_type, std::string_view source) {
  if (!json.is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a JSON object, found {}", source, json.type_name()));
  }
  auto defaults = image_processor_class(json, model_type, source);
  if (!defaults) {
    return std::unexpected(defaults.error());
  }
  if (auto known = expect_known_keys(json, kKnownKeys, source); !known) {
    return std::unexpected(known.error());
  }
  Processor processor{.json = json, .defaults = *defaults, .source = std::string(source)};
  const auto pad = flag(processor, "do_pad", false);
  if (!pad) {
    return std::unexpected(pad.error());
  }
  if (*pad) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: \"do_pad\": expected false, found true: padding after the crop is not implemented", source));
  }
  return processor;
}

}  // namespace

Result<ImageSettings> transformers_image_settings(const Json& processor, std::string_view model_type,
                                                  std::string_view source, const ImageSettingsOptions& options) {
  const auto opened = open_processor(processor, model_type, source);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  ImageSettings settings{.source = std::string(source)};
  settings.preprocess.crop_offset = CropOffset::kFloor;
  settings.preprocess.normalize = NormalizeRule::kRescale;
  ImagePreprocessOverrides rest = options.overrides;
  if (auto resolved = resolve_geometry(*opened, rest, settings.preprocess); !resolved) {
    return std::unexpected(resolved.error());
  }
  if (auto resolved = resolve_values(*opened, rest, settings.preprocess); !resolved) {
    return std::unexpected(resolved.error());
  }
  return finish_image_settings(std::move(settings), rest, "\"size\" without a crop");
}

}  // namespace asterism
