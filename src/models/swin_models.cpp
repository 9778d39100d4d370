// Swin transformers (Liu et al. 2021) as timm, the transformers library and torchvision have them.
//
// Inside, maps are [rows, height, width, channels], as in timm and torchvision; values of transformers' blocks have its
// tokens in the same order but keep that shape, and only its hidden states are [rows, tokens, channels]. "penultimate"
// is the mean over the last map, normed.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/modules.hpp"
#include "models/parameter_edit.hpp"
#include "models/position_table.hpp"
#include "models/swin.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

constexpr SwinDialect kTimmDialect{
    .block = {.norm1 = "norm1",
              .qkv = "attn.qkv",
              .qkv_weight = "attn.qkv.weight",
              .qkv_bias = "attn.qkv.bias",
              .mix = "attn.mix",
              .out = "attn.proj",
              .attention = "attn",
              .add1 = "add_attention",
              .norm2 = "norm2",
              .fc1 = "mlp.fc1",
              .act = "mlp.act",
              .fc2 = "mlp.fc2",
              .mlp = "mlp",
              .add2 = "add_mlp"},
    .table = "attn.relative_position_bias_table",
    .bias = "attn.relative_position_bias",
    .order = PadOrder::kShiftThenPad,
    .small_map = SmallMap::kShrinkWindow,
};

constexpr SwinDialect torchvision_dialect() {
  SwinDialect dialect = kTimmDialect;
  dialect.block.attention = "";
  dialect.joined = "attn";
  dialect.block.fc1 = "mlp.0";
  dialect.block.act = "mlp.1";
  dialect.block.fc2 = "mlp.3";
  dialect.order = PadOrder::kPadThenShift;
  dialect.small_map = SmallMap::kPad;
  return dialect;
}
constexpr SwinDialect kTorchvisionDialect = torchvision_dialect();

constexpr SwinDialect kTransformersDialect{
    .block = {.norm1 = "layernorm_before",
              .query = "attention.self.query",
              .key = "attention.self.key",
              .value = "attention.self.value",
              .mix = "attention.self",
              .out = "attention.output.dense",
              .attention = "attention",
              .attention_output = "attention.output",
              .add1 = "add_attention",
              .norm2 = "layernorm_after",
              .fc1 = "intermediate.dense",
              .act = "intermediate",
              .fc2 = "output.dense",
              .mlp = "output",
              .add2 = "add_output"},
    .table = "attention.self.relative_position_bias_table",
    .bias = "attention.self.relative_position_bias",
    .order = PadOrder::kPadThenShift,
    .small_map = SmallMap::kRefuse,
};

constexpr std::string_view kPosition = "embeddings.position_embeddings";
constexpr std::array<std::string_view, 2> kUnused{"embeddings.mask_token", "decoder."};

// Indices and masks that some versions of the libraries save beside the tables.
bool is_buffer(std::string_view name) {
  return name.ends_with("relative_position_index") || name.ends_with("attn_mask");
}

ParameterMap without_buffers(std::map<std::string, Tensor> tensors) {
  ParameterMap parameters;
  for (auto& [name, tensor] : tensors) {
    if (!is_buffer(name)) {
      parameters.emplace(name, std::move(tensor));
    }
  }
  return parameters;
}

// Sizes of the patch convolution, by its weight.
Result<std::int64_t> read_patches(const ParameterMap& parameters, const std::string& path, SwinConfig& config,
                                  std::string_view source) {
  std::int64_t dim = 0;
  for (const auto& [target, axis] :
       {std::pair<std::int64_t*, std::size_t>{&dim, 0}, std::pair<std::int64_t*, std::size_t>{&config.channels, 1},
        std::pair<std::int64_t*, std::size_t>{&config.patch.height, 2},
        std::pair<std::int64_t*, std::size_t>{&config.patch.width, 3}}) {
    const auto size = parameter_size(parameters, path + ".weight", axis, source);
    if (!size) {
      return std::unexpected(size.error());
    }
    *target = *size;
  }
  return dim;
}

