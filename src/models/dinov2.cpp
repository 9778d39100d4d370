// DINOv2 (Oquab et al. 2023), also with register tokens (Darcet et al. 2023), as the transformers library has it.
//
// "penultimate" is pooler_output, the class token after the last norm; with a classifier it is what that is given: the
// class token and the mean of the patches, one after the other.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"
#include "models/text_config.hpp"
#include "models/transformer_block.hpp"

namespace asterism {
namespace {

constexpr BlockNames kBlock{
    .norm1 = "norm1",
    .query = "attention.attention.query",
    .key = "attention.attention.key",
    .value = "attention.attention.value",
    .mix = "attention.attention",
    .out = "attention.output.dense",
    .attention = "attention",
    .attention_output = "attention.output",
    .scale1 = "layer_scale1",
    .scale1_weight = "layer_scale1.lambda1",
    .add1 = "add_attention",
    .norm2 = "norm2",
    .fc1 = "mlp.fc1",
    .act = "mlp.activation",
    .fc2 = "mlp.fc2",
    .mlp = "mlp",
    .scale2 = "layer_scale2",
    .scale2_weight = "layer_scale2.lambda1",
    .add2 = "add_mlp",
};

constexpr BlockNames gated_block() {
  BlockNames names = kBlock;
  names.fc1 = "mlp.weights_in";
  names.fc2 = "mlp.weights_out";
  return names;
}
constexpr BlockNames kGatedBlock = gated_block();

constexpr std::string_view kPosition = "embeddings.position_embeddings";
constexpr std::array<std::string_view, 1> kUnused{"embeddings.mask_token"};
constexpr NumberRule kMlpRatio{"mlp_ratio", 4.0, 1.0 / 64, 64.0};
constexpr std::int64_t kRegisterCountMax = 1 << 10;
constexpr std::int64_t kRegisterCountDefault = 4;

struct Dinov2 {
  VitConfig vit;
  std::int64_t register_count = 0;
  std::int64_t class_count = 0;
};

// The gated MLP keeps two thirds of the width, rounded up to a multiple of 8 (Dinov2SwiGLUFFN).
std::int64_t gated_size(std::int64_t width) {
  constexpr std::int64_t kStep = 8;
  return (width * 2 / 3 + kStep - 1) / kStep * kStep;
}

Result<Dinov2> read_config(const ImageCheckpoint& checkpoint, const ImageModelOptions& options, bool registers) {
  const Json& config = checkpoint.config;
  VitDefaults defaults;
  defaults.epsilon = 1e-6;
  auto vit = read_vit_config(config, defaults, options, checkpoint.source);
  if (!vit) {
    return std::unexpected(vit.error());
  }
  Dinov2 out;
  out.vit = *vit;
  const auto ratio = read_number(config, kMlpRatio, checkpoint.source);
  const auto gated = read_flag(config, "use_swiglu_ffn", false, checkpoint.source);
  const auto qkv_bias = read_flag(config, "qkv_bias", true, checkpoint.source);
  const auto count = registers ? read_size(config, {"num_register_tokens", kRegisterCountMax, kRegisterCountDefault},
                                           checkpoint.source)
                               : Result<std::int64_t>(0);
  for (const Error* error : {ratio ? nullptr : &ratio.error(), gated ? nullptr : &gated.error(),
                             qkv_bias ? nullptr : &qkv_bias.error(), count ? nullptr : &count.error()}) {
    if (error != nullptr) {
      return std::unexpected(*error);
    }
  }
  BlockShape& block = out.vit.block;
  block.layer_scale = true;
  block.query_bias = block.key_bias = block.value_bias = *qkv_bias;
  block.mlp_size = static_cast<std::int64_t>(static_cast<double>(block.hidden_size) * *ratio);
  if (*gated) {
    block.mlp = MlpKind::kGated;
    block.mlp_size = gated_size(block.mlp_size);
    block.activation = Activation::kSilu;
  }
  out.register_count = *count;
  return out;
}

ValueId build_graph(GraphBuilder& builder, const Dinov2& config) {
  const BlockShape& block = config.vit.block;
  const ValueId image = image_input(builder, config.vit.channels, config.vit.wanted);
  TokenPlan plan;
  plan.patch_path = "embeddings.patch_embeddings.projection";
  plan.patches_name = "embeddings.patch_embeddings";
  plan.result_name = "embeddings";
  plan.convolution = {block.hidden_size, {config.vit.patch.height, config.vit.patch.width}};
  plan.prefix.push_back({"embeddings.cls_token"});
  plan.placed_prefix_count = 1;
  if (config.register_count > 0) {
    plan.prefix.push_back({"embeddings.register_tokens", config.register_count});
  }
  plan.position = kPosition;
  ValueId hidden = patch_tokens(builder, plan, image);
  feature_alias(builder, 0, hidden);
  const BlockNames& names = block.mlp == MlpKind::kGated ? kGatedBlock : kBlock;
  for (std::int64_t i = 0; i < config.vit.layer_count; ++i) {
    hidden = transformer_block(builder, names, block, fmt::format("encoder.layer.{}", i), hidden);
    feature_alias(builder, i + 1, hidden);
  }
  builder.alias("encoder", hidden);
  const ValueId normed = layer_norm_module(builder, "layernorm", hidden, block.epsilon);
  builder.alias("last_hidden_state", normed);
  builder.alias(std::string(kForwardFeatures), normed);
  const ValueId class_token = token_at(builder, "class_token", normed, 0);
  builder.alias("pooler_output", class_token);
  if (config.class_count == 0) {
    return class_token;
  }
  const std::array both{class_token, mean_of_tokens(builder, "patch_mean", normed, 1 + config.register_count)};
  const ValueId vector = builder.concat("class_token_and_patch_mean", both);
  builder.alias(std::string(kLogits), linear_module(builder, "classifier", vector, config.class_count));
  return vector;
}

Result<ImageModel> build(ImageCheckpoint checkpoint, const ImageModelOptions& options, std::string_view family,
                         bool registers) {
  auto config = read_config(checkpoint, options, registers);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string prefix = std::string(family) + ".";
  auto parameters = map_checkpoint_names(std::move(checkpoint.tensors), {prefix, kUnused}, checkpoint.source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  const auto declared = declared_classes(checkpoint);
  if (!declared) {
    return std::unexpected(declared.error());
  }
  const auto class_count = classifier_size(*parameters, "classifier", *declared, checkpoint.source);
  if (!class_count) {
    return std::unexpected(class_count.error());
  }
  config->class_count = *class_count;
  // Only the model with registers resamples with antialias.
  const PositionFit fit{std::string(kPosition), 1, config->vit.trained_grid(), config->vit.wanted_grid(),
                        registers ? Resampling::kBicubicAntialias : Resampling::kBicubic};
  if (auto ok = fit_position_table(*parameters, fit, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  GraphBuilder builder;
  const ValueId vector = build_graph(builder, *config);
  ImageModel model;
  model.family = model.architecture = family;
  model.dialect = kTransformers;
  model.prefix_token_count = 1 + config->register_count;
  return finish_image_model(builder, vector, *std::move(parameters), std::move(model), checkpoint.source);
}

}  // namespace

Result<ImageModel> build_dinov2(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  return build(std::move(checkpoint), options, "dinov2", false);
}

Result<ImageModel> build_dinov2_with_registers(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  return build(std::move(checkpoint), options, "dinov2_with_registers", true);
}

}  // namespace asterism
