// ConvNeXt (V1) of timm, torchvision and transformers.
//
// Source: Liu et al. 2022; timm 1.0.31 convnext.py, torchvision 0.29 convnext.py, transformers 5.23
// modeling_convnext.py. Depths, widths, the stem, the kind of MLP and of head are read from the tensors.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/conv_graph.hpp"
#include "models/image_config.hpp"
#include "models/image_families.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kStageCount = 4;
constexpr double kEpsilon = 1e-6;
constexpr double kEpsilonOfXxlarge = 1e-5;

// Names of timm; those with "_ols" have a stem of two 3 x 3 convolutions.
constexpr std::array<std::string_view, 14> kTimmNames{
    "convnext_atto",     "convnext_atto_ols", "convnext_femto",    "convnext_femto_ols", "convnext_pico",
    "convnext_pico_ols", "convnext_nano",     "convnext_nano_ols", "convnext_tiny",      "convnext_tiny_hnf",
    "convnext_small",    "convnext_base",     "convnext_large",    "convnext_large_mlp",
};
constexpr std::array<std::string_view, 2> kTimmLargeNames{"convnext_xlarge", "convnext_xxlarge"};

// The modules of one block, after its path.
struct BlockNames {
  std::string_view depthwise, norm, wide, active, narrow, scale;
  // Another name of what the last layer gives; the maps again, before the shortcut.
  std::string_view mlp, maps;
};
constexpr BlockNames kTimmBlock{"conv_dw", "norm", "mlp.fc1", "mlp.act", "mlp.fc2", "gamma", "mlp", "channels_first"};
constexpr BlockNames kTransformersBlock{"dwconv", "layernorm",     "pwconv1", "act", "pwconv2", "layer_scale_parameter",
                                        "",       "channels_first"};
constexpr BlockNames kTorchvisionBlock{"block.0", "block.2",     "block.3", "block.4",
                                       "block.5", "layer_scale", "",        "block"};

struct ConvnextPlan {
  ImageSize size;
  DeclaredClasses classes;
  double epsilon = kEpsilon;
  Activation activation = Activation::kGeluErf;
};

class ConvnextGraph {
 public:
  ConvnextGraph(ConvGraph& graph, const ConvnextPlan& plan, const BlockNames& names)
      : graph_(graph), plan_(plan), names_(names) {}

  // Depthwise convolution, norm over channels, two linear layers, layer scale, shortcut.
  ValueId block(const std::string& path, ValueId x) {
    const auto name = [&](std::string_view leaf) { return fmt::format("{}.{}", path, leaf); };
    const ValueId spread = graph_.conv(name(names_.depthwise), x, {.groups = ConvGroups::kDepthwise});
    const bool convolves = graph_.tensor_shape(name(names_.wide) + ".weight").size() == 4;
    ValueId y = convolves ? convolved(name, spread) : linear(name, spread);
    return graph_.add(path, y, x);
  }

  ValueId stage(const std::string& path, const std::string& block_prefix, ValueId x) {
    const std::int64_t depth = std::max<std::int64_t>(graph_.count(block_prefix, "."), 1);
    for (std::int64_t i = 0; i < depth; ++i) {
      x = block(fmt::format("{}{}", block_prefix, i), x);
    }
    graph_.alias(path, x);
    return x;
  }

  // Norm and a 2 x 2 convolution with stride 2: `path`.0 and `path`.1.
  ValueId downsample(const std::string& path, ValueId x) {
    const ValueId normed = graph_.layer_norm_2d(path + ".0", x, plan_.epsilon);
    const ValueId y = graph_.conv(path + ".1", normed, {.stride = 2, .padding_rule = ConvPadding::kNone});
    graph_.alias(path, y);
    return y;
  }

  // One convolution of as many pixels as it moves.
  ValueId patches(const std::string& path, ValueId x) {
    const Shape& weight = graph_.tensor_shape(path + ".weight");
    const std::int64_t patch = weight.size() == 4 ? weight[2] : 1;
    return graph_.conv(path, x, {.stride = patch, .padding_rule = ConvPadding::kNone});
  }

