// EfficientNet B0 to B8 and EfficientNet-Lite in four dialects: timm, torchvision, transformers, EfficientNet-PyTorch.
//
// Source: Tan and Le 2019, table 1 (strides of the seven stages); timm 1.0.31 efficientnet.py, torchvision 0.29
// efficientnet.py, transformers 5.23 modeling_efficientnet.py, efficientnet_lite_pytorch 0.1.0 model.py. Depths,
// widths, kernels and squeeze-and-excite are read from the tensors. "asterism_efficientnet" is a type of our own: any
// depth, under the names of the last (shortened_efficientnet.hpp). Lite has ReLU6 and no squeeze-and-excite.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/image_config.hpp"
#include "models/image_families.hpp"
#include "models/mbconv.hpp"
#include "models/shortened_efficientnet.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

constexpr std::array<std::int64_t, 7> kStrides{1, 2, 2, 2, 1, 2, 1};
// TensorFlow's batch norm, and whatever was converted from there.
constexpr double kTensorflowEpsilon = 1e-3;
constexpr double kTorchEpsilon = 1e-5;
constexpr std::string_view kEfficientnetPytorch = "efficientnet_pytorch";

struct Walk {
  ConvGraph& graph;
  ImageSize size;
  DeclaredClasses classes;
};

// efficientnet_b0 to b8, efficientnet_lite0 to lite4, each also as tf_...: V2, EdgeTPU, blur pooling, group norm and
// the pruned ones are other networks.
bool is_known(std::string_view name) {
  if (name.starts_with("tf_")) {
    name.remove_prefix(3);
  }
  for (const auto& [prefix, last] : {std::pair{"efficientnet_b", '8'}, std::pair{"efficientnet_lite", '4'}}) {
    if (name.starts_with(prefix)) {
      name.remove_prefix(std::string_view(prefix).size());
      return name.size() == 1 && name[0] >= '0' && name[0] <= last;
    }
  }
  return false;
}

void build_timm(const Walk& walk, const MbConvStyle& style) {
  ConvGraph& graph = walk.graph;
  ValueId x = graph.input("conv_stem.weight", walk.size.height, walk.size.width);
  ConvUnit stem = timm_unit("conv_stem", "bn1", style);
  stem.options.stride = 2;
  x = graph.conv_unit(stem, x);
  std::int64_t feature = 0;
  for (std::size_t stage = 0; stage < kStrides.size(); ++stage) {
    const std::string path = fmt::format("blocks.{}", stage);
    const std::int64_t depth = std::max<std::int64_t>(graph.count(path + ".", "."), 1);
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::int64_t in = graph.channels(x);
      const std::int64_t stride = i == 0 ? kStrides[stage] : 1;
      MbConvBlock block = timm_block(graph, fmt::format("{}.{}", path, i), stride, style);
      const Shape& out = graph.tensor_shape(block.project.conv + ".weight");
      block.shortcut = stride == 1 && !out.empty() && out[0] == in;
      x = mb_conv(graph, block, x);
    }
    graph.alias(path, x);
    if (stage + 1 == kStrides.size() || kStrides[stage + 1] > 1) {
      graph.feature(feature++, x);
    }
  }
  graph.alias("blocks", x);
  x = graph.conv_unit(timm_unit("conv_head", "bn2", style), x);
  graph.alias(std::string(kForwardFeatures), x);
  graph.head("classifier", graph.timm_mean("global_pool", x), walk.classes);
}

