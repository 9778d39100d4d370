#include "encoder/image_settings.hpp"

#include <fmt/format.h>

#include <system_error>

#include "encoder/image_config_values.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

bool file_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// config.json, or null where there is none.
Result<Json> read_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  return file_exists(path) ? read_json_file(path) : Result<Json>(Json());
}

struct ProcessorFile {
  Json json;
  std::string source;
};

// The order of transformers: "image_processor" inside processor_config.json, else preprocessor_config.json.
Result<ProcessorFile> read_processor(const fs::path& folder) {
  const fs::path combined = folder / "processor_config.json";
  if (file_exists(combined)) {
    auto json = read_json_file(combined);
    if (!json) {
      return std::unexpected(json.error());
    }
    if (json->is_object()) {
      if (const Json* const part = find_value(*json, "image_processor")) {
        return ProcessorFile{.json = *part, .source = fmt::format("{}: \"image_processor\"", combined.string())};
      }
    }
  }
  const fs::path path = folder / "preprocessor_config.json";
  if (!file_exists(path)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected timm's config.json with an \"architecture\", or transformers' "
                            "preprocessor_config.json, found neither",
                            folder.string()),
                "fetch the whole model, or name a weight file as torchvision names it");
  }
  auto json = read_json_file(path);
  if (!json) {
    return std::unexpected(json.error());
  }
  return ProcessorFile{.json = std::move(*json), .source = path.string()};
}

}  // namespace

Result<ImageSettings> read_image_settings(const fs::path& checkpoint, const ImageSettingsOptions& options) {
  std::error_code ignored;
  if (!fs::is_directory(checkpoint, ignored)) {
    return torchvision_image_settings(checkpoint.filename().string(), options);
  }
  const auto config = read_config(checkpoint);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string config_source = (checkpoint / "config.json").string();
  if (is_timm_config(*config)) {
    return timm_image_settings(*config, config_source, options);
  }
  const auto processor = read_processor(checkpoint);
  if (!processor) {
    return std::unexpected(processor.error());
  }
  std::string model_type;
  if (config->is_object()) {
    auto found = json_find<std::string>(*config, "model_type", config_source);
    if (!found) {
      return std::unexpected(found.error());
    }
    model_type = found->value_or("");
  }
  return transformers_image_settings(processor->json, model_type, processor->source, options);
}

}  // namespace asterism