 private:
  // As 1 x 1 convolutions of maps: the small models of timm.
  template <typename Name>
  ValueId convolved(const Name& name, ValueId x) {
    const ValueId normed = graph_.layer_norm_2d(name(names_.norm), x, plan_.epsilon);
    const ValueId wide = graph_.conv(name(names_.wide), normed);
    const ValueId active = graph_.activation(name(names_.active), wide, plan_.activation);
    const ValueId narrow = graph_.conv(name(names_.narrow), active);
    name_mlp(name, narrow);
    const std::string scale = name(names_.scale);
    if (!graph_.has(scale)) {
      return narrow;
    }
    graph_.flatten_parameter(scale, 3);
    return graph_.multiply(name("scaled"), narrow, graph_.parameter(scale, {graph_.channels(narrow), 1, 1}));
  }

  // As linear layers over the last dimension.
  template <typename Name>
  ValueId linear(const Name& name, ValueId x) {
    const ValueId last = graph_.transpose(name("channels_last"), x, {0, 2, 3, 1});
    const ValueId normed = graph_.layer_norm(name(names_.norm), last, plan_.epsilon);
    const ValueId wide = graph_.linear(name(names_.wide), normed);
    const ValueId active = graph_.activation(name(names_.active), wide, plan_.activation);
    const ValueId narrow = graph_.linear(name(names_.narrow), active);
    name_mlp(name, narrow);
    const std::string scale = name(names_.scale);
    // torchvision scales maps, [c, 1, 1]; the others scale vectors, [c].
    const bool of_maps = graph_.tensor_shape(scale).size() == 3;
    ValueId y = narrow;
    if (graph_.has(scale) && !of_maps) {
      y = graph_.multiply(name("scaled"), y, graph_.parameter(scale, {graph_.width(narrow)}));
    }
    y = graph_.transpose(name(names_.maps), y, {0, 3, 1, 2});
    if (graph_.has(scale) && of_maps) {
      y = graph_.multiply(name("scaled"), y, graph_.parameter(scale, {graph_.channels(y), 1, 1}));
    }
    return y;
  }

  template <typename Name>
  void name_mlp(const Name& name, ValueId narrow) {
    if (!names_.mlp.empty()) {
      graph_.alias(name(names_.mlp), narrow);
    }
  }

  ConvGraph& graph_;
  const ConvnextPlan& plan_;
  const BlockNames& names_;
};

ValueId timm_stem(ConvGraph& graph, ConvnextGraph& layers, const ConvnextPlan& plan) {
  ValueId x = graph.input("stem.0.weight", plan.size.height, plan.size.width);
  std::string norm = "stem.1";
  if (graph.tensor_shape("stem.1.weight").size() == 4) {
    x = graph.conv("stem.1", graph.conv("stem.0", x, {.stride = 2}), {.stride = 2});
    norm = "stem.2";
  } else {
    x = layers.patches("stem.0", x);
  }
  x = graph.layer_norm_2d(norm, x, plan.epsilon);
  graph.alias("stem", x);
  return x;
}

void build_timm(ConvGraph& graph, const ConvnextPlan& plan) {
  ConvnextGraph layers(graph, plan, kTimmBlock);
  ValueId x = timm_stem(graph, layers, plan);
  for (std::int64_t i = 0; i < kStageCount; ++i) {
    const std::string path = fmt::format("stages.{}", i);
    if (graph.has_prefix(path + ".downsample.")) {
      x = layers.downsample(path + ".downsample", x);
    }
    x = layers.stage(path, path + ".blocks.", x);
    graph.alias(path + ".blocks", x);
    graph.feature(i, x);
  }
  graph.alias("stages", x);
  const bool norm_first = graph.has("norm_pre.weight");
  if (norm_first) {
    x = graph.layer_norm_2d("norm_pre", x, plan.epsilon);
  }
  graph.alias(std::string(kForwardFeatures), x);
  x = graph.mean("head.global_pool", x);
  if (!norm_first) {
    x = graph.layer_norm("head.norm", x, plan.epsilon);
  }
  if (graph.has("head.pre_logits.fc.weight")) {
    x = graph.activation("head.pre_logits.act", graph.linear("head.pre_logits.fc", x), Activation::kGeluErf);
    graph.alias("head.pre_logits", x);
  }
  graph.head("head.fc", x, plan.classes);
}

