// ViT as torchvision has it. "penultimate" is what the last linear layer is given: the class token after the last norm,
// or the tanh of "heads.pre_logits" where the checkpoint has that.
//
// The file has no configuration: sizes are those of its tensors, and heads are 64 wide, or 16 where the width says so
// (torchvision.models: vit_b_16, vit_b_32, vit_l_16, vit_l_32, vit_h_14).
#include <fmt/format.h>

#include <map>
#include <utility>

#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/parameter_edit.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"
#include "models/transformer_block.hpp"
#include "models/vit_heads.hpp"

namespace asterism {
namespace {

constexpr BlockNames kBlock{
    .norm1 = "ln_1",
    .qkv = "self_attention.in_proj",
    .qkv_weight = "self_attention.in_proj_weight",
    .qkv_bias = "self_attention.in_proj_bias",
    .mix = "self_attention.mix",
    .out = "self_attention.out_proj",
    .attention = "self_attention",
    .add1 = "add_attention",
    .norm2 = "ln_2",
    .fc1 = "mlp.0",
    .act = "mlp.1",
    .fc2 = "mlp.3",
    .mlp = "mlp",
    .add2 = "add_mlp",
};

constexpr std::string_view kBlocks = "encoder.layers.encoder_layer_";
constexpr std::string_view kPosition = "encoder.pos_embedding";
constexpr double kEpsilon = 1e-6;

// Weights saved before torchvision 0.14 call the layers of the MLP linear_1 and linear_2 (MLPBlock's own renaming).
ParameterMap with_new_names(std::map<std::string, Tensor> tensors) {
  ParameterMap parameters;
  for (auto& [name, tensor] : tensors) {
    std::string renamed = name;
    for (const auto& [old, current] : {std::pair<std::string_view, std::string_view>{"mlp.linear_1.", "mlp.0."},
                                       std::pair<std::string_view, std::string_view>{"mlp.linear_2.", "mlp.3."}}) {
      if (const auto at = renamed.find(old); at != std::string::npos) {
        renamed.replace(at, old.size(), current);
      }
    }
    parameters.emplace(std::move(renamed), std::move(tensor));
  }
  return parameters;
}

struct TorchvisionVit {
  VitConfig vit;
  std::int64_t representation_size = 0;  // of "heads.pre_logits"; 0 = none
  std::int64_t class_count = 0;
};

// Sizes from the tensors; the missing and the misshaped are found here or when the graph is checked.
Result<TorchvisionVit> read_sizes(const ParameterMap& parameters, const ImageModelOptions& options,
                                  std::string_view source) {
  TorchvisionVit out;
  VitConfig& vit = out.vit;
  vit.layer_count = count_numbered(parameters, kBlocks, ".ln_1.weight");
  std::int64_t rows = 0;
  struct Wanted {
    std::int64_t* target;
    std::string_view name;
    std::size_t axis;
  };
  for (const auto& [target, name, axis] :
       {Wanted{&vit.block.hidden_size, "conv_proj.weight", 0}, Wanted{&vit.channels, "conv_proj.weight", 1},
        Wanted{&vit.patch.height, "conv_proj.weight", 2}, Wanted{&vit.patch.width, "conv_proj.weight", 3},
        Wanted{&vit.block.mlp_size, "encoder.layers.encoder_layer_0.mlp.0.weight", 0}, Wanted{&rows, kPosition, 1}}) {
    const auto size = parameter_size(parameters, name, axis, source);
    if (!size) {
      return std::unexpected(size.error());
    }
    *target = *size;
  }
  if (vit.patch.height != vit.patch.width) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"conv_proj.weight\": expected a square patch, found {} x {}", source,
                            vit.patch.height, vit.patch.width));
  }
  const Grid grid = trained_grid(rows - 1, {});
  vit.image = {grid.height * vit.patch.height, grid.width * vit.patch.width};
  vit.block.epsilon = kEpsilon;
  const auto heads = heads_by_width(vit.block.hidden_size, source);
  if (!heads) {
    return std::unexpected(heads.error());
  }
  vit.block.head_count = *heads;
  if (parameters.contains("heads.pre_logits.weight")) {
    const auto size = parameter_size(parameters, "heads.pre_logits.weight", 0, source);
    if (!size) {
      return std::unexpected(size.error());
    }
    out.representation_size = *size;
  }
  const auto classes = classifier_size(parameters, "heads.head", {}, source);
  const auto wanted = wanted_image(options, vit.image, vit.patch, source);
  if (!classes || !wanted) {
    return std::unexpected(classes ? wanted.error() : classes.error());
  }
  out.class_count = *classes;
  vit.wanted = *wanted;
  return out;
}

ValueId build_graph(GraphBuilder& builder, const TorchvisionVit& config) {
  const VitConfig& vit = config.vit;
  const ValueId image = image_input(builder, vit.channels, vit.wanted);
  TokenPlan plan;
  plan.patch_path = "conv_proj";
  plan.patches_name = "conv_proj.tokens";
  plan.result_name = "encoder.dropout";
  plan.convolution = {vit.block.hidden_size, {vit.patch.height, vit.patch.width}};
  plan.prefix.push_back({"class_token"});
  plan.placed_prefix_count = 1;
  plan.position = kPosition;
  ValueId hidden = patch_tokens(builder, plan, image);
  feature_alias(builder, 0, hidden);
  for (std::int64_t i = 0; i < vit.layer_count; ++i) {
    hidden = transformer_block(builder, kBlock, vit.block, fmt::format("{}{}", kBlocks, i), hidden);
    feature_alias(builder, i + 1, hidden);
  }
  builder.alias("encoder.layers", hidden);
  const ValueId normed = layer_norm_module(builder, "encoder.ln", hidden, kEpsilon);
  builder.alias("encoder", normed);
  builder.alias(std::string(kForwardFeatures), normed);
  ValueId vector = token_at(builder, "class_token.encoded", normed, 0);
  if (config.representation_size > 0) {
    vector = builder.activation(
        "heads.act", linear_module(builder, "heads.pre_logits", vector, config.representation_size), Activation::kTanh);
  }
  if (config.class_count > 0) {
    const ValueId logits = linear_module(builder, "heads.head", vector, config.class_count);
    builder.alias("heads", logits);
    builder.alias(std::string(kLogits), logits);
  }
  return vector;
}

}  // namespace

Result<ImageModel> build_vit_torchvision(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  ImageModel model;
  model.family = "vit";
  model.architecture = architecture_of(checkpoint);
  model.dialect = kTorchvision;
  model.prefix_token_count = 1;
  ParameterMap parameters = with_new_names(std::move(checkpoint.tensors));
  const auto config = read_sizes(parameters, options, checkpoint.source);
  if (!config) {
    return std::unexpected(config.error());
  }
  const Grid trained = config->vit.trained_grid();
  const Grid wanted = config->vit.wanted_grid();
  // As torchvision's interpolate_embeddings, which is how a model for another image size is made there.
  const PositionFit fit{std::string(kPosition), 1, trained, wanted, Resampling::kBicubicAlignCorners};
  if (auto ok = fit_position_table(parameters, fit, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  GraphBuilder builder;
  const ValueId vector = build_graph(builder, *config);
  return finish_image_model(builder, vector, std::move(parameters), std::move(model), checkpoint.source);
}

}  // namespace asterism
