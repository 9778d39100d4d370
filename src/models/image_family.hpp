// Families of image models: a checkpoint of timm, transformers or torchvision -> graph, parameters and names.
//
// Each family is one file with one function; `build_image_model` picks by what the checkpoint says of itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"
#include "models/logit_scale.hpp"

namespace asterism {

// Aliases that every image model has beside the module paths of its library.
inline constexpr std::string_view kImageInput = "input";  // f32 [rows, channels, height, width]
// With ImageModelOptions::kept_patch_count: i32 [rows, kept_patch_count], the patches of each image that go on.
inline constexpr std::string_view kIdsKeepInput = "ids_keep";
// With MaskedPatches::kByIds: i32 [rows, patches], for each place the patch that stands there, or the number of patches
// where the mask token does.
inline constexpr std::string_view kMaskIdsInput = "mask_ids";
inline constexpr std::string_view kForwardFeatures = "forward_features";  // map or tokens before pooling
inline constexpr std::string_view kPenultimate = "penultimate";           // the vector that the classifier is given
inline constexpr std::string_view kLogits = "logits";                     // where the checkpoint has a classifier
// "features.0", "features.1", ...: what features_only of timm or hidden_states of transformers give.
inline constexpr std::string_view kFeaturesPrefix = "features.";

enum class MaskedPatches : std::uint8_t { kNone, kByIds };

struct ImageModelOptions {
  std::int64_t height = 0;  // 0 = what the checkpoint says
  std::int64_t width = 0;
  // Masked autoencoders only: how many patches of each image go on, named by kIdsKeepInput. 0 = all.
  std::int64_t kept_patch_count = 0;
  // BEiT and data2vec with a mask token only: patches that the model does not see, named by kMaskIdsInput.
  MaskedPatches masked_patches = MaskedPatches::kNone;
};

// A checkpoint as read, before any name is mapped.
struct ImageCheckpoint {
  Json config;  // config.json; null for a bare torchvision file
  std::map<std::string, Tensor> tensors;
  std::string source;       // names it in errors
  std::string weight_name;  // file name without folder: "resnet50-0676ba61.pth"
};

struct ImageModel {
  std::string family;        // "resnet"
  std::string architecture;  // "resnet50"
  std::string dialect;       // "timm", "transformers", "torchvision"
  Graph graph;               // one input, kImageInput; one output, the image's usual embedding: kPenultimate, or what
                             // vector_projection.hpp makes of it
  ParameterMap parameters;
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  // Class and register tokens at the front of [rows, tokens, hidden]: an average over patches leaves them out.
  std::int64_t prefix_token_count = 0;
  LogitScale logit_scale;  // of a model that has a text tower beside it
};

// A checkpoint with a vector projection (vector_projection.hpp) ends in that. Parameters stay in the dtype of the file.
// kUnsupported for a family, or a setting that changes the numbers, that is not implemented; kMismatch for missing,
// extra or misshaped tensors, all named. `checkpoint` is consumed.
Result<ImageModel> build_image_model(ImageCheckpoint checkpoint, const ImageModelOptions& options);

// Whether the configuration, or the weights without one, are those of an image model.
bool is_image_checkpoint(const Json& config) noexcept;

// Families, for errors and documentation.
std::vector<std::string_view> image_families();

}  // namespace asterism
