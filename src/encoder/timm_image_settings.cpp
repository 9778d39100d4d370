// timm's config.json, read as timm.data.resolve_data_config and create_transform(is_training=False) read it (timm 1.0).
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <utility>

#include "encoder/image_config_values.hpp"
#include "encoder/image_geometry.hpp"
#include "encoder/image_settings.hpp"
#include "image/preprocess_text.hpp"

namespace asterism {
namespace {

// timm.data.constants.
constexpr double kCropPercentDefault = 0.875;
constexpr std::array<float, 3> kImagenetMean{0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kImagenetStd{0.229F, 0.224F, 0.225F};
constexpr std::int64_t kSideDefault = 224;

// The fields of timm's PretrainedCfg, which refuses any other; those of older files, which kept everything at the top.
constexpr std::array<std::string_view, 36> kPretrainedKeys{"url",
                                                           "file",
                                                           "state_dict",
                                                           "hf_hub_id",
                                                           "hf_hub_filename",
                                                           "source",
                                                           "architecture",
                                                           "tag",
                                                           "custom_load",
                                                           "input_size",
                                                           "test_input_size",
                                                           "min_input_size",
                                                           "fixed_input_size",
                                                           "interpolation",
                                                           "crop_pct",
                                                           "test_crop_pct",
                                                           "crop_mode",
                                                           "mean",
                                                           "std",
                                                           "num_classes",
                                                           "label_offset",
                                                           "label_names",
                                                           "label_descriptions",
                                                           "pool_size",
                                                           "test_pool_size",
                                                           "first_conv",
                                                           "classifier",
                                                           "license",
                                                           "description",
                                                           "origin_url",
                                                           "paper_name",
                                                           "paper_ids",
                                                           "notes",
                                                           "num_features",
                                                           "labels",
                                                           "model_args"};

struct TimmConfig {
  const Json& pretrained;
  const Json* model_args = nullptr;  // an object
  std::string source;
};

struct InputSize {
  std::int64_t channels = 3;
  ImageSize size{.width = kSideDefault, .height = kSideDefault};
};

Result<TimmConfig> open_config(const Json& config, std::string_view source) {
  if (!is_timm_config(config)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected timm's configuration with an \"architecture\", found {}",
                                                 source, config.is_object() ? "none" : config.type_name()));
  }
  const Json* const nested = find_value(config, "pretrained_cfg");
  TimmConfig out{.pretrained = nested == nullptr ? config : *nested,
                 .source = nested == nullptr ? std::string(source) : fmt::format("{}: \"pretrained_cfg\"", source)};
  const Json* const arguments = find_value(config, "model_args");
  for (const auto& [value, key] : {std::pair{nested, "pretrained_cfg"}, std::pair{arguments, "model_args"}}) {
    if (value != nullptr && !value->is_object()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: \"{}\": expected an object, found {}", source, key, value_text(*value)));
    }
  }
  out.model_args = arguments;
  if (auto known = expect_known_keys(out.pretrained, kPretrainedKeys, out.source); !known) {
    return std::unexpected(known.error());
  }
  return out;
}

Result<std::int64_t> channel_count(const Json& value, std::string_view key, std::string_view source) {
  if (value != 1 && value != 3) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: \"{}\": expected 3 channels (RGB) or 1 (grey), found {}",
                                                     source, key, value_text(value)));
  }
  return value.get<std::int64_t>();
}

// [channels, height, width].
Result<InputSize> input_size(const Json& value, std::string_view key, std::string_view source) {
  if (!value.is_array() || value.size() != 3) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected [channels, height, width], found {}", source,
                                                 key, value_text(value)));
  }
  const auto channels = channel_count(value[0], key, source);
  const auto height = image_side(value[1], key, source);
  const auto width = image_side(value[2], key, source);
  for (const auto* part : {&channels, &height, &width}) {
    if (!*part) {
      return std::unexpected(part->error());
    }
  }
  return InputSize{.channels = *channels, .size = {.width = *width, .height = *height}};
}

// A side, or [height, width].
Result<ImageSize> model_size(const Json& value, std::string_view source) {
  const bool pair = value.is_array() && value.size() == 2;
  const auto height = image_side(pair ? value[0] : value, "img_size", source);
  const auto width = image_side(pair ? value[1] : value, "img_size", source);
  if (!height || !width) {
    return std::unexpected(!height ? height.error() : width.error());
  }
  return ImageSize{.width = *width, .height = *height};
}

bool is_true(const Json& object, std::string_view key) {
  const Json* const value = find_value(object, key);
  return value != nullptr && *value == true;
}

