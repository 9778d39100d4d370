// The encoder that a recipe learns, as it is stored and as it is computed. Private to src/train.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "models/image_family.hpp"
#include "models/settings_reader.hpp"
#include "train/network.hpp"

namespace asterism {

struct PictureEncoder {
  // config.json and tensors as they are written, under the names of their library: fresh, or those of
  // [model] from. Values are those before learning.
  ImageCheckpoint stored;
  ImageModel model;  // of plain pictures; parameters f32
};

// What lies in a model folder: config.json and its tensors.
Result<ImageCheckpoint> read_image_folder(const std::filesystem::path& folder);

// [model] with what the kind asks of it: classes for supervised, a variational code for autoencoders that want one.
// kUnsupported names the tensor of [model] from that is changed when it is loaded and so could not be written back.
Result<PictureEncoder> make_picture_encoder(const Recipe& recipe, const DataSummary& data);

// Another graph over the same checkpoint, with f32 parameters.
Result<ImageModel> build_stored(const PictureEncoder& encoder, const ImageModelOptions& options);

// Which parameter a stored tensor is: the name itself, or without the prefix that libraries put before the encoder
// ("vit."). Nothing where `parameters` has neither.
std::optional<std::string> parameter_of_stored(std::string_view stored, const ParameterMap& parameters);

// "recipe.toml: [model]"
std::string recipe_section(const Recipe& recipe, std::string_view section);

// Readers of the keys of [model] and [objective], whose errors name the line of a key. They borrow the recipe.
SettingsReader model_settings(const Recipe& recipe);
SettingsReader objective_settings(const Recipe& recipe);

// mean or std of the recipe for as many channels as it has.
std::vector<double> channel_values(const std::vector<double>& values, std::int64_t channel_count);

}  // namespace asterism