void build_torchvision(const Walk& walk) {
  ConvGraph& graph = walk.graph;
  // B5 and larger were converted from TensorFlow with its epsilon. Their second stage is the first with five blocks.
  constexpr std::int64_t kDepthOfB5 = 5;
  MbConvStyle style;
  style.epsilon = graph.count("features.2.", ".") >= kDepthOfB5 ? kTensorflowEpsilon : kTorchEpsilon;
  ValueId x = graph.input("features.0.0.weight", walk.size.height, walk.size.width);
  ConvUnit stem = torchvision_unit("features.0", style);
  stem.options.stride = 2;
  x = graph.conv_unit(stem, x);
  for (std::size_t stage = 0; stage < kStrides.size(); ++stage) {
    const std::string path = fmt::format("features.{}", stage + 1);
    const std::int64_t depth = std::max<std::int64_t>(graph.count(path + ".", "."), 1);
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::int64_t in = graph.channels(x);
      const std::int64_t stride = i == 0 ? kStrides[stage] : 1;
      MbConvBlock block = torchvision_block(graph, fmt::format("{}.{}", path, i), stride, style);
      const Shape& out = graph.tensor_shape(block.project.conv + ".weight");
      block.shortcut = stride == 1 && !out.empty() && out[0] == in;
      x = mb_conv(graph, block, x);
    }
    graph.alias(path, x);
  }
  x = graph.conv_unit(torchvision_unit(fmt::format("features.{}", kStrides.size() + 1), style), x);
  graph.alias("features", x);
  graph.alias(std::string(kForwardFeatures), x);
  const ValueId flat = graph.flatten("flatten", graph.mean_map("avgpool", x));
  graph.alias("classifier.0", flat);
  graph.head("classifier.1", flat, walk.classes);
}

// What the configuration of transformers adds to the tensors.
struct TransformersPlan {
  MbConvStyle style;
  std::vector<std::int64_t> repeats;  // of each stage
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> symmetric;  // indices of the strided blocks whose padding is the same on both sides
};

MbConvBlock transformers_block(const ConvGraph& graph, const std::string& path, const MbConvStyle& style) {
  MbConvBlock block;
  block.path = path;
  const auto unit = [&](const std::string& module, std::string_view stem, std::string_view norm) {
    ConvUnit made;
    made.conv = fmt::format("{}.{}.{}_conv", path, module, stem);
    made.norm = fmt::format("{}.{}.{}", path, module, norm);
    made.activated = fmt::format("{}.{}.{}_act", path, module, stem);
    made.alias = path + "." + module;
    made.epsilon = style.epsilon;
    made.activation = style.activation;
    return made;
  };
  if (graph.has_prefix(path + ".expansion.")) {
    block.expand = unit("expansion", "expand", "expand_bn");
  }
  block.depthwise = unit("depthwise_conv", "depthwise", "depthwise_norm");
  block.depthwise.options.groups = ConvGroups::kDepthwise;
  const std::string se = path + ".squeeze_excite";
  block.squeeze_excite = SqueezeExcite{se,
                                       se + ".squeeze",
                                       se + ".reduce",
                                       se + ".act_reduce",
                                       se + ".expand",
                                       se + ".act_expand",
                                       style.activation,
                                       Activation::kSigmoid};
  block.project = unit("projection", "project", "project_bn");
  block.project.activated.clear();
  block.project.alias.clear();
  return block;
}

// Half of the kernel before and after, or one less before: EfficientNetDepthwiseLayer.
void pad_strided(ConvUnit& unit, const Shape& weight, bool symmetric) {
  const std::int64_t half = weight.size() == 4 ? weight[3] / 2 : 0;
  const std::int64_t before = symmetric ? half : half - 1;
  unit.options.padding_rule = ConvPadding::kGiven;
  unit.options.padding = {before, before, half, half};
}

ValueId transformers_blocks(ConvGraph& graph, const TransformersPlan& plan, ValueId x) {
  std::int64_t index = 0;
  for (std::size_t stage = 0; stage < plan.repeats.size(); ++stage) {
    for (std::int64_t i = 0; i < plan.repeats[stage]; ++i, ++index) {
      const std::string path = fmt::format("encoder.blocks.{}", index);
      MbConvBlock block = transformers_block(graph, path, plan.style);
      block.depthwise.options.stride = i == 0 ? plan.strides[stage] : 1;
      if (block.depthwise.options.stride == 2) {
        pad_strided(block.depthwise, graph.tensor_shape(block.depthwise.conv + ".weight"),
                    std::ranges::count(plan.symmetric, index) > 0);
      }
      block.shortcut = i > 0;
      x = mb_conv(graph, block, x);
      graph.alias(path + ".projection", x);
      graph.feature(index + 1, x);
    }
  }
  return x;
}

