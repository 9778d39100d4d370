// The encoder of a masked autoencoder (He et al. 2022), as the transformers library has it.
//
// Masking is off unless ImageModelOptions::kept_patch_count says how many patches go on: then input "ids_keep" i32
// [rows, kept_patch_count] names them for each image. All patches in their own order is what a mask ratio of 0 gives,
// up to the order of tokens, on which no vector depends. "penultimate" is the class token after the last norm: the
// library has no pooler for this model. With "use_mean_pooling" (BEiT's key; models trained here have it) it is the
// mean of the normed patches: reconstruction teaches patches, and the class token only by what they make of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/modules.hpp"
#include "models/parameter_edit.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"
#include "models/transformers_vit_names.hpp"

namespace asterism {
namespace {

constexpr std::string_view kPosition = "embeddings.position_embeddings";
constexpr std::string_view kClassToken = "embeddings.cls_token";
constexpr std::array<std::string_view, 1> kUnused{"decoder."};

// The class token takes its row of the position table here, so that the table is that of the patches: masking comes
// between the two.
Result<void> place_class_token(ParameterMap& parameters, std::int64_t hidden_size, std::string_view source) {
  const auto token = find_parameter(parameters, kClassToken, {1, 1, hidden_size}, source);
  if (!token) {
    return std::unexpected(token.error());
  }
  const Tensor table = parameters.find(kPosition)->second;
  if (table.shape()[2] != hidden_size) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}\": expected [1, {}, {}], found {}", source, kPosition, table.shape()[1],
                            hidden_size, shape_to_string(table.shape())),
                "check that config.json and the weights belong to the same model");
  }
  const Tensor values = table.to_f32();
  const Tensor unplaced = token->to_f32();
  Tensor placed(DType::kF32, {1, 1, hidden_size});
  const auto size = static_cast<std::size_t>(hidden_size);
  const auto first = values.as<float>().first(size);
  std::ranges::transform(unplaced.as<float>(), first, placed.mutable_as<float>().begin(), std::plus<>());
  Tensor patches(DType::kF32, {1, table.shape()[1] - 1, hidden_size});
  std::ranges::copy(values.as<float>().subspan(size), patches.mutable_as<float>().begin());
  parameters.find(kClassToken)->second = std::move(placed);
  parameters.find(kPosition)->second = std::move(patches);
  return {};
}

struct MaePlan {
  std::int64_t kept_patch_count = 0;
  bool mean_pooling = false;
};

ValueId build_graph(GraphBuilder& builder, const VitConfig& config, const MaePlan& mae) {
  const ValueId image = image_input(builder, config.channels, config.wanted);
  TokenPlan plan;
  plan.patch_path = "embeddings.patch_embeddings.projection";
  plan.patches_name = "embeddings.patch_embeddings";
  plan.result_name = "embeddings";
  plan.convolution = {config.block.hidden_size, {config.patch.height, config.patch.width}};
  plan.prefix.push_back({std::string(kClassToken)});
  plan.position = kPosition;
  if (mae.kept_patch_count > 0) {
    plan.kept_ids = builder.input(std::string(kIdsKeepInput), DType::kI32, {kRowDim, mae.kept_patch_count});
  }
  ValueId hidden = patch_tokens(builder, plan, image);
  feature_alias(builder, 0, hidden);
  for (std::int64_t i = 0; i < config.layer_count; ++i) {
    hidden =
        transformer_block(builder, kTransformersVitBlock, config.block, fmt::format("encoder.layer.{}", i), hidden);
    feature_alias(builder, i + 1, hidden);
  }
  builder.alias("encoder", hidden);
  const ValueId normed = layer_norm_module(builder, "layernorm", hidden, config.block.epsilon);
  builder.alias("last_hidden_state", normed);
  builder.alias(std::string(kForwardFeatures), normed);
  return mae.mean_pooling ? mean_of_tokens(builder, "patch_mean", normed, 1)
                          : token_at(builder, "class_token", normed, 0);
}

}  // namespace

Result<ImageModel> build_vit_mae(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  auto config = read_vit_config(checkpoint.config, {}, options, checkpoint.source);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto qkv_bias = read_flag(checkpoint.config, "qkv_bias", true, checkpoint.source);
  const auto mean_pooling = read_flag(checkpoint.config, "use_mean_pooling", false, checkpoint.source);
  if (!qkv_bias || !mean_pooling) {
    return std::unexpected(qkv_bias ? mean_pooling.error() : qkv_bias.error());
  }
  config->block.query_bias = config->block.key_bias = config->block.value_bias = *qkv_bias;
  const std::int64_t patch_count = config->wanted_grid().area();
  if (options.kept_patch_count < 0 || options.kept_patch_count > patch_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: kept_patch_count: expected 0 to {}, found {}",
                                                         checkpoint.source, patch_count, options.kept_patch_count));
  }
  auto parameters = map_checkpoint_names(std::move(checkpoint.tensors), {"vit.", kUnused}, checkpoint.source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  const PositionFit fit{std::string(kPosition), 1, config->trained_grid(), config->wanted_grid()};
  if (auto ok = fit_position_table(*parameters, fit, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = place_class_token(*parameters, config->block.hidden_size, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  GraphBuilder builder;
  const ValueId vector = build_graph(builder, *config, {options.kept_patch_count, *mean_pooling});
  ImageModel model;
  model.family = model.architecture = "vit_mae";
  model.dialect = kTransformers;
  model.prefix_token_count = 1;
  return finish_image_model(builder, vector, *std::move(parameters), std::move(model), checkpoint.source);
}

}  // namespace asterism