// [rows, height, width, dim], normed.
ValueId patch_map(GraphBuilder& builder, const std::string& convolution, const std::string& norm, ValueId image,
                  const PatchConvolution& patch) {
  const ValueId map = patch_convolution_module(builder, convolution, image, patch);
  const ValueId last = builder.transpose(convolution + ".channels_last", map, {0, 2, 3, 1});
  return layer_norm_module(builder, norm, last, kSwinMergeEpsilon);
}

ValueId mean_of_map(GraphBuilder& builder, const std::string& name, ValueId map) {
  ReduceOptions options;
  options.reduction = Reduction::kMean;
  options.axes = {1, 2};
  return builder.reduce(name, map, options);
}

// What the three builders hand to finish_image_model.
struct Ending {
  ValueId vector{};
  std::string classifier;
  std::int64_t class_count = 0;
};

Result<ImageModel> finish(SwinBody& body, const Ending& ending, ParameterMap parameters, ImageModel model,
                          std::string_view source) {
  model.family = "swin";
  if (ending.class_count > 0) {
    const ValueId logits = linear_module(body.builder(), ending.classifier, ending.vector, ending.class_count);
    body.builder().alias(std::string(kLogits), logits);
  }
  return finish_image_model(body.builder(), ending.vector, std::move(parameters), std::move(model), source);
}

Result<Ending> read_ending(const ImageCheckpoint& checkpoint, const ParameterMap& parameters, std::string classifier) {
  Ending ending;
  const auto declared = declared_classes(checkpoint);
  if (!declared) {
    return std::unexpected(declared.error());
  }
  const auto count = classifier_size(parameters, classifier, *declared, checkpoint.source);
  if (!count) {
    return std::unexpected(count.error());
  }
  ending.classifier = std::move(classifier);
  ending.class_count = *count;
  return ending;
}

// Sizes of timm's and torchvision's models, which the tensors show; the image's are of the configuration or asked for.
Result<SwinConfig> read_by_tensors(const ImageCheckpoint& checkpoint, const ParameterMap& parameters,
                                   const std::string& convolution, const ImageModelOptions& options) {
  SwinConfig config;
  if (const auto dim = read_patches(parameters, convolution, config, checkpoint.source); !dim) {
    return std::unexpected(dim.error());
  }
  const auto size = image_size(checkpoint, options);
  if (!size) {
    return std::unexpected(size.error());
  }
  const auto wanted = wanted_image(options, {size->height, size->width}, config.patch, checkpoint.source);
  if (!wanted) {
    return std::unexpected(wanted.error());
  }
  config.wanted = *wanted;
  // What a longer or wider kernel would silently cut off; both libraries' patches are squares.
  if (config.patch.height != config.patch.width || wanted->height % config.patch.height != 0 ||
      wanted->width % config.patch.width != 0) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: image size: expected a multiple of a square patch, found {} x {} and a patch of {} x {}",
                    checkpoint.source, wanted->height, wanted->width, config.patch.height, config.patch.width),
        "choose another image size");
  }
  return config;
}

// "num_heads" and "qkv_bias" of timm's "model_args", where they are given.
Result<std::vector<std::int64_t>> read_arguments(const ImageCheckpoint& checkpoint, SwinConfig& config) {
  const Json arguments = checkpoint.config.value("model_args", Json::object());
  const auto bias = read_flag(arguments, "qkv_bias", true, checkpoint.source);
  if (!bias) {
    return std::unexpected(bias.error());
  }
  config.qkv_bias = *bias;
  return arguments.contains("num_heads") ? read_sizes(arguments, "num_heads", kHiddenSizeMax, checkpoint.source)
                                         : Result<std::vector<std::int64_t>>();
}

}  // namespace

