// BEiT (Bao et al. 2022) and data2vec-vision (Baevski et al. 2022), which has BEiT's network, as the transformers
// library has them.
//
// Relative position biases, shared by all layers or of each, are spread to one parameter [heads, tokens, tokens] a
// layer when the checkpoint is loaded; where a model has both kinds they are added there. "penultimate" is
// pooler_output: the normed mean of the patches, or the class token.
#include <fmt/format.h>

#include <array>
#include <span>
#include <utility>

#include "models/beit_bias.hpp"
#include "models/checkpoint_names.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/parameter_edit.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"
#include "models/transformers_vit_names.hpp"

namespace asterism {
namespace {

constexpr std::string_view kPosition = "embeddings.position_embeddings";
// The mask token, heads of masked image modelling and of segmentation, and an index that older versions saved.
constexpr std::string_view kMaskToken = "embeddings.mask_token";
constexpr std::array<std::string_view, 5> kUnused{kMaskToken, "lm_head.", "decode_head.", "auxiliary_head.", "fpn"};

struct Beit {
  VitConfig vit;
  bool mean_pooling = true;
  bool positions = false;
  bool pooler_norm = false;  // the checkpoint has the norm of the pooler
  bool last_norm = false;
  bool masked = false;  // some patches are the mask token
  BeitBiasNames biases;
  std::int64_t class_count = 0;
};

Result<Beit> read_config(const ImageCheckpoint& checkpoint, const ImageModelOptions& options) {
  const Json& config = checkpoint.config;
  const auto vit = read_vit_config(config, {}, options, checkpoint.source);
  if (!vit) {
    return std::unexpected(vit.error());
  }
  Beit out;
  out.vit = *vit;
  out.vit.block.key_bias = false;
  struct Flag {
    bool* target;
    std::string_view key;
    bool missing;
  };
  for (const auto& [target, key, missing] : {Flag{&out.mean_pooling, "use_mean_pooling", true},
                                             Flag{&out.positions, "use_absolute_position_embeddings", false},
                                             Flag{&out.biases.shared, "use_shared_relative_position_bias", false},
                                             Flag{&out.biases.per_layer, "use_relative_position_bias", false}}) {
    const auto flag = read_flag(config, key, missing, checkpoint.source);
    if (!flag) {
      return std::unexpected(flag.error());
    }
    *target = *flag;
  }
  const auto scale = read_number(config, {"layer_scale_init_value", 0.1, -1e9, 1e9}, checkpoint.source);
  if (!scale) {
    return std::unexpected(scale.error());
  }
  out.vit.block.layer_scale = *scale > 0.0;
  out.biases.shared_table = "encoder.relative_position_bias.relative_position_bias_table";
  out.biases.layer_prefix = "encoder.layer.";
  out.biases.layer_table = ".attention.attention.relative_position_bias.relative_position_bias_table";
  out.biases.result = ".attention.attention.relative_position_bias";
  out.biases.resampling = BiasResampling::kBilinear;
  return out;
}

ValueId build_graph(GraphBuilder& builder, const Beit& config) {
  const BlockShape& block = config.vit.block;
  const ValueId image = image_input(builder, config.vit.channels, config.vit.wanted);
  TokenPlan plan;
  plan.patch_path = "embeddings.patch_embeddings.projection";
  plan.patches_name = "embeddings.patch_embeddings";
  plan.result_name = "embeddings";
  plan.convolution = {block.hidden_size, {config.vit.patch.height, config.vit.patch.width}};
  plan.prefix.push_back({"embeddings.cls_token"});
  plan.placed_prefix_count = 1;
  plan.position = config.positions ? kPosition : "";
  if (config.masked) {
    plan.mask_token = kMaskToken;
    plan.mask_ids = builder.input(std::string(kMaskIdsInput), DType::kI32, {kRowDim, config.vit.wanted_grid().area()});
  }
  ValueId hidden = patch_tokens(builder, plan, image);
  feature_alias(builder, 0, hidden);
  for (std::int64_t i = 0; i < config.vit.layer_count; ++i) {
    AttentionContext context;
    context.bias = beit_bias(builder, config.biases, i, block.head_count, config.vit.wanted_grid());
    hidden =
        transformer_block(builder, kTransformersBeitBlock, block, fmt::format("encoder.layer.{}", i), hidden, context);
    feature_alias(builder, i + 1, hidden);
  }
  builder.alias("encoder", hidden);
  if (config.last_norm) {
    hidden = layer_norm_module(builder, "layernorm", hidden, block.epsilon);
  }
  builder.alias("last_hidden_state", hidden);
  builder.alias(std::string(kForwardFeatures), hidden);
  ValueId vector = config.mean_pooling ? mean_of_tokens(builder, "patch_mean", hidden, 1)
                                       : token_at(builder, "class_token", hidden, 0);
  if (config.pooler_norm) {
    vector = layer_norm_module(builder, "pooler.layernorm", vector, block.epsilon);
  }
  builder.alias("pooler_output", vector);
  if (config.class_count > 0) {
    builder.alias(std::string(kLogits), linear_module(builder, "classifier", vector, config.class_count));
  }
  return vector;
}

Result<ImageModel> build(ImageCheckpoint checkpoint, const ImageModelOptions& options, std::string_view family,
                         std::string_view prefix) {
  auto config = read_config(checkpoint, options);
  if (!config) {
    return std::unexpected(config.error());
  }
  std::erase_if(checkpoint.tensors, [](const auto& entry) { return entry.first.ends_with("relative_position_index"); });
  config->masked = options.masked_patches == MaskedPatches::kByIds;
  const auto unused = std::span<const std::string_view>(kUnused).subspan(config->masked ? 1 : 0);
  auto parameters = map_checkpoint_names(std::move(checkpoint.tensors), {prefix, unused}, checkpoint.source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  config->pooler_norm = config->mean_pooling && parameters->contains("pooler.layernorm.weight");
  config->last_norm = !config->mean_pooling;
  const auto declared = declared_classes(checkpoint);
  if (!declared) {
    return std::unexpected(declared.error());
  }
  const auto class_count = classifier_size(*parameters, "classifier", *declared, checkpoint.source);
  if (!class_count) {
    return std::unexpected(class_count.error());
  }
  config->class_count = *class_count;
  const VitConfig& vit = config->vit;
  if (config->positions) {
    const PositionFit fit{std::string(kPosition), 1, vit.trained_grid(), vit.wanted_grid()};
    if (auto ok = fit_position_table(*parameters, fit, checkpoint.source); !ok) {
      return std::unexpected(ok.error());
    }
  }
  const BeitBiasFit fit{vit.layer_count, vit.trained_grid(), vit.wanted_grid()};
  if (auto ok = fit_beit_biases(*parameters, config->biases, fit, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  GraphBuilder builder;
  const ValueId vector = build_graph(builder, *config);
  ImageModel model;
  model.family = model.architecture = family;
  model.dialect = kTransformers;
  model.prefix_token_count = 1;
  return finish_image_model(builder, vector, *std::move(parameters), std::move(model), checkpoint.source);
}

}  // namespace

Result<ImageModel> build_beit_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  return build(std::move(checkpoint), options, "beit", "beit.");
}

Result<ImageModel> build_data2vec_vision(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  return build(std::move(checkpoint), options, "data2vec-vision", "data2vec_vision.");
}

}  // namespace asterism