void build_transformers(ConvGraph& graph, const ConvnextPlan& plan, double final_epsilon) {
  ConvnextGraph layers(graph, plan, kTransformersBlock);
  ValueId x = graph.input("embeddings.patch_embeddings.weight", plan.size.height, plan.size.width);
  x = graph.layer_norm_2d("embeddings.layernorm", layers.patches("embeddings.patch_embeddings", x), plan.epsilon);
  graph.alias("embeddings", x);
  graph.feature(0, x);
  const std::int64_t stages = std::max<std::int64_t>(graph.count("encoder.stages.", "."), 1);
  for (std::int64_t i = 0; i < stages; ++i) {
    const std::string path = fmt::format("encoder.stages.{}", i);
    if (graph.has_prefix(path + ".downsampling_layer.")) {
      x = layers.downsample(path + ".downsampling_layer", x);
    }
    x = layers.stage(path, path + ".layers.", x);
    graph.feature(i + 1, x);
  }
  graph.alias("encoder", x);
  graph.alias(std::string(kForwardFeatures), x);
  graph.head("classifier", graph.layer_norm("layernorm", graph.mean("pooled", x), final_epsilon), plan.classes);
}

// features.1, 3, 5, 7 are stages, 2, 4, 6 what is between them.
void build_torchvision(ConvGraph& graph, const ConvnextPlan& plan) {
  ConvnextGraph layers(graph, plan, kTorchvisionBlock);
  ValueId x = graph.input("features.0.0.weight", plan.size.height, plan.size.width);
  x = graph.layer_norm_2d("features.0.1", layers.patches("features.0.0", x), plan.epsilon);
  graph.alias("features.0", x);
  for (std::int64_t i = 0; i < kStageCount; ++i) {
    const std::string path = fmt::format("features.{}", 2 * i + 1);
    x = layers.stage(path, path + ".", x);
    if (i + 1 < kStageCount) {
      x = layers.downsample(fmt::format("features.{}", 2 * i + 2), x);
    }
  }
  graph.alias("features", x);
  graph.alias(std::string(kForwardFeatures), x);
  x = graph.layer_norm_2d("classifier.0", graph.mean_map("avgpool", x), plan.epsilon);
  graph.head("classifier.2", graph.flatten("classifier.1", x), plan.classes);
}

Result<void> check_timm(const ImageCheckpoint& checkpoint) {
  const std::string architecture = architecture_of(checkpoint);
  if (std::ranges::count(kTimmNames, architecture) + std::ranges::count(kTimmLargeNames, architecture) == 0) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: architecture \"{}\": this variant of ConvNeXt is not implemented", checkpoint.source,
                            architecture),
                "V2 and the variants without LayerNorm are other networks");
  }
  return expect_plain_timm(checkpoint, {"depths", "dims", "patch_size", "ls_init_value", "conv_mlp", "head_hidden_size",
                                        "head_norm_first", "conv_bias", "kernel_sizes", "norm_eps"});
}

}  // namespace

bool has_convnext_names(const std::map<std::string, Tensor>& tensors) {
  return tensors.contains("features.0.0.weight") && tensors.contains("features.1.0.layer_scale");
}

Result<ImageModel> build_convnext(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  const auto size = image_size(checkpoint, options);
  const auto classes = declared_classes(checkpoint);
  if (!size || !classes) {
    return std::unexpected(size ? classes.error() : size.error());
  }
  ConvnextPlan plan{*size, *classes};
  double final_epsilon = plan.epsilon;
  if (dialect == kTimm) {
    if (auto ok = check_timm(checkpoint); !ok) {
      return std::unexpected(ok.error());
    }
    ConfigReader arguments(object_member(checkpoint.config, "model_args"), checkpoint.source);
    const bool xxlarge = architecture_of(checkpoint) == "convnext_xxlarge";
    plan.epsilon = arguments.value("norm_eps", xxlarge ? kEpsilonOfXxlarge : kEpsilon);
    if (auto ok = arguments.done(); !ok) {
      return std::unexpected(ok.error());
    }
  } else if (dialect == kTransformers) {
    strip_prefix(checkpoint.tensors, "convnext.");
    ConfigReader reader(checkpoint.config, checkpoint.source);
    plan.activation = reader.activation("hidden_act", "gelu");
    // Of the last norm only: the others have 1e-6 in the code.
    final_epsilon = reader.value("layer_norm_eps", 1e-12);
    if (auto ok = reader.done(); !ok) {
      return std::unexpected(ok.error());
    }
  }
  ConvGraph graph(
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      checkpoint.source);
  if (dialect == kTimm) {
    build_timm(graph, plan);
  } else if (dialect == kTransformers) {
    build_transformers(graph, plan, final_epsilon);
  } else {
    build_torchvision(graph, plan);
  }
  return graph.finish({});
}

}  // namespace asterism