void build_transformers(const Walk& walk, const TransformersPlan& plan) {
  ConvGraph& graph = walk.graph;
  ValueId x = graph.input("embeddings.convolution.weight", walk.size.height, walk.size.width);
  x = graph.conv_unit({.conv = "embeddings.convolution",
                       .norm = "embeddings.batchnorm",
                       .activated = "embeddings.activation",
                       .alias = "embeddings",
                       .options = {.stride = 2, .padding_rule = ConvPadding::kGiven, .padding = {0, 0, 1, 1}},
                       .epsilon = plan.style.epsilon,
                       .activation = plan.style.activation},
                      x);
  graph.feature(0, x);
  x = transformers_blocks(graph, plan, x);
  x = graph.conv_unit({.conv = "encoder.top_conv",
                       .norm = "encoder.top_bn",
                       .activated = "encoder.top_activation",
                       .alias = "encoder",
                       .epsilon = plan.style.epsilon,
                       .activation = plan.style.activation},
                      x);
  graph.alias(std::string(kForwardFeatures), x);
  const ValueId flat = graph.flatten("pooler.flatten", graph.mean_map("pooler", x));
  graph.alias("dropout", flat);
  graph.head("classifier", flat, walk.classes);
}

Result<TransformersPlan> read_transformers_plan(const Json& config, const std::string& source) {
  TransformersPlan plan;
  auto repeats = read_sizes(config, "num_block_repeats", kLayerCountMax, source);
  auto strides = read_sizes(config, "strides", 2, source);
  if (!repeats || !strides) {
    return std::unexpected(repeats ? strides.error() : repeats.error());
  }
  ConfigReader reader(config, source);
  const double depth = reader.value("depth_coefficient", 3.1);
  plan.style.activation = reader.activation("hidden_act", "swish");
  plan.style.epsilon = reader.value("batch_norm_eps", kTensorflowEpsilon);
  reader.word("pooling_type", "mean", {"mean"});
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  if (strides->size() != repeats->size() || !(depth > 0.0 && depth < 64.0)) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: expected as many \"strides\" as \"num_block_repeats\" and \"depth_coefficient\" in 0 to "
                    "64, found {}, {} and {}",
                    source, strides->size(), repeats->size(), depth));
  }
  for (std::int64_t& count : *repeats) {
    count = static_cast<std::int64_t>(std::ceil(depth * static_cast<double>(count)));
  }
  if (const auto symmetric = config.find("depthwise_padding"); symmetric != config.end() && symmetric->is_array()) {
    for (const Json& index : *symmetric) {
      plan.symmetric.push_back(index.is_number_integer() ? index.get<std::int64_t>() : -1);
    }
  }
  plan.repeats = std::move(*repeats);
  plan.strides = std::move(*strides);
  return plan;
}

ConvUnit pytorch_unit(const std::string& conv, const std::string& norm, const std::string& activated,
                      const MbConvStyle& style) {
  ConvUnit unit;
  unit.conv = conv;
  unit.norm = norm;
  unit.activated = activated;
  unit.options.padding_rule = ConvPadding::kSame;
  unit.epsilon = style.epsilon;
  unit.activation = style.activation;
  return unit;
}

MbConvBlock pytorch_block(const ConvGraph& graph, const std::string& path, const MbConvStyle& style) {
  MbConvBlock block;
  block.path = path;
  if (graph.has(path + "._expand_conv.weight")) {
    block.expand = pytorch_unit(path + "._expand_conv", path + "._bn0", path + "._swish.0", style);
  }
  // One module is called several times: the last call has its name.
  const bool squeezes = graph.has(path + "._se_reduce.weight");
  block.depthwise =
      pytorch_unit(path + "._depthwise_conv", path + "._bn1", path + (squeezes ? "._swish.1" : "._swish"), style);
  block.depthwise.options.groups = ConvGroups::kDepthwise;
  if (squeezes) {
    const std::string se = path + "._se";
    block.squeeze_excite =
        SqueezeExcite{se,           se + ".mean",     path + "._se_reduce", se + ".swish", path + "._se_expand",
                      se + ".gate", style.activation, Activation::kSigmoid};
  }
  block.project = pytorch_unit(path + "._project_conv", path + "._bn2", "", style);
  return block;
}

