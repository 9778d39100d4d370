// What the transformers library's config.json says of a ViT-shaped image encoder: private to src/models.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "models/grid_resample.hpp"
#include "models/image_family.hpp"
#include "models/transformer_block.hpp"

namespace asterism {

// Defaults of the configuration classes: a key that equals its default may be missing from the file.
struct VitDefaults {
  std::int64_t image_size = 224;
  std::int64_t patch_size = 16;
  std::int64_t hidden_size = 768;
  std::int64_t layer_count = 12;
  std::int64_t head_count = 12;
  std::int64_t mlp_size = 3072;
  double epsilon = 1e-12;
  Activation activation = Activation::kGeluErf;
};

struct VitConfig {
  Grid image;   // pixels, as trained
  Grid patch;   // pixels
  Grid wanted;  // pixels, as asked for
  std::int64_t channels = 0;
  std::int64_t layer_count = 0;
  BlockShape block;

  Grid trained_grid() const noexcept { return {image.height / patch.height, image.width / patch.width}; }
  Grid wanted_grid() const noexcept { return {wanted.height / patch.height, wanted.width / patch.width}; }
};

inline constexpr std::int64_t kPatchSizeMax = 1 << 10;
inline constexpr std::int64_t kImageChannelCountMax = 64;

// Reads "image_size", "patch_size", "num_channels", "hidden_size", "num_hidden_layers", "num_attention_heads",
// "intermediate_size", "layer_norm_eps" and "hidden_act". kInvalidArgument for an image smaller than a patch.
Result<VitConfig> read_vit_config(const Json& config, const VitDefaults& defaults, const ImageModelOptions& options,
                                  std::string_view source);

// A boolean of the configuration.
Result<bool> read_flag(const Json& config, std::string_view key, bool missing, std::string_view source);

// A number in [low, high].
struct NumberRule {
  std::string_view key;
  double missing = 0.0;
  double low = 0.0;
  double high = 1.0;
};
Result<double> read_number(const Json& config, const NumberRule& rule, std::string_view source);

// An integer, or [height, width], each from 1 to `most`.
Result<Grid> read_grid(const Json& config, std::string_view key, const Grid& missing, std::int64_t most,
                       std::string_view source);

// The image size asked for, else `trained`; kInvalidArgument where it is smaller than `patch` or larger than
// kImageSideMax.
Result<Grid> wanted_image(const ImageModelOptions& options, const Grid& trained, const Grid& patch,
                          std::string_view source);

}  // namespace asterism
