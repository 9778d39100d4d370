// A recorded configuration: its files written to a folder, and the options it is read with.
#pragma once

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/json.hpp"
#include "encoder/image_settings.hpp"
#include "image/preprocess_text.hpp"

namespace asterism {

inline std::array<float, 3> channel_values(const Json& values) {
  return {values[0].get<float>(), values[1].get<float>(), values[2].get<float>()};
}

// Options as tests/golden/image_settings/manifest.json spells them.
inline ImageSettingsOptions image_settings_options(const Json& golden) {
  ImageSettingsOptions options;
  const Json recorded = golden.value("options", Json::object());
  if (recorded.contains("size")) {
    options.overrides.size = ImageSize{.width = recorded["size"][1], .height = recorded["size"][0]};
  }
  if (recorded.contains("interpolation")) {
    options.overrides.interpolation = interpolation_by_name(recorded["interpolation"].get<std::string>()).value();
  }
  if (recorded.contains("fit")) {
    options.overrides.fit = image_fit_by_name(recorded["fit"].get<std::string>()).value();
  }
  if (recorded.contains("mean")) {
    options.overrides.mean = channel_values(recorded["mean"]);
    options.overrides.std = channel_values(recorded["std"]);
  }
  options.timm_size = recorded.value("timm_size", "") == "test" ? TimmSize::kTest : TimmSize::kTraining;
  return options;
}

// The folder then holds these files only.
inline void write_files(const std::filesystem::path& folder, const Json& files) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const auto& [name, content] : files.items()) {
    std::ofstream(folder / name) << content.dump();
  }
}

inline Result<ImageSettings> read_recorded_settings(const Json& golden, const std::filesystem::path& folder) {
  if (golden.contains("file_name")) {
    return read_image_settings(golden["file_name"].get<std::string>(), image_settings_options(golden));
  }
  write_files(folder, golden["files"]);
  return read_image_settings(folder, image_settings_options(golden));
}

}  // namespace asterism