// The blocks are numbered through. A stage begins where the channels change: they do at every stage of every
// EfficientNet.
void build_pytorch(const Walk& walk) {
  ConvGraph& graph = walk.graph;
  MbConvStyle style;
  style.epsilon = kTensorflowEpsilon;
  style.activation = graph.has("_blocks.0._se_reduce.weight") ? Activation::kSilu : Activation::kRelu6;
  ValueId x = graph.input("_conv_stem.weight", walk.size.height, walk.size.width);
  ConvUnit stem = pytorch_unit("_conv_stem", "_bn0", "_swish.0", style);
  stem.options.stride = 2;
  x = graph.conv_unit(stem, x);
  const std::int64_t count = std::max<std::int64_t>(graph.count("_blocks.", "."), 1);
  std::size_t stage = 0;
  std::int64_t feature = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t in = graph.channels(x);
    MbConvBlock block = pytorch_block(graph, fmt::format("_blocks.{}", i), style);
    const Shape& out = graph.tensor_shape(block.project.conv + ".weight");
    const bool first = !out.empty() && out[0] != in;
    const std::int64_t stride = first && stage < kStrides.size() ? kStrides[stage] : 1;
    stage += first ? 1 : 0;
    if (stride > 1) {
      graph.feature(feature++, x);
    }
    block.depthwise.options.stride = stride;
    block.shortcut = !first;
    x = mb_conv(graph, block, x);
  }
  graph.feature(feature, x);
  graph.alias("_blocks", x);
  x = graph.conv_unit(pytorch_unit("_conv_head", "_bn1", "_swish", style), x);
  graph.alias(std::string(kForwardFeatures), x);
  const ValueId flat = graph.flatten("_dropout", graph.mean_map("_avg_pooling", x));
  graph.head("_fc", flat, walk.classes);
}

// B0 to B8 of timm; `tf_` ones pad as TensorFlow does, and arguments of the model may say otherwise.
Result<MbConvStyle> timm_style(const ImageCheckpoint& checkpoint) {
  const std::string architecture = architecture_of(checkpoint);
  if (!is_known(architecture)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: architecture \"{}\": this variant of EfficientNet is not implemented",
                            checkpoint.source, architecture),
                "use EfficientNet B0 to B8 or Lite0 to Lite4");
  }
  if (auto ok = expect_plain_timm(checkpoint, {"pad_type", "bn_eps", "bn_momentum"}); !ok) {
    return std::unexpected(ok.error());
  }
  const bool tensorflow = architecture.starts_with("tf_");
  ConfigReader arguments(object_member(checkpoint.config, "model_args"), checkpoint.source);
  const std::string padding = arguments.word("pad_type", tensorflow ? "same" : "", {"same", ""});
  MbConvStyle style;
  style.epsilon = arguments.value("bn_eps", tensorflow ? kTensorflowEpsilon : kTorchEpsilon);
  style.padding = padding == "same" ? ConvPadding::kSame : ConvPadding::kHalf;
  if (auto ok = arguments.done(); !ok) {
    return std::unexpected(ok.error());
  }
  style.activation = architecture.find("lite") == std::string::npos ? Activation::kSilu : Activation::kRelu6;
  return style;
}

}  // namespace

bool has_efficientnet_names(const std::map<std::string, Tensor>& tensors) {
  const bool torchvision =
      tensors.contains("features.0.0.weight") && tensors.contains("features.1.0.block.1.fc1.weight");
  return torchvision || tensors.contains("_blocks.0._depthwise_conv.weight");
}

Result<ImageModel> build_efficientnet(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  const auto size = image_size(checkpoint, options);
  const auto classes = declared_classes(checkpoint);
  if (!size || !classes) {
    return std::unexpected(size ? classes.error() : size.error());
  }
  if (dialect == kTransformers && !has_efficientnet_pytorch_names(checkpoint)) {
    strip_prefix(checkpoint.tensors, "efficientnet.");
  }
  ConvGraph graph(
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      checkpoint.source);
  const Walk walk{graph, *size, *classes};
  ImageModel model;
  if (graph.has("_conv_stem.weight")) {
    model.dialect = kEfficientnetPytorch;
    build_pytorch(walk);
  } else if (dialect == kTransformers) {
    const auto plan = read_transformers_plan(checkpoint.config, checkpoint.source);
    if (!plan) {
      return std::unexpected(plan.error());
    }
    build_transformers(walk, *plan);
  } else if (dialect == kTimm) {
    const auto style = timm_style(checkpoint);
    if (!style) {
      return std::unexpected(style.error());
    }
    build_timm(walk, *style);
  } else {
    build_torchvision(walk);
  }
  return graph.finish(std::move(model));
}

}  // namespace asterism