Result<ImageModel> build_swin_timm(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string& source = checkpoint.source;
  if (auto ok = expect_plain_timm(checkpoint, {"img_size", "patch_size", "embed_dim", "depths", "num_heads",
                                               "window_size", "mlp_ratio", "qkv_bias", "strict_img_size",
                                               "dynamic_img_size", "proj_drop_rate", "attn_drop_rate", "weight_init"});
      !ok) {
    return std::unexpected(ok.error());
  }
  ParameterMap parameters = without_buffers(std::move(checkpoint.tensors));
  auto config = read_by_tensors(checkpoint, parameters, "patch_embed.proj", options);
  auto ending = read_ending(checkpoint, parameters, "head.fc");
  if (!config || !ending) {
    return std::unexpected(config ? ending.error() : config.error());
  }
  // The first stage's map is the largest: its table has the whole window, which later ones may have been cut to.
  const std::string first = fmt::format("layers.0.blocks.0.{}", kTimmDialect.table);
  const auto rows = parameter_size(parameters, first, 0, source);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  config->window = square_window(*rows, ClassRows::kNone);
  const auto heads = read_arguments(checkpoint, *config);
  if (!heads) {
    return std::unexpected(heads.error());
  }
  SwinBody body(kTimmDialect, *config, parameters, source);
  GraphBuilder& builder = body.builder();
  const std::int64_t dim = parameters.find("patch_embed.proj.weight")->second.shape()[0];
  ValueId hidden =
      patch_map(builder, "patch_embed.proj", "patch_embed.norm", image_input(builder, config->channels, config->wanted),
                {dim, {config->patch.height, config->patch.width}});
  builder.alias("patch_embed", hidden);
  const std::int64_t stage_count = count_numbered(parameters, "layers.", ".blocks.0.norm1.weight");
  for (std::int64_t i = 0; i < stage_count; ++i) {
    SwinStage stage;
    stage.name = fmt::format("layers.{}", i);
    stage.blocks = stage.name + ".blocks.";
    stage.downsample = i > 0 ? stage.name + ".downsample" : "";
    stage.head_count = static_cast<std::size_t>(i) < heads->size() ? (*heads)[static_cast<std::size_t>(i)] : 0;
    stage.block_count = count_numbered(parameters, stage.blocks, ".norm1.weight");
    const auto result = body.stage(stage, hidden);
    if (!result) {
      return std::unexpected(result.error());
    }
    hidden = *result;
    feature_alias(builder, i, hidden);
  }
  builder.alias("layers", hidden);
  const ValueId normed = layer_norm_module(builder, "norm", hidden, kSwinMergeEpsilon);
  builder.alias(std::string(kForwardFeatures), normed);
  ending->vector = mean_of_map(builder, "head.global_pool", normed);
  ImageModel model;
  model.architecture = architecture_of(checkpoint);
  model.dialect = kTimm;
  return finish(body, *ending, std::move(parameters), std::move(model), source);
}

Result<ImageModel> build_swin_torchvision(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string& source = checkpoint.source;
  ParameterMap parameters = without_buffers(std::move(checkpoint.tensors));
  const auto config = read_by_tensors(checkpoint, parameters, "features.0.0", options);
  auto ending = read_ending(checkpoint, parameters, "head");
  if (!config || !ending) {
    return std::unexpected(config ? ending.error() : config.error());
  }
  SwinBody body(kTorchvisionDialect, *config, parameters, source);
  GraphBuilder& builder = body.builder();
  const std::int64_t dim = parameters.find("features.0.0.weight")->second.shape()[0];
  ValueId hidden =
      patch_map(builder, "features.0.0", "features.0.2", image_input(builder, config->channels, config->wanted),
                {dim, {config->patch.height, config->patch.width}});
  builder.alias("features.0", hidden);
  for (std::int64_t i = 0; parameters.contains(fmt::format("features.{}.0.norm1.weight", 2 * i + 1)); ++i) {
    SwinStage stage;
    stage.name = fmt::format("features.{}", 2 * i + 1);
    stage.blocks = stage.name + ".";
    stage.downsample = i > 0 ? fmt::format("features.{}", 2 * i) : "";
    stage.block_count = count_numbered(parameters, stage.blocks, ".norm1.weight");
    const auto result = body.stage(stage, hidden);
    if (!result) {
      return std::unexpected(result.error());
    }
    hidden = *result;
  }
  builder.alias("features", hidden);
  const ValueId normed = layer_norm_module(builder, "norm", hidden, kSwinMergeEpsilon);
  const ValueId permuted = builder.transpose("permute", normed, {0, 3, 1, 2});
  builder.alias(std::string(kForwardFeatures), permuted);
  ending->vector = mean_of_map(builder, "flatten", normed);
  ImageModel model;
  model.architecture = architecture_of(checkpoint);
  model.dialect = kTorchvision;
  return finish(body, *ending, std::move(parameters), std::move(model), source);
}

