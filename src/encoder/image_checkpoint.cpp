#include "encoder/image_checkpoint.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "builtin/builtin.hpp"
#include "image/preprocess_text.hpp"
#include "weights/checkpoint.hpp"
#include "weights/safetensors.hpp"

namespace asterism {

namespace fs = std::filesystem;

namespace {

Result<ImageCheckpoint> read_checkpoint_of(const fs::path& path) {
  ImageCheckpoint checkpoint;
  checkpoint.source = path.string();
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  if (is_folder) {
    const fs::path config_path = path / "config.json";
    auto config = read_json_file(config_path);
    if (!config) {
      return std::unexpected(config.error());
    }
    checkpoint.config = *std::move(config);
    checkpoint.source = config_path.string();
  } else {
    checkpoint.weight_name = path.filename().string();
  }
  auto tensors = is_folder ? read_checkpoint(path) : read_checkpoint_file(path);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  checkpoint.tensors = *std::move(tensors);
  return checkpoint;
}

Result<void> expect_channels(const ImageModel& model, const ImageSettings& settings) {
  const std::int64_t given = preprocessed_channel_count(settings.preprocess);
  if (given == model.channels) {
    return {};
  }
  return fail(ErrorCode::kMismatch,
              fmt::format("{}: the preprocessing gives {} channels, but the model takes {}", settings.source, given,
                          model.channels),
              "check that the preprocessing and the weights belong to the same model");
}

Result<std::optional<std::array<float, 3>>> channel_values(std::string_view name, const std::vector<float>& values) {
  if (values.empty()) {
    return std::optional<std::array<float, 3>>{};
  }
  if (values.size() != 1 && values.size() != 3) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected one number, or one for each of 3 channels, found {}", name, values.size()));
  }
  return std::optional(std::array<float, 3>{values.front(), values[values.size() / 2], values.back()});
}

// The graph for the size that the settings say.
Result<ImageModelFiles> with_settings(Result<ImageCheckpoint> checkpoint, Result<ImageSettings> settings) {
  if (!settings) {
    return std::unexpected(settings.error());
  }
  if (!checkpoint) {
    return std::unexpected(checkpoint.error());
  }
  auto model =
      build_image_model(*std::move(checkpoint), {.height = settings->size.height, .width = settings->size.width});
  if (!model) {
    return std::unexpected(model.error());
  }
  if (auto ok = expect_channels(*model, *settings); !ok) {
    return std::unexpected(ok.error());
  }
  return ImageModelFiles{*std::move(model), *std::move(settings)};
}

}  // namespace

Result<ImagePreprocessOverrides> preprocess_overrides(const EncoderOptions& options) {
  ImagePreprocessOverrides overrides;
  if (options.image_height != 0 || options.image_width != 0) {
    overrides.size = ImageSize{options.image_width, options.image_height};
  }
  if (!options.interpolation.empty()) {
    const auto interpolation = interpolation_by_name(options.interpolation);
    if (!interpolation) {
      return std::unexpected(interpolation.error());
    }
    overrides.interpolation = *interpolation;
  }
  if (!options.crop_mode.empty()) {
    const auto fit = image_fit_by_name(options.crop_mode);
    if (!fit) {
      return std::unexpected(fit.error());
    }
    overrides.fit = *fit;
  }
  const auto mean = channel_values("mean", options.mean);
  const auto std = channel_values("std", options.std);
  if (!mean || !std) {
    return std::unexpected(mean ? std.error() : mean.error());
  }
  overrides.mean = *mean;
  overrides.std = *std;
  return overrides;
}

std::optional<fs::path> bare_weights_in(const fs::path& folder) {
  std::error_code ec;
  if (fs::exists(folder / "config.json", ec)) {
    return std::nullopt;
  }
  std::optional<fs::path> found;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string extension = it->path().extension().string();
    if (extension == ".pth" || extension == ".pt") {
      if (found) {
        return std::nullopt;
      }
      found = it->path();
    }
  }
  return found;
}

Result<ImageModelFiles> read_image_model(const fs::path& asked, const EncoderOptions& options) {
  const fs::path path = bare_weights_in(asked).value_or(asked);
  const auto overrides = preprocess_overrides(options);
  if (!overrides) {
    return std::unexpected(overrides.error());
  }
  return with_settings(read_checkpoint_of(path), read_image_settings(path, {.overrides = *overrides}));
}

Result<ImageCheckpoint> builtin_image_checkpoint() {
  const std::string source = "the built-in image model";
  const BuiltinImageModel builtin = builtin_image_model();
  auto config = parse_json(builtin.config, source);
  if (!config) {
    return std::unexpected(config.error());
  }
  auto file = parse_safetensors(builtin.weights, nullptr, source);
  if (!file) {
    return std::unexpected(file.error());
  }
  return ImageCheckpoint{
      .config = *std::move(config), .tensors = std::move(file->tensors), .source = source, .weight_name = {}};
}

Result<ImageModelFiles> read_builtin_image_model(const EncoderOptions& options) {
  const auto overrides = preprocess_overrides(options);
  auto checkpoint = overrides ? builtin_image_checkpoint() : std::unexpected(overrides.error());
  if (!checkpoint) {
    return std::unexpected(checkpoint.error());
  }
  auto settings = timm_image_settings(checkpoint->config, checkpoint->source, {.overrides = *overrides});
  return with_settings(std::move(checkpoint), std::move(settings));
}

}  // namespace asterism