// What timm takes from the arguments that the model was made with: its channels, and its size where that is fixed.
Result<void> apply_model_arguments(const TimmConfig& config, InputSize& input, bool test_size) {
  if (config.model_args == nullptr) {
    return {};
  }
  const Json& arguments = *config.model_args;
  const std::string source = config.source + ": \"model_args\"";
  if (const Json* const value = find_value(arguments, "in_chans")) {
    const auto channels = channel_count(*value, "in_chans", source);
    if (!channels) {
      return std::unexpected(channels.error());
    }
    input.channels = *channels;
  }
  const Json* const strict = find_value(arguments, "strict_img_size");
  const bool free = is_true(arguments, "dynamic_img_size") || is_true(arguments, "use_naflex") ||
                    (strict != nullptr && *strict == false);
  const Json* const side = find_value(arguments, "img_size");
  if (side == nullptr || test_size || free || !is_true(config.pretrained, "fixed_input_size")) {
    return {};
  }
  const auto size = model_size(*side, source);
  if (!size) {
    return std::unexpected(size.error());
  }
  input.size = *size;
  return {};
}

Result<InputSize> resolve_input(const TimmConfig& config, const ImageSettingsOptions& options) {
  const bool test_size = options.timm_size == TimmSize::kTest && find_value(config.pretrained, "test_input_size");
  const std::string_view key = test_size ? "test_input_size" : "input_size";
  InputSize input;
  if (const Json* const value = find_value(config.pretrained, key)) {
    auto read = input_size(*value, key, config.source);
    if (!read) {
      return std::unexpected(read.error());
    }
    input = *read;
  }
  if (auto applied = apply_model_arguments(config, input, test_size); !applied) {
    return std::unexpected(applied.error());
  }
  if (options.overrides.size) {
    input.size = *options.overrides.size;
  }
  return input;
}

Result<double> resolve_crop_percent(const TimmConfig& config, TimmSize size) {
  const bool test = size == TimmSize::kTest && find_value(config.pretrained, "test_crop_pct");
  const std::string_view key = test ? "test_crop_pct" : "crop_pct";
  const Json* const value = find_value(config.pretrained, key);
  return value == nullptr ? Result<double>(kCropPercentDefault)
                          : image_number(*value, key, NumberRange::kPositive, config.source);
}

Result<ImageFit> resolve_fit(const TimmConfig& config, const ImagePreprocessOverrides& overrides) {
  const auto name = json_find<std::string>(config.pretrained, "crop_mode", config.source);
  if (!name) {
    return std::unexpected(name.error());
  }
  if (overrides.fit) {
    return *overrides.fit;
  }
  const auto fit = image_fit_by_name(name->value_or("center"));
  if (!fit) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: \"crop_mode\": {}", config.source, fit.error().message));
  }
  return fit;
}

Result<void> resolve_colours(const TimmConfig& config, std::int64_t channels, ImagePreprocess& preprocess) {
  const auto name = json_find<std::string>(config.pretrained, "interpolation", config.source);
  if (!name) {
    return std::unexpected(name.error());
  }
  const auto interpolation = interpolation_by_name(name->value_or("bicubic"));
  if (!interpolation) {
    // timm's "random" is for training; its own evaluation transform refuses it too.
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"interpolation\": {}", config.source, interpolation.error().message));
  }
  preprocess.interpolation = *interpolation;
  preprocess.channels = channels == 1 ? ChannelOrder::kGrey : ChannelOrder::kRgb;
  const auto count = static_cast<std::size_t>(channels);
  const auto mean = find_channel_values(config.pretrained, "mean", count, NumberRange::kFinite, config.source);
  const auto std = find_channel_values(config.pretrained, "std", count, NumberRange::kPositive, config.source);
  if (!mean || !std) {
    return std::unexpected(!mean ? mean.error() : std.error());
  }
  if (channels == 1 && (!*mean || !*std)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected \"mean\" and \"std\" of one channel, as \"input_size\" has, found none",
                            config.source));
  }
  preprocess.mean = mean->value_or(kImagenetMean);
  preprocess.std = std->value_or(kImagenetStd);
  return {};
}

}  // namespace

bool is_timm_config(const Json& config) noexcept {
  if (!config.is_object()) {
    return false;
  }
  const auto architecture = config.find("architecture");
  return (architecture != config.end() && architecture->is_string()) || config.contains("pretrained_cfg");
}

Result<ImageSettings> timm_image_settings(const Json& config, std::string_view source,
                                          const ImageSettingsOptions& options) {
  const auto opened = open_config(config, source);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  const auto input = resolve_input(*opened, options);
  const auto percent = resolve_crop_percent(*opened, options.timm_size);
  const auto fit = resolve_fit(*opened, options.overrides);
  if (!input || !percent || !fit) {
    return std::unexpected(!input ? input.error() : !percent ? percent.error() : fit.error());
  }
  ImageSettings settings{.channels = input->channels, .source = std::string(source)};
  if (auto colours = resolve_colours(*opened, input->channels, settings.preprocess); !colours) {
    return std::unexpected(colours.error());
  }
  set_geometry(settings.preprocess, *fit, input->size,
               {.width = bounded_edge(static_cast<double>(input->size.width) / *percent),
                .height = bounded_edge(static_cast<double>(input->size.height) / *percent)});
  ImagePreprocessOverrides rest = options.overrides;
  rest.size.reset();
  rest.fit.reset();
  return finish_image_settings(std::move(settings), rest, "");
}

}  // namespace asterism
