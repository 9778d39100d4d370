// An image model as it lies on disk: a folder of timm or transformers, or a weight file.
#pragma once

#include <filesystem>
#include <optional>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "encoder/image_settings.hpp"
#include "models/image_family.hpp"

namespace asterism {

struct ImageModelFiles {
  ImageModel model;
  ImageSettings settings;
};

// What the options ask for in place of what the checkpoint says.
Result<ImagePreprocessOverrides> preprocess_overrides(const EncoderOptions& options);

// The weight file of a folder that holds nothing else of a model: its name says what it is.
std::optional<std::filesystem::path> bare_weights_in(const std::filesystem::path& folder);

// The graph for the size that the options, or else the checkpoint's preprocessing, say, and that preprocessing.
// kMismatch where the model takes another number of channels than the preprocessing gives.
Result<ImageModelFiles> read_image_model(const std::filesystem::path& path, const EncoderOptions& options);
// The model inside the library, as it would lie on disk, and as read_image_model() gives it.
Result<ImageCheckpoint> builtin_image_checkpoint();
Result<ImageModelFiles> read_builtin_image_model(const EncoderOptions& options);

}  // namespace asterism
