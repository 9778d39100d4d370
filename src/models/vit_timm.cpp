// ViT as timm has it: the original ones and AugReg's, DeiT (also distilled), DINOv2, the image towers of CLIP and
// SigLIP.
//
// Which parts a model has, and their sizes, the tensors show; heads, epsilon, activation and pooling are in
// vit_timm_traits. "penultimate" is forward_head(pre_logits=True). "features.N" is block N as a map, before the last
// norm, as features_only gives it.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "models/attention_pool.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/parameter_edit.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"
#include "models/transformer_block.hpp"
#include "models/vit_timm_traits.hpp"

namespace asterism {
namespace {

constexpr BlockNames kBlock{
    .norm1 = "norm1",
    .qkv = "attn.qkv",
    .qkv_weight = "attn.qkv.weight",
    .qkv_bias = "attn.qkv.bias",
    .query_norm = "attn.q_norm",
    .key_norm = "attn.k_norm",
    .mix = "attn.mix",
    .mix_norm = "attn.norm",
    .out = "attn.proj",
    .attention = "attn",
    .scale1 = "ls1",
    .scale1_weight = "ls1.gamma",
    .add1 = "add_attention",
    .norm2 = "norm2",
    .fc1 = "mlp.fc1",
    .act = "mlp.act",
    .mlp_norm = "mlp.norm",
    .fc2 = "mlp.fc2",
    .mlp = "mlp",
    .scale2 = "ls2",
    .scale2_weight = "ls2.gamma",
    .add2 = "add_mlp",
};

// Of attn_pool: a block without its first half.
constexpr BlockNames kPool{
    .mix = "mix",
    .out = "proj",
    .norm2 = "norm",
    .fc1 = "mlp.fc1",
    .act = "mlp.act",
    .fc2 = "mlp.fc2",
    .mlp = "mlp",
    .add2 = "add_mlp",
};

constexpr std::string_view kPosition = "pos_embed";

struct TimmVit {
  Grid trained;  // pixels
  Grid wanted;
  Grid patch;
  std::int64_t channels = 0;
  std::int64_t layer_count = 0;
  std::int64_t class_count = 0;
  std::vector<PrefixToken> prefix;
  bool distilled = false;
  BlockShape block;
  BlockShape pool;
  TimmVitTraits traits;

  Grid grid() const noexcept { return {wanted.height / patch.height, wanted.width / patch.width}; }
};

Result<Grid> trained_image(const ImageCheckpoint& checkpoint) {
  const Json arguments = checkpoint.config.value("model_args", Json::object());
  const auto size = image_size(checkpoint, {});
  if (!size) {
    return std::unexpected(size.error());
  }
  const Grid configured{size->height, size->width};
  return arguments.is_object() ? read_grid(arguments, "img_size", configured, kImageSideMax, checkpoint.source)
                               : Result<Grid>(configured);
}

// Parts of the blocks, by the tensors of the first.
Result<void> read_block(const ParameterMap& parameters, TimmVit& out, std::string_view source) {
  const auto has = [&](std::string_view name) { return parameters.contains(name); };
  BlockShape& block = out.block;
  const auto mlp_size = parameter_size(parameters, "blocks.0.mlp.fc2.weight", 1, source);
  const auto wide = parameter_size(parameters, "blocks.0.mlp.fc1.weight", 0, source);
  if (!mlp_size || !wide) {
    return std::unexpected(mlp_size ? wide.error() : mlp_size.error());
  }
  block.mlp_size = *mlp_size;
  block.query_bias = has("blocks.0.attn.qkv.bias");
  block.out_bias = has("blocks.0.attn.proj.bias");
  block.mlp_bias = has("blocks.0.mlp.fc1.bias");
  block.layer_scale = has("blocks.0.ls1.gamma");
  block.query_key_norm = has("blocks.0.attn.q_norm.weight");
  block.mix_norm = has("blocks.0.attn.norm.weight");
  block.mlp_norm = has("blocks.0.mlp.norm.weight");
  if (*wide == 2 * *mlp_size) {
    // SwiGLUPacked: the only gated MLP that packs both halves in one matrix.
    block.mlp = MlpKind::kGated;
  }
  if (out.traits.pooling == VitPooling::kAttention) {
    const auto pool_size = parameter_size(parameters, "attn_pool.mlp.fc1.weight", 0, source);
    if (!pool_size) {
      return std::unexpected(pool_size.error());
    }
    out.pool = out.block;
    out.pool.mlp_size = *pool_size;
    out.pool.mlp = MlpKind::kPlain;
    out.pool.mlp_bias = true;
    out.pool.mlp_norm = out.pool.layer_scale = false;
  }
  if (block.mlp == MlpKind::kGated) {
    block.activation = Activation::kSilu;
  }
  return {};
}

Result<void> read_prefix(const ParameterMap& parameters, TimmVit& out, std::string_view source) {
  for (const char* name : {"cls_token", "dist_token", "reg_token"}) {
    if (parameters.contains(name)) {
      const auto count = parameter_size(parameters, name, 1, source);
      if (!count) {
        return std::unexpected(count.error());
      }
      out.prefix.push_back({name, *count});
    }
  }
  out.distilled = parameters.contains("dist_token");
  const std::int64_t registers = parameters.contains("reg_token") ? out.prefix.back().count : 0;
  if (registers != out.traits.register_count) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"reg_token\": expected {} tokens, found {}", source, out.traits.register_count,
                            registers),
                "check that config.json and the weights belong to the same model");
  }
  if (out.traits.pooling == VitPooling::kToken && !parameters.contains("cls_token")) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: \"global_pool\" is token, but there is no \"cls_token\"", source),
                "check that config.json and the weights belong to the same model");
  }
  return {};
}

