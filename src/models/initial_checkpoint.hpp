// Fresh checkpoints: an architecture, its settings and a seed -> config.json and tensors, as the architecture's library
// would write them for a model that has learnt nothing yet.
//
// Saved as a folder they load in that library, and build_image_model() makes their graph. Values are drawn as the
// library draws them (kaiming, normal 0.02, ...) and depend on the seed and the tensor's name alone. Settings are the
// keys of a recipe's [model]; what is left out follows from the image size, for pictures of 28 to 128 pixels:
//
//   lenet        activation = "tanh" | "relu" | "sigmoid"   pooling = "avg" | "max"
//   resnet       stem = "small" (3 x 3, every pixel) | "large" (7 x 7 and pooling: a quarter); small up to 64 pixels
//                stem_width = 64   stage_widths = [64, 128, 256, 512]   stage_depths = [2, 2, 2, 2]
//                block = "basic" | "bottleneck"
//   vit          patch_size = the largest that gives 7 x 7 patches or more   hidden_size = 192   layer_count = 6
//                head_count = 3
//                mlp_size = 4 * hidden_size
//   vit_mae      those of vit, and decoder_hidden_size = 96   decoder_layer_count = 2   decoder_head_count = 3
//                decoder_mlp_size = 4 * decoder_hidden_size
//   data2vec     those of vit, and layer_scale = 0.1 (0 = none)
//   autoencoder  form = "convolutional" | "dense"
//                widths = [32, 64, 128]: channels of the convolutions, each halving the picture; or of the dense layers
//                ([512, 256]), towards the bottleneck   code_size = 64
//                activation = "relu" | "gelu" | "silu" | "tanh"   code_activation = "identity" | "sigmoid" | "tanh" |
//                ...
//
// Ownership: the checkpoint owns its tensors. Thread-safety: pure functions. Cost: one pass over the weights.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "models/image_family.hpp"
#include "models/settings_reader.hpp"

namespace asterism {

enum class VariationalCode : std::uint8_t { kNo, kYes };

struct InitialModel {
  std::string architecture;                            // one of initial_architectures()
  Json settings = Json::object();                      // keys as above
  std::int64_t channel_count = 3;                      // 1 or 3
  std::int64_t image_size = 32;                        // pixels, square
  std::vector<std::string> classes;                    // names; empty = no classifier
  VariationalCode variational = VariationalCode::kNo;  // autoencoders: mean and log variance instead of one code
  std::uint64_t seed = 0;
  std::string source = "[model]";  // names the settings in errors
  SettingsPlaces places;           // names single ones
};

// kInvalidArgument for an unknown architecture or key (with the nearest), and for settings that do not go together.
Result<ImageCheckpoint> initial_checkpoint(const InitialModel& model);

std::span<const std::string_view> initial_architectures() noexcept;

// "id2label", "label2id" and "num_labels" of transformers.
void set_class_names(Json& config, const std::vector<std::string>& classes);

// A classifier [classes, dim] and its bias as torch draws them, under "PATH.weight" and "PATH.bias".
void add_classifier(ImageCheckpoint& checkpoint, const std::string& path, std::int64_t class_count, std::int64_t dim,
                    std::uint64_t seed);

}  // namespace asterism