namespace {

struct TransformersSwin {
  SwinConfig body;
  Grid trained;
  std::int64_t hidden_size = 0;  // of the first stage
  std::vector<std::int64_t> depths;
  std::vector<std::int64_t> head_counts;  // as many
  bool positions = false;
};

Result<TransformersSwin> read_transformers(const ImageCheckpoint& checkpoint, const ImageModelOptions& options) {
  const Json& json = checkpoint.config;
  const std::string_view source = checkpoint.source;
  VitDefaults defaults;
  defaults.patch_size = 4;
  defaults.epsilon = 1e-5;
  Json readable = json;
  // Of a stage each here, of the last in "hidden_size": not what a ViT's configuration means by these.
  readable.erase("hidden_size");
  readable.erase("num_attention_heads");
  const auto vit = read_vit_config(readable, defaults, options, source);
  const auto dim = read_size(json, {"embed_dim", kHiddenSizeMax, 96}, source);
  const auto window = read_size(json, {"window_size", kPatchSizeMax, 7}, source);
  const auto positions = read_flag(json, "use_absolute_embeddings", false, source);
  const auto depths = json.contains("depths") ? read_sizes(json, "depths", kLayerCountMax, source)
                                              : Result<std::vector<std::int64_t>>({2, 2, 6, 2});
  const auto heads = json.contains("num_heads") ? read_sizes(json, "num_heads", kHiddenSizeMax, source)
                                                : Result<std::vector<std::int64_t>>({3, 6, 12, 24});
  const auto qkv_bias = read_flag(json, "qkv_bias", true, source);
  for (const Error* error :
       {vit ? nullptr : &vit.error(), dim ? nullptr : &dim.error(), window ? nullptr : &window.error(),
        positions ? nullptr : &positions.error(), depths ? nullptr : &depths.error(), heads ? nullptr : &heads.error(),
        qkv_bias ? nullptr : &qkv_bias.error()}) {
    if (error != nullptr) {
      return std::unexpected(*error);
    }
  }
  TransformersSwin out;
  out.body.patch = vit->patch;
  out.body.wanted = vit->wanted;
  out.body.channels = vit->channels;
  out.body.window = {*window, *window};
  out.body.epsilon = vit->block.epsilon;
  out.body.activation = vit->block.activation;
  out.trained = vit->trained_grid();
  out.hidden_size = *dim;
  out.depths = *depths;
  out.head_counts = *heads;
  out.body.qkv_bias = *qkv_bias;
  if (heads->size() != depths->size()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"num_heads\": expected {} numbers, as in \"depths\", found {}",
                                                 source, depths->size(), heads->size()));
  }
  out.positions = *positions;
  return out;
}

// The image with zeros at its end, up to a multiple of the patch.
ValueId padded_image(GraphBuilder& builder, const SwinConfig& config) {
  const ValueId image = image_input(builder, config.channels, config.wanted);
  const auto missing = [](std::int64_t size, std::int64_t step) { return (step - size % step) % step; };
  const std::int64_t bottom = missing(config.wanted.height, config.patch.height);
  const std::int64_t right = missing(config.wanted.width, config.patch.width);
  return bottom + right == 0 ? image : builder.pad("input.pad", image, {0, 0, 0, 0}, {0, 0, bottom, right});
}