Result<TimmVit> read_model(const ImageCheckpoint& checkpoint, const ParameterMap& parameters,
                           const ImageModelOptions& options) {
  TimmVit out;
  const std::string_view source = checkpoint.source;
  struct Wanted {
    std::int64_t* target;
    std::size_t axis;
  };
  for (const auto& [target, axis] : {Wanted{&out.block.hidden_size, 0}, Wanted{&out.channels, 1},
                                     Wanted{&out.patch.height, 2}, Wanted{&out.patch.width, 3}}) {
    const auto size = parameter_size(parameters, "patch_embed.proj.weight", axis, source);
    if (!size) {
      return std::unexpected(size.error());
    }
    *target = *size;
  }
  const auto traits = timm_vit_traits(architecture_of(checkpoint), checkpoint.config, out.block.hidden_size, source);
  if (!traits) {
    return std::unexpected(traits.error());
  }
  out.traits = *traits;
  out.block.head_count = traits->head_count;
  out.block.epsilon = traits->epsilon;
  out.block.activation = traits->activation;
  out.layer_count = count_numbered(parameters, "blocks.", ".norm1.weight");
  if (auto ok = read_block(parameters, out, source); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = read_prefix(parameters, out, source); !ok) {
    return std::unexpected(ok.error());
  }
  const auto trained = trained_image(checkpoint);
  if (!trained) {
    return std::unexpected(trained.error());
  }
  out.trained = *trained;
  const auto wanted = wanted_image(options, *trained, out.patch, source);
  if (!wanted) {
    return std::unexpected(wanted.error());
  }
  out.wanted = *wanted;
  if (wanted->height % out.patch.height != 0 || wanted->width % out.patch.width != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: image size: expected a multiple of the patch, {} x {}, found {} x {}", source,
                            out.patch.height, out.patch.width, wanted->height, wanted->width),
                "choose another image size");
  }
  const auto declared = declared_classes(checkpoint);
  if (!declared) {
    return std::unexpected(declared.error());
  }
  const auto classes = classifier_size(parameters, "head", *declared, source);
  if (!classes) {
    return std::unexpected(classes.error());
  }
  out.class_count = *classes;
  return out;
}

// Whether the position table has rows for the prefix (timm: not no_embed_class), by how many rows it has.
Result<bool> fit_positions(ParameterMap& parameters, const TimmVit& config, std::string_view source) {
  if (!config.traits.positions) {
    return false;
  }
  const auto rows = parameter_size(parameters, kPosition, 1, source);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const Grid trained{config.trained.height / config.patch.height, config.trained.width / config.patch.width};
  const std::int64_t prefix = prefix_token_count(config.prefix);
  const bool of_patches =
      *rows == trained.area() || (*rows != trained.area() + prefix && trained_grid(*rows, {}).area() > 0);
  const PositionFit fit{std::string(kPosition), of_patches ? 0 : prefix, trained, config.grid(),
                        Resampling::kBicubicAntialias};
  if (auto ok = fit_position_table(parameters, fit, source); !ok) {
    return std::unexpected(ok.error());
  }
  return !of_patches;
}

class TimmVitGraph {
 public:
  TimmVitGraph(const TimmVit& config, const ParameterMap& parameters) : config_(config), parameters_(parameters) {}

  ValueId build(bool prefix_placed) {
    ValueId hidden = tokens(image_input(builder_, config_.channels, config_.wanted), prefix_placed);
    if (has("norm_pre.weight")) {
      hidden = layer_norm_module(builder_, "norm_pre", hidden, config_.block.epsilon);
    }
    for (std::int64_t i = 0; i < config_.layer_count; ++i) {
      hidden = transformer_block(builder_, kBlock, config_.block, fmt::format("blocks.{}", i), hidden);
      append_feature(i, hidden);
    }
    builder_.alias("blocks", hidden);
    if (has("norm.weight")) {
      hidden = layer_norm_module(builder_, "norm", hidden, config_.block.epsilon);
    }
    builder_.alias(std::string(kForwardFeatures), hidden);
    return head(hidden);
  }

  GraphBuilder& builder() noexcept { return builder_; }

 private:
  bool has(std::string_view name) const { return parameters_.contains(name); }

