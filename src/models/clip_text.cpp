// The text towers of CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023), as the transformers library has them,
// packed.
//
// The vector of a text ("pooled") is that of one token, whose end the input "ranges" marks: CLIP's first end-of-text
// token, SigLIP's last position, which may be padding. It is projected inside the graph where the checkpoint has the
// projection: text_embeds of CLIP, pooler_output of SigLIP.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "models/clip_names.hpp"
#include "models/families.hpp"
#include "models/modules.hpp"
#include "models/parameter_edit.hpp"
#include "models/text_config.hpp"
#include "models/vit_config.hpp"

namespace asterism {
namespace {

constexpr TextConfigKeys kClipKeys{"hidden_size",
                                   "num_hidden_layers",
                                   "num_attention_heads",
                                   "intermediate_size",
                                   "hidden_act",
                                   {.hidden_size = 512,
                                    .layer_count = 12,
                                    .head_count = 8,
                                    .intermediate_size = 2048,
                                    .position_count = 77,
                                    .vocabulary_size = 49408,
                                    .activation = Activation::kGeluQuick}};
constexpr TextConfigKeys kSiglipKeys{"hidden_size",
                                     "num_hidden_layers",
                                     "num_attention_heads",
                                     "intermediate_size",
                                     "hidden_act",
                                     {.hidden_size = 768,
                                      .layer_count = 12,
                                      .head_count = 12,
                                      .intermediate_size = 3072,
                                      .position_count = 64,
                                      .vocabulary_size = 32000,
                                      .activation = Activation::kGeluTanh}};
constexpr double kClipEpsilon = 1e-5;
constexpr double kSiglipEpsilon = 1e-6;
constexpr std::int64_t kClipEndTokenDefault = 49407;
constexpr std::int64_t kSiglipPadTokenDefault = 1;
// A configuration with this "eos_token_id" is of before transformers' pull request 24773: the number is wrong, and the
// end of a text is its highest token id.
constexpr std::int64_t kLegacyEndToken = 2;

struct TextTower {
  TextConfig text;
  BlockShape block;
  bool causal = false;
  std::string projection;  // path of the layer on the vector; empty = none
  Bias projection_bias = Bias::kNo;
  std::int64_t projection_size = 0;
};

Result<TextTower> read_tower(const Json& config, const TextConfigKeys& keys, double epsilon, std::string_view source) {
  TextTower tower;
  const auto text = read_text_config(config, keys, source);
  const auto read_epsilon = read_number(config, {"layer_norm_eps", epsilon, 0.0, 1.0}, source);
  if (!text || !read_epsilon) {
    return std::unexpected(text ? read_epsilon.error() : text.error());
  }
  tower.text = *text;
  tower.block.hidden_size = text->hidden_size;
  tower.block.head_count = text->head_count;
  tower.block.mlp_size = text->intermediate_size;
  tower.block.activation = text->activation;
  tower.block.epsilon = *read_epsilon;
  return tower;
}

Result<TextModel> build_graph(const TextTower& tower, std::string_view source) {
  GraphBuilder builder;
  const TextConfig& text = tower.text;
  const ValueId ids = builder.input("input_ids", DType::kI32, {kDynamicDim});
  const ValueId positions = builder.input("position_ids", DType::kI32, {kDynamicDim});
  const ValueId offsets = builder.input("offsets", DType::kI32, {kDynamicDim});
  const auto table = [&](const std::string& path, std::int64_t rows, ValueId indices) {
    return builder.embedding(path, builder.parameter(path + ".weight", {rows, text.hidden_size}), indices);
  };
  const ValueId words = table("text_model.embeddings.token_embedding", text.vocabulary_size, ids);
  const ValueId places = table("text_model.embeddings.position_embedding", text.position_count, positions);
  ValueId hidden = builder.add("text_model.embeddings.add_position", words, places);
  builder.alias("text_model.embeddings", hidden);
  AttentionContext context;
  context.offsets = offsets;
  context.causal = tower.causal;
  for (std::int64_t i = 0; i < text.layer_count; ++i) {
    hidden = transformer_block(builder, kClipBlock, tower.block, fmt::format("text_model.encoder.layers.{}", i), hidden,
                               context);
  }
  builder.alias("text_model.encoder", hidden);
  const ValueId normed = layer_norm_module(builder, "text_model.final_layer_norm", hidden, tower.block.epsilon);
  builder.alias("last_hidden_state", normed);
  const ValueId ranges = builder.input(std::string(kTextRangesInput), DType::kI32, {kRowDim, 2});
  ValueId vector = builder.pool("end_token", normed, ranges, Pooling::kLastToken);
  if (!tower.projection.empty()) {
    vector = linear_module(builder, tower.projection, vector, tower.projection_size, tower.projection_bias);
  }
  builder.alias(std::string(kTextPooled), vector);
  auto graph = builder.finish(std::array{normed, vector});
  if (!graph) {
    return fail(graph.error().code, fmt::format("{}: {}", source, graph.error().message), graph.error().hint);
  }
  TextModel model;
  model.graph = *std::move(graph);
  model.hidden_size = text.hidden_size;
  model.token_count_max = text.position_count;
  model.vocabulary_size = text.vocabulary_size;
  model.pooled = kTextPooled;
  return model;
}

// The tensors of the text tower under the names of a checkpoint of both.
ParameterMap text_parameters(std::map<std::string, Tensor> tensors) {
  drop_tensors(tensors, {kVisionTower, "visual_projection.", "text_model.embeddings.position_ids"});
  add_prefix(tensors, kTextTower, {"embeddings.", "encoder.", "final_layer_norm.", "head."});
  drop_tensors(tensors, {"text_model.embeddings.position_ids"});
  ParameterMap parameters;
  for (auto& [name, tensor] : tensors) {
    parameters.emplace(name, std::move(tensor));
  }
  return parameters;
}

struct TextSpec {
  std::string_view family;
  const TextConfigKeys& keys;
  double epsilon;
  std::string projection;
  Bias projection_bias;
  bool causal;
  bool projected;  // the checkpoint must have the projection
};

// Whether the checkpoint has the layer `path` on the vector, and its size.
Result<void> read_projection(const ParameterMap& parameters, const TextSpec& spec, TextTower& tower,
                             std::string_view source) {
  const std::string& path = spec.projection;
  if (!spec.projected && !parameters.contains(path + ".weight")) {
    return {};
  }
  const auto size = parameter_size(parameters, path + ".weight", 0, source);
  if (!size) {
    return std::unexpected(size.error());
  }
  tower.projection = path;
  tower.projection_size = *size;
  return {};
}

Result<TextModel> build(const Json& config, std::map<std::string, Tensor> tensors, const TextSpec& spec,
                        std::string_view source) {
  const auto scale = take_logit_scale(tensors, source);
  auto tower = read_tower(config, spec.keys, spec.epsilon, source);
  if (!scale || !tower) {
    return std::unexpected(scale ? tower.error() : scale.error());
  }
  ParameterMap parameters = text_parameters(std::move(tensors));
  tower->causal = spec.causal;
  tower->projection_bias = spec.projection_bias;
  if (auto ok = read_projection(parameters, spec, *tower, source); !ok) {
    return std::unexpected(ok.error());
  }
  auto model = build_graph(*tower, source);
  if (!model) {
    return model;
  }
  model->family = spec.family;
  model->parameters = std::move(parameters);
  model->logit_scale = *scale;
  return model;
}

}  // namespace

Result<TextModel> build_clip_text(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source) {
  const auto text = tower_config(config, "text_config", source);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto end = json_find<std::int64_t>(*text, "eos_token_id", source);
  if (!end) {
    return std::unexpected(end.error());
  }
  auto model =
      build(*text, std::move(tensors),
            {"clip", kClipKeys, kClipEpsilon, "text_projection", Bias::kNo, true, wants_projection(config)}, source);
  if (auto ok = model ? expect_logit_scale(config, model->logit_scale, source) : Result<void>(); !ok) {
    return std::unexpected(ok.error());
  }
  if (model) {
    const std::int64_t token = end->value_or(kClipEndTokenDefault);
    model->end =
        token == kLegacyEndToken ? TextEnd{TextEndRule::kHighestToken, 0} : TextEnd{TextEndRule::kFirstOfToken, token};
  }
  return model;
}

Result<TextModel> build_siglip_text(const Json& config, std::map<std::string, Tensor> tensors,
                                    std::string_view source) {
  const auto text = tower_config(config, "text_config", source);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto pad = json_find<std::int64_t>(*text, "pad_token_id", source);
  if (!pad) {
    return std::unexpected(pad.error());
  }
  auto model = build(*text, std::move(tensors),
                     {"siglip", kSiglipKeys, kSiglipEpsilon, "text_model.head", Bias::kYes, false, true}, source);
  if (auto ok = model ? expect_logit_scale(config, model->logit_scale, source) : Result<void>(); !ok) {
    return std::unexpected(ok.error());
  }
  if (model) {
    model->end = {TextEndRule::kLastToken, 0};
    model->fixed_token_count = model->token_count_max;
    model->pad_token = pad->value_or(kSiglipPadTokenDefault);
  }
  return model;
}

}  // namespace asterism
