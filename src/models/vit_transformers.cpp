// ViT and DeiT as the transformers library has them.
//
// "penultimate" is pooler_output where the checkpoint has the pooler, else the class token after the last norm, which
// is what the classifier is given. DeiT with a teacher has two classifiers, on the class and the distillation token,
// whose logits it averages; its vector is the class token, as DeiTModel's pooler takes it.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"
#include "models/text_config.hpp"
#include "models/transformers_vit_names.hpp"

namespace asterism {
namespace {

constexpr std::string_view kPosition = "embeddings.position_embeddings";
// The mask token of masked image modelling, and the decoder that predicts pixels.
constexpr std::array<std::string_view, 2> kUnused{"embeddings.mask_token", "decoder."};

struct VitHeads {
  std::int64_t pooled_size = 0;  // 0 = no pooler
  Activation pooler_activation = Activation::kTanh;
  std::int64_t class_count = 0;          // of "classifier"
  std::int64_t teacher_class_count = 0;  // of "cls_classifier" and "distillation_classifier"
};

Result<VitHeads> read_heads(const ImageCheckpoint& checkpoint, const ParameterMap& parameters,
                            std::int64_t hidden_size) {
  VitHeads heads;
  const Json& config = checkpoint.config;
  if (parameters.contains("pooler.dense.weight")) {
    const auto size = read_size(config, {"pooler_output_size", kHiddenSizeMax, hidden_size}, checkpoint.source);
    if (!size) {
      return std::unexpected(size.error());
    }
    const auto name = json_find<std::string>(config, "pooler_act", checkpoint.source);
    if (!name) {
      return std::unexpected(name.error());
    }
    const auto activation = activation_by_name(name->value_or("tanh"), checkpoint.source);
    if (!activation) {
      return std::unexpected(activation.error());
    }
    heads.pooled_size = *size;
    heads.pooler_activation = *activation;
  }
  const auto declared = declared_classes(checkpoint);
  if (!declared) {
    return std::unexpected(declared.error());
  }
  const std::array<std::pair<std::int64_t*, std::string>, 2> counts{
      {{&heads.class_count, "classifier"}, {&heads.teacher_class_count, "cls_classifier"}}};
  for (const auto& [target, path] : counts) {
    const auto count = classifier_size(parameters, path, *declared, checkpoint.source);
    if (!count) {
      return std::unexpected(count.error());
    }
    *target = *count;
  }
  return heads;
}

class VitGraph {
 public:
  VitGraph(const VitConfig& config, const VitHeads& heads, bool distilled)
      : config_(config), heads_(heads), distilled_(distilled) {}

  // The vector.
  ValueId build() {
    ValueId hidden = embeddings(image_input(builder_, config_.channels, config_.wanted));
    feature_alias(builder_, 0, hidden);
    for (std::int64_t i = 0; i < config_.layer_count; ++i) {
      hidden =
          transformer_block(builder_, kTransformersVitBlock, config_.block, fmt::format("encoder.layer.{}", i), hidden);
      feature_alias(builder_, i + 1, hidden);
    }
    builder_.alias("encoder", hidden);
    const ValueId normed = layer_norm_module(builder_, "layernorm", hidden, config_.block.epsilon);
    builder_.alias("last_hidden_state", normed);
    builder_.alias(std::string(kForwardFeatures), normed);
    const ValueId class_token = token_at(builder_, "class_token", normed, 0);
    append_classifiers(normed, class_token);
    return heads_.pooled_size > 0 ? pooler(class_token) : class_token;
  }

  GraphBuilder& builder() noexcept { return builder_; }

 private:
  ValueId embeddings(ValueId image) {
    TokenPlan plan;
    plan.patch_path = "embeddings.patch_embeddings.projection";
    plan.patches_name = "embeddings.patch_embeddings";
    plan.result_name = "embeddings";
    plan.convolution = {config_.block.hidden_size, {config_.patch.height, config_.patch.width}};
    plan.prefix.push_back({"embeddings.cls_token"});
    if (distilled_) {
      plan.prefix.push_back({"embeddings.distillation_token"});
    }
    plan.position = kPosition;
    plan.placed_prefix_count = plan.prefix.size();
    return patch_tokens(builder_, plan, image);
  }

  ValueId pooler(ValueId class_token) {
    const ValueId dense = linear_module(builder_, "pooler.dense", class_token, heads_.pooled_size);
    const ValueId pooled = builder_.activation("pooler", dense, heads_.pooler_activation);
    builder_.alias("pooler_output", pooled);
    return pooled;
  }

  void append_classifiers(ValueId tokens, ValueId class_token) {
    if (heads_.class_count > 0) {
      builder_.alias(std::string(kLogits), linear_module(builder_, "classifier", class_token, heads_.class_count));
    }
    if (heads_.teacher_class_count == 0) {
      return;
    }
    const std::int64_t count = heads_.teacher_class_count;
    const ValueId distilled = token_at(builder_, "distillation_token", tokens, 1);
    const std::array both{
        builder_.reshape("cls_logits", linear_module(builder_, "cls_classifier", class_token, count), {1, count}),
        builder_.reshape("distillation_logits", linear_module(builder_, "distillation_classifier", distilled, count),
                         {1, count})};
    const ValueId pair = builder_.concat("teacher_logits", both, 1);
    builder_.alias(std::string(kLogits), mean_of_tokens(builder_, "averaged_logits", pair, 0));
  }

  const VitConfig& config_;
  const VitHeads& heads_;
  bool distilled_;
  GraphBuilder builder_;
};

Result<ImageModel> build(ImageCheckpoint checkpoint, const ImageModelOptions& options, std::string_view family,
                         std::string_view prefix) {
  auto config = read_vit_config(checkpoint.config, {}, options, checkpoint.source);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto qkv_bias = read_flag(checkpoint.config, "qkv_bias", true, checkpoint.source);
  if (!qkv_bias) {
    return std::unexpected(qkv_bias.error());
  }
  config->block.query_bias = config->block.key_bias = config->block.value_bias = *qkv_bias;
  auto parameters = map_checkpoint_names(std::move(checkpoint.tensors), {prefix, kUnused}, checkpoint.source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  const auto heads = read_heads(checkpoint, *parameters, config->block.hidden_size);
  if (!heads) {
    return std::unexpected(heads.error());
  }
  const bool distilled = family == "deit";
  PositionFit fit{std::string(kPosition), distilled ? 2 : 1, config->trained_grid(), config->wanted_grid()};
  if (auto ok = fit_position_table(*parameters, fit, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  VitGraph graph(*config, *heads, distilled);
  const ValueId vector = graph.build();
  ImageModel model;
  model.family = model.architecture = family;
  model.dialect = kTransformers;
  model.prefix_token_count = fit.prefix_count;
  return finish_image_model(graph.builder(), vector, *std::move(parameters), std::move(model), checkpoint.source);
}

}  // namespace

Result<ImageModel> build_vit_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  return build(std::move(checkpoint), options, "vit", "vit.");
}

Result<ImageModel> build_deit_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  return build(std::move(checkpoint), options, "deit", "deit.");
}

}  // namespace asterism
