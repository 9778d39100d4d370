// BEiT and BEiT v2 (Bao et al. 2022, Peng et al. 2022) as timm has them.
//
// Heads are those of the bias tables. The biases of query and value are two vectors, and the key has none: they become
// the one bias of the fused layer when the checkpoint is loaded. "penultimate" is forward_head(pre_logits=True).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/beit_bias.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/parameter_edit.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"
#include "models/transformer_block.hpp"

namespace asterism {
namespace {

constexpr BlockNames kBlock{
    .norm1 = "norm1",
    .qkv = "attn.qkv",
    .qkv_weight = "attn.qkv.weight",
    .qkv_bias = "attn.qkv.bias",
    .mix = "attn.mix",
    .out = "attn.proj",
    .attention = "attn",
    .scale1 = "gamma_1.multiply",
    .scale1_weight = "gamma_1",
    .add1 = "add_attention",
    .norm2 = "norm2",
    .fc1 = "mlp.fc1",
    .act = "mlp.act",
    .fc2 = "mlp.fc2",
    .mlp = "mlp",
    .scale2 = "gamma_2.multiply",
    .scale2_weight = "gamma_2",
    .add2 = "add_mlp",
};

constexpr std::string_view kPosition = "pos_embed";
constexpr double kEpsilon = 1e-6;

struct TimmBeit {
  Grid trained;  // pixels
  Grid wanted;
  Grid patch;
  std::int64_t channels = 0;
  std::int64_t layer_count = 0;
  std::int64_t class_count = 0;
  bool average = true;
  BlockShape block;
  BeitBiasNames biases;

  Grid trained_patches() const noexcept { return {trained.height / patch.height, trained.width / patch.width}; }
  Grid grid() const noexcept { return {wanted.height / patch.height, wanted.width / patch.width}; }
};

Result<void> read_heads(const ImageCheckpoint& checkpoint, const ParameterMap& parameters, TimmBeit& out) {
  BeitBiasNames& biases = out.biases;
  biases.shared_table = "rel_pos_bias.relative_position_bias_table";
  biases.layer_prefix = "blocks.";
  biases.layer_table = ".attn.relative_position_bias_table";
  biases.result = ".attn.relative_position_bias";
  biases.resampling = BiasResampling::kGeometric;
  biases.shared = parameters.contains(biases.shared_table);
  const std::string first = fmt::format("{}0{}", biases.layer_prefix, biases.layer_table);
  biases.per_layer = parameters.contains(first);
  const auto heads = parameter_size(parameters, biases.shared ? biases.shared_table : first, 1, checkpoint.source);
  if (!heads) {
    return std::unexpected(heads.error());
  }
  out.block.head_count = *heads;
  if (out.block.hidden_size % *heads != 0) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected a width that {} heads divide, found {}",
                                                  checkpoint.source, *heads, out.block.hidden_size));
  }
  const auto pool = json_find<std::string>(checkpoint.config, "global_pool", checkpoint.source);
  if (!pool) {
    return std::unexpected(pool.error());
  }
  const std::string name = pool->value_or("avg");
  if (name != "avg" && name != "token") {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"global_pool\": expected avg or token, found \"{}\"", checkpoint.source, name));
  }
  out.average = name == "avg";
  return {};
}

Result<TimmBeit> read_model(const ImageCheckpoint& checkpoint, const ParameterMap& parameters,
                            const ImageModelOptions& options) {
  TimmBeit out;
  const std::string_view source = checkpoint.source;
  struct Wanted {
    std::int64_t* target;
    std::string_view name;
    std::size_t axis;
  };
  constexpr std::string_view kPatch = "patch_embed.proj.weight";
  for (const auto& [target, name, axis] : {Wanted{&out.block.hidden_size, kPatch, 0}, Wanted{&out.channels, kPatch, 1},
                                           Wanted{&out.patch.height, kPatch, 2}, Wanted{&out.patch.width, kPatch, 3},
                                           Wanted{&out.block.mlp_size, "blocks.0.mlp.fc1.weight", 0}}) {
    const auto size = parameter_size(parameters, name, axis, source);
    if (!size) {
      return std::unexpected(size.error());
    }
    *target = *size;
  }
  out.block.epsilon = kEpsilon;
  out.block.query_bias = parameters.contains("blocks.0.attn.q_bias");
  out.block.layer_scale = parameters.contains("blocks.0.gamma_1");
  out.layer_count = count_numbered(parameters, "blocks.", ".norm1.weight");
  if (auto ok = read_heads(checkpoint, parameters, out); !ok) {
    return std::unexpected(ok.error());
  }
  const auto size = image_size(checkpoint, {});
  if (!size) {
    return std::unexpected(size.error());
  }
  const Grid configured{size->height, size->width};
  const auto trained =
      read_grid(checkpoint.config.value("model_args", Json::object()), "img_size", configured, kImageSideMax, source);
  const auto wanted = trained ? wanted_image(options, *trained, out.patch, source) : trained;
  const auto declared = declared_classes(checkpoint);
  if (!wanted || !declared) {
    return std::unexpected(wanted ? declared.error() : wanted.error());
  }
  out.trained = *trained;
  out.wanted = *wanted;
  if (wanted->height % out.patch.height != 0 || wanted->width % out.patch.width != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: image size: expected a multiple of the patch, {} x {}, found {} x {}", source,
                            out.patch.height, out.patch.width, wanted->height, wanted->width),
                "choose another image size");
  }
  const auto classes = classifier_size(parameters, "head", *declared, source);
  if (!classes) {
    return std::unexpected(classes.error());
  }
  out.class_count = *classes;
  return out;
}

