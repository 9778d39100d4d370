#include "models/vit_mae_decoder.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

#include "models/modules.hpp"
#include "models/text_config.hpp"
#include "models/transformers_vit_names.hpp"
#include "models/vit_config.hpp"

namespace asterism {
namespace {

// Defaults of transformers' ViTMAEConfig.
constexpr SizeRule kHidden{"decoder_hidden_size", kHiddenSizeMax, 512};
constexpr SizeRule kLayers{"decoder_num_hidden_layers", kLayerCountMax, 8};
constexpr SizeRule kHeads{"decoder_num_attention_heads", kHiddenSizeMax, 16};
constexpr SizeRule kMlp{"decoder_intermediate_size", kIntermediateSizeMax, 2048};

struct DecoderShape {
  BlockShape block;
  std::int64_t layer_count = 0;
  std::int64_t patch_value_count = 0;
};

Result<DecoderShape> read_shape(const Json& config, std::string_view source) {
  const auto encoder = read_vit_config(config, {}, {}, source);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  DecoderShape shape;
  shape.block = encoder->block;
  shape.patch_value_count = encoder->patch.area() * encoder->channels;
  const std::array<std::pair<std::int64_t*, const SizeRule*>, 4> sizes{{{&shape.block.hidden_size, &kHidden},
                                                                        {&shape.layer_count, &kLayers},
                                                                        {&shape.block.head_count, &kHeads},
                                                                        {&shape.block.mlp_size, &kMlp}}};
  for (const auto& [target, rule] : sizes) {
    const auto value = read_size(config, *rule, source);
    if (!value) {
      return std::unexpected(value.error());
    }
    *target = *value;
  }
  if (shape.block.hidden_size % shape.block.head_count != 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"decoder_hidden_size\": expected a multiple of \"decoder_num_attention_heads\" ({}), "
                            "found {}",
                            source, shape.block.head_count, shape.block.hidden_size));
  }
  const auto qkv_bias = read_flag(config, "qkv_bias", true, source);
  if (!qkv_bias) {
    return std::unexpected(qkv_bias.error());
  }
  shape.block.query_bias = shape.block.key_bias = shape.block.value_bias = *qkv_bias;
  return shape;
}

ValueId tokens_from(GraphBuilder& builder, const std::string& name, ValueId x, std::int64_t begin) {
  const Shape& shape = builder.shape(x);
  const std::int64_t count = shape.size() == 3 ? shape[1] - begin : 1;
  return builder.slice(name, x, {.axis = 1, .begin = begin, .size = count});
}

}  // namespace

Result<ValueId> append_mae_decoder(GraphBuilder& builder, const Json& config, const MaeDecoderInputs& inputs,
                                   std::string_view source) {
  const auto shape = read_shape(config, source);
  if (!shape) {
    return std::unexpected(shape.error());
  }
  const std::int64_t size = shape->block.hidden_size;
  const ValueId embedded = linear_module(builder, "decoder.decoder_embed", inputs.tokens, size);
  const ValueId class_token = builder.slice("decoder.class_token", embedded, {.axis = 1, .begin = 0, .size = 1});
  const ValueId kept = tokens_from(builder, "decoder.kept", embedded, 1);
  const ValueId mask = builder.broadcast_rows("decoder.mask_token.broadcast",
                                              builder.parameter("decoder.mask_token", {1, 1, size}), embedded);
  const ValueId known = builder.concat("decoder.kept_and_mask", std::array{kept, mask}, 1);
  const ValueId patches = builder.gather_tokens("decoder.patches", known, inputs.ids_restore);
  const ValueId all = builder.concat("decoder.tokens", std::array{class_token, patches}, 1);
  const Shape all_shape = builder.shape(all);
  const std::int64_t count = all_shape.size() == 3 ? all_shape[1] : 1;
  ValueId hidden = builder.add(std::string(kMaePositions) + ".add", all,
                               builder.parameter(std::string(kMaePositions), {1, count, size}));
  for (std::int64_t i = 0; i < shape->layer_count; ++i) {
    hidden = transformer_block(builder, kTransformersVitBlock, shape->block,
                               fmt::format("decoder.decoder_layers.{}", i), hidden);
  }
  hidden = layer_norm_module(builder, "decoder.decoder_norm", hidden, shape->block.epsilon);
  hidden = linear_module(builder, "decoder.decoder_pred", hidden, shape->patch_value_count);
  return tokens_from(builder, "decoder.prediction", hidden, 1);
}

}  // namespace asterism