  ValueId tokens(ValueId image, bool prefix_placed) {
    TokenPlan plan;
    plan.patch_path = "patch_embed.proj";
    plan.patches_name = "patch_embed";
    plan.result_name = "pos_drop";
    plan.convolution = {config_.block.hidden_size,
                        {config_.patch.height, config_.patch.width},
                        has("norm_pre.weight") ? Bias::kNo : Bias::kYes};
    plan.prefix = config_.prefix;
    plan.placed_prefix_count = prefix_placed ? plan.prefix.size() : 0;
    plan.position = config_.traits.positions ? kPosition : "";
    return patch_tokens(builder_, plan, image);
  }

  void append_feature(std::int64_t index, ValueId tokens) {
    const std::string name = fmt::format("{}{}", kFeaturesPrefix, index);
    const std::int64_t prefix = prefix_token_count(config_.prefix);
    const Grid grid = config_.grid();
    ValueId patches = tokens;
    if (prefix > 0) {
      patches = builder_.slice(name + ".patches", tokens, {.axis = 1, .begin = prefix, .size = grid.area()});
    }
    builder_.reshape(name, builder_.transpose(name + ".channels_first", patches, {0, 2, 1}),
                     {config_.block.hidden_size, grid.height, grid.width});
  }

  ValueId head(ValueId tokens) {
    if (config_.distilled) {
      return distilled_head(tokens);
    }
    ValueId vector = pooled(tokens);
    if (has("fc_norm.weight")) {
      vector = layer_norm_module(builder_, "fc_norm", vector, config_.block.epsilon);
    }
    if (config_.class_count > 0) {
      builder_.alias(std::string(kLogits), linear_module(builder_, "head", vector, config_.class_count));
    }
    return vector;
  }

  ValueId pooled(ValueId tokens) {
    const std::int64_t prefix = prefix_token_count(config_.prefix);
    if (config_.traits.pooling == VitPooling::kToken) {
      return token_at(builder_, "pool", tokens, 0);
    }
    if (config_.traits.pooling == VitPooling::kAverage) {
      return mean_of_tokens(builder_, "pool", tokens, prefix);
    }
    ValueId patches = tokens;
    if (prefix > 0) {
      patches = builder_.slice("pool.patches", tokens, {.axis = 1, .begin = prefix, .size = config_.grid().area()});
    }
    if (config_.traits.pooling == VitPooling::kMaximum) {
      ReduceOptions options;
      options.reduction = Reduction::kMax;
      options.axes = {1};
      return builder_.reduce("pool", patches, options);
    }
    return attention_pooled(patches);
  }

  ValueId attention_pooled(ValueId patches) {
    const std::int64_t size = config_.block.hidden_size;
    const ValueId latent = builder_.parameter("attn_pool.latent", {1, 1, size});
    PoolHeads heads;
    heads.query = linear_module(builder_, "attn_pool.q",
                                builder_.broadcast_rows("attn_pool.latent.broadcast", latent, patches), size);
    const ValueId both = linear_module(builder_, "attn_pool.kv", patches, 2 * size);
    heads.key = builder_.slice("attn_pool.kv.key", both, {.axis = -1, .begin = 0, .size = size});
    heads.value = builder_.slice("attn_pool.kv.value", both, {.axis = -1, .begin = size, .size = size});
    return attention_pool(builder_, kPool, config_.pool, "attn_pool", heads);
  }

  // Class and distillation token: the mean of the two, and of their two classifiers.
  ValueId distilled_head(ValueId tokens) {
    const ValueId pair = builder_.slice("pool.pair", tokens, {.axis = 1, .begin = 0, .size = 2});
    const ValueId vector = mean_of_tokens(builder_, "pool", pair, 0);
    if (config_.class_count > 0) {
      const std::int64_t count = config_.class_count;
      const ValueId first = linear_module(builder_, "head", token_at(builder_, "pool.class", tokens, 0), count);
      const ValueId second = linear_module(builder_, "head_dist", token_at(builder_, "pool.dist", tokens, 1), count);
      const std::array both{builder_.reshape("head.row", first, {1, count}),
                            builder_.reshape("head_dist.row", second, {1, count})};
      builder_.alias(std::string(kLogits),
                     mean_of_tokens(builder_, "averaged_logits", builder_.concat("both_logits", both, 1), 0));
    }
    return vector;
  }

  const TimmVit& config_;
  const ParameterMap& parameters_;
  GraphBuilder builder_;
};

}  // namespace

Result<ImageModel> build_vit_timm(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  ParameterMap parameters;
  for (auto& [name, tensor] : checkpoint.tensors) {
    parameters.emplace(name, std::move(tensor));
  }
  const auto config = read_model(checkpoint, parameters, options);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto prefix_placed = fit_positions(parameters, *config, checkpoint.source);
  if (!prefix_placed) {
    return std::unexpected(prefix_placed.error());
  }
  TimmVitGraph graph(*config, parameters);
  const ValueId vector = graph.build(*prefix_placed);
  ImageModel model;
  model.family = "vit";
  model.architecture = architecture_of(checkpoint);
  model.dialect = kTimm;
  model.prefix_token_count = prefix_token_count(config->prefix);
  return finish_image_model(graph.builder(), vector, std::move(parameters), std::move(model), checkpoint.source);
}

}  // namespace asterism