ValueId as_tokens(GraphBuilder& builder, const std::string& name, ValueId map) {
  const Shape shape = builder.shape(map);
  return shape.size() == 4 ? builder.reshape(name, map, {shape[1] * shape[2], shape[3]}) : map;
}

ValueId position_added(GraphBuilder& builder, ValueId map) {
  const Shape shape = builder.shape(map);
  if (shape.size() != 4) {
    return map;  // an error already, which finish() reports
  }
  const ValueId tokens = as_tokens(builder, "embeddings.norm.tokens", map);
  const ValueId table = builder.parameter(std::string(kPosition), {1, shape[1] * shape[2], shape[3]});
  return builder.reshape("embeddings.map", builder.add("embeddings.add_position", tokens, table),
                         {shape[1], shape[2], shape[3]});
}

Result<ValueId> transformers_stages(SwinBody& body, const TransformersSwin& config, ValueId embedded) {
  GraphBuilder& builder = body.builder();
  ValueId hidden = embedded;
  for (std::size_t i = 0; i < config.depths.size(); ++i) {
    const std::string path = fmt::format("encoder.layers.{}", i);
    SwinStage stage;
    stage.blocks = path + ".blocks.";
    stage.block_count = config.depths[i];
    stage.head_count = config.head_counts[i];
    auto result = body.blocks(stage, hidden);
    if (result && i + 1 < config.depths.size()) {
      result = body.merge(path + ".downsample", *result);
    }
    if (!result) {
      return result;
    }
    hidden = *result;
    const ValueId tokens = as_tokens(builder, path, hidden);
    feature_alias(builder, static_cast<std::int64_t>(i) + 1, tokens);
  }
  return hidden;
}

}  // namespace

Result<ImageModel> build_swin_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string& source = checkpoint.source;
  const auto config = read_transformers(checkpoint, options);
  if (!config) {
    return std::unexpected(config.error());
  }
  std::erase_if(checkpoint.tensors, [](const auto& entry) { return is_buffer(entry.first); });
  auto parameters = map_checkpoint_names(std::move(checkpoint.tensors), {"swin.", kUnused}, source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  auto ending = read_ending(checkpoint, *parameters, "classifier");
  if (!ending) {
    return std::unexpected(ending.error());
  }
  SwinBody body(kTransformersDialect, config->body, *parameters, source);
  GraphBuilder& builder = body.builder();
  ValueId hidden = patch_map(builder, "embeddings.patch_embeddings.projection", "embeddings.norm",
                             padded_image(builder, config->body),
                             {config->hidden_size, {config->body.patch.height, config->body.patch.width}});
  if (config->positions) {
    const Shape& map = builder.shape(hidden);
    const PositionFit fit{std::string(kPosition), 0, config->trained,
                          map.size() == 4 ? Grid{map[1], map[2]} : config->trained};
    if (auto ok = fit_position_table(*parameters, fit, source); !ok) {
      return std::unexpected(ok.error());
    }
    hidden = position_added(builder, hidden);
  }
  const ValueId embedded = as_tokens(builder, "embeddings", hidden);
  feature_alias(builder, 0, embedded);
  const auto encoded = transformers_stages(body, *config, hidden);
  if (!encoded) {
    return std::unexpected(encoded.error());
  }
  const ValueId tokens = as_tokens(builder, "encoder", *encoded);
  const ValueId normed = layer_norm_module(builder, "layernorm", tokens, config->body.epsilon);
  builder.alias("last_hidden_state", normed);
  builder.alias(std::string(kForwardFeatures), normed);
  ending->vector = mean_of_tokens(builder, "pooler", normed, 0);
  builder.alias("pooler_output", ending->vector);
  ImageModel model;
  model.architecture = "swin";
  model.dialect = kTransformers;
  return finish(body, *ending, *std::move(parameters), std::move(model), source);
}

}  // namespace asterism