// q_bias, zeros, v_bias as one.
Result<void> fuse_biases(ParameterMap& parameters, const TimmBeit& config, std::string_view source) {
  const std::int64_t size = config.block.hidden_size;
  for (std::int64_t i = 0; config.block.query_bias && i < config.layer_count; ++i) {
    const std::string path = fmt::format("blocks.{}.attn.", i);
    const auto query = find_parameter(parameters, path + "q_bias", {size}, source);
    const auto value = find_parameter(parameters, path + "v_bias", {size}, source);
    if (!query || !value) {
      return std::unexpected(query ? value.error() : query.error());
    }
    Tensor fused(DType::kF32, {3 * size});
    const auto out = fused.mutable_as<float>();
    std::ranges::fill(out, 0.0F);
    const Tensor first = query->to_f32();
    const Tensor last = value->to_f32();
    std::ranges::copy(first.as<float>(), out.begin());
    std::ranges::copy(last.as<float>(), out.begin() + 2 * static_cast<std::ptrdiff_t>(size));
    parameters.erase(path + "q_bias");
    parameters.erase(path + "v_bias");
    parameters.erase(path + "k_bias");
    parameters.emplace(path + "qkv.bias", std::move(fused));
  }
  return {};
}

Result<void> fit_parameters(ParameterMap& parameters, const TimmBeit& config, std::string_view source) {
  if (parameters.contains(kPosition)) {
    const PositionFit fit{std::string(kPosition), 1, config.trained_patches(), config.grid(),
                          Resampling::kBicubicAntialias};
    if (auto ok = fit_position_table(parameters, fit, source); !ok) {
      return ok;
    }
  }
  const BeitBiasFit fit{config.layer_count, config.trained_patches(), config.grid()};
  if (auto ok = fit_beit_biases(parameters, config.biases, fit, source); !ok) {
    return ok;
  }
  return fuse_biases(parameters, config, source);
}

void append_feature(GraphBuilder& builder, const TimmBeit& config, std::int64_t index, ValueId tokens) {
  const std::string name = fmt::format("{}{}", kFeaturesPrefix, index);
  const Grid grid = config.grid();
  const ValueId patches = builder.slice(name + ".patches", tokens, {.axis = 1, .begin = 1, .size = grid.area()});
  builder.reshape(name, builder.transpose(name + ".channels_first", patches, {0, 2, 1}),
                  {config.block.hidden_size, grid.height, grid.width});
}

ValueId build_graph(GraphBuilder& builder, const TimmBeit& config, const ParameterMap& parameters) {
  const ValueId image = image_input(builder, config.channels, config.wanted);
  TokenPlan plan;
  plan.patch_path = "patch_embed.proj";
  plan.patches_name = "patch_embed";
  plan.result_name = "pos_drop";
  plan.convolution = {config.block.hidden_size, {config.patch.height, config.patch.width}};
  plan.prefix.push_back({"cls_token"});
  plan.placed_prefix_count = 1;
  plan.position = parameters.contains(kPosition) ? kPosition : "";
  ValueId hidden = patch_tokens(builder, plan, image);
  for (std::int64_t i = 0; i < config.layer_count; ++i) {
    AttentionContext context;
    context.bias = beit_bias(builder, config.biases, i, config.block.head_count, config.grid());
    hidden = transformer_block(builder, kBlock, config.block, fmt::format("blocks.{}", i), hidden, context);
    append_feature(builder, config, i, hidden);
  }
  if (parameters.contains("norm.weight")) {
    hidden = layer_norm_module(builder, "norm", hidden, kEpsilon);
  }
  builder.alias(std::string(kForwardFeatures), hidden);
  ValueId vector = config.average ? mean_of_tokens(builder, "pool", hidden, 1) : token_at(builder, "pool", hidden, 0);
  if (parameters.contains("fc_norm.weight")) {
    vector = layer_norm_module(builder, "fc_norm", vector, kEpsilon);
  }
  if (config.class_count > 0) {
    builder.alias(std::string(kLogits), linear_module(builder, "head", vector, config.class_count));
  }
  return vector;
}

}  // namespace

Result<ImageModel> build_beit_timm(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  ParameterMap parameters;
  for (auto& [name, tensor] : checkpoint.tensors) {
    if (!name.ends_with("relative_position_index")) {
      parameters.emplace(name, std::move(tensor));
    }
  }
  const auto config = read_model(checkpoint, parameters, options);
  if (!config) {
    return std::unexpected(config.error());
  }
  if (auto ok = fit_parameters(parameters, *config, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  GraphBuilder builder;
  const ValueId vector = build_graph(builder, *config, parameters);
  ImageModel model;
  model.family = "beit";
  model.architecture = architecture_of(checkpoint);
  model.dialect = kTimm;
  model.prefix_token_count = 1;
  return finish_image_model(builder, vector, std::move(parameters), std::move(model), checkpoint.source);
}

}  // namespace asterism
