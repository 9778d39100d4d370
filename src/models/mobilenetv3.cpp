// MobileNetV3 small and large of timm and torchvision.
//
// Source: Howard et al. 2019, tables 1 and 2 (strides, and where the hard swish begins); timm 1.0.31 mobilenetv3.py,
// torchvision 0.29 mobilenetv3.py. Depths, widths, kernels and squeeze-and-excite are read from the tensors.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "models/image_config.hpp"
#include "models/image_families.hpp"
#include "models/mbconv.hpp"

namespace asterism {
namespace {

constexpr double kEpsilonOfPaper = 1e-3;
constexpr double kTorchEpsilon = 1e-5;

// Strides of the stages of timm (of their first block) and of the blocks of torchvision.
struct Layout {
  std::span<const std::int64_t> stage_strides;
  std::size_t stage_swish = 0;  // the first stage with hard swish
  std::span<const std::int64_t> block_strides;
  std::size_t block_swish = 0;
};

constexpr std::array<std::int64_t, 6> kLargeStages{1, 2, 2, 2, 1, 2};
constexpr std::array<std::int64_t, 15> kLargeBlocks{1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1};
constexpr std::array<std::int64_t, 5> kSmallStages{2, 2, 2, 1, 2};
constexpr std::array<std::int64_t, 11> kSmallBlocks{2, 2, 1, 2, 1, 1, 1, 1, 2, 1, 1};
constexpr Layout kLarge{kLargeStages, 3, kLargeBlocks, 6};
constexpr Layout kSmall{kSmallStages, 2, kSmallBlocks, 3};

constexpr std::array<std::string_view, 6> kTimmNames{
    "mobilenetv3_large_075", "mobilenetv3_large_100", "mobilenetv3_small_050",
    "mobilenetv3_small_075", "mobilenetv3_small_100", "mobilenetv3_large_150d",
};
// Converted from TensorFlow; "minimal" has ReLU everywhere and no squeeze-and-excite.
constexpr std::array<std::string_view, 6> kTensorflowNames{
    "tf_mobilenetv3_large_075", "tf_mobilenetv3_large_100", "tf_mobilenetv3_large_minimal_100",
    "tf_mobilenetv3_small_075", "tf_mobilenetv3_small_100", "tf_mobilenetv3_small_minimal_100",
};

MbConvStyle paper_style() {
  MbConvStyle style;
  style.activation = Activation::kHardSwish;
  style.squeeze_activation = Activation::kRelu;
  style.gate_activation = Activation::kHardSigmoid;
  return style;
}

MbConvStyle with_activation(MbConvStyle style, bool swish) {
  style.activation = swish ? style.activation : Activation::kRelu;
  return style;
}

void mark_shortcut(const ConvGraph& graph, MbConvBlock& block, std::int64_t in) {
  const Shape& out = graph.tensor_shape(block.project.conv + ".weight");
  block.shortcut = block.depthwise.options.stride == 1 && !out.empty() && out[0] == in;
}

// The last stage is of plain convolutions.
ValueId timm_stages(ConvGraph& graph, const Layout& layout, const MbConvStyle& style, ValueId x) {
  std::int64_t feature = 0;
  if (layout.stage_strides[0] > 1) {
    graph.feature(feature++, x);
  }
  for (std::size_t stage = 0; stage < layout.stage_strides.size(); ++stage) {
    const std::string path = fmt::format("blocks.{}", stage);
    const std::int64_t depth = std::max<std::int64_t>(graph.count(path + ".", "."), 1);
    for (std::int64_t i = 0; i < depth; ++i) {
      MbConvBlock block = timm_block(graph, fmt::format("{}.{}", path, i), i == 0 ? layout.stage_strides[stage] : 1,
                                     with_activation(style, stage >= layout.stage_swish));
      mark_shortcut(graph, block, graph.channels(x));
      x = mb_conv(graph, block, x);
    }
    graph.alias(path, x);
    if (stage + 1 < layout.stage_strides.size() && layout.stage_strides[stage + 1] > 1) {
      graph.feature(feature++, x);
    }
  }
  const std::string last = fmt::format("blocks.{}", layout.stage_strides.size());
  const std::int64_t depth = std::max<std::int64_t>(graph.count(last + ".", "."), 1);
  for (std::int64_t i = 0; i < depth; ++i) {
    const std::string path = fmt::format("{}.{}", last, i);
    x = graph.conv_unit(timm_unit(path + ".conv", path + ".bn1", style), x);
    graph.alias(path, x);
  }
  graph.alias(last, x);
  graph.feature(feature, x);
  return x;
}

void build_timm(ConvGraph& graph, const Layout& layout, const MbConvStyle& style, const ImageSize& size,
                const DeclaredClasses& classes) {
  ValueId x = graph.input("conv_stem.weight", size.height, size.width);
  ConvUnit stem = timm_unit("conv_stem", "bn1", style);
  stem.options.stride = 2;
  x = timm_stages(graph, layout, style, graph.conv_unit(stem, x));
  graph.alias("blocks", x);
  graph.alias(std::string(kForwardFeatures), x);
  // The head convolves after pooling.
  const ValueId pooled = graph.mean_map("global_pool", x);
  graph.alias("global_pool.pool", pooled);
  const ValueId head = graph.conv("conv_head", pooled);
  const ValueId flat = graph.flatten("flatten", graph.activation("act2", head, style.activation));
  graph.head("classifier", flat, classes);
}

void build_torchvision(ConvGraph& graph, const Layout& layout, const ImageSize& size, const DeclaredClasses& classes) {
  MbConvStyle style = paper_style();
  style.epsilon = kEpsilonOfPaper;
  ValueId x = graph.input("features.0.0.weight", size.height, size.width);
  ConvUnit stem = torchvision_unit("features.0", style);
  stem.options.stride = 2;
  x = graph.conv_unit(stem, x);
  for (std::size_t i = 0; i < layout.block_strides.size(); ++i) {
    MbConvBlock block = torchvision_block(graph, fmt::format("features.{}", i + 1), layout.block_strides[i],
                                          with_activation(style, i >= layout.block_swish));
    mark_shortcut(graph, block, graph.channels(x));
    x = mb_conv(graph, block, x);
  }
  x = graph.conv_unit(torchvision_unit(fmt::format("features.{}", layout.block_strides.size() + 1), style), x);
  graph.alias("features", x);
  graph.alias(std::string(kForwardFeatures), x);
  x = graph.linear("classifier.0", graph.flatten("flatten", graph.mean_map("avgpool", x)));
  x = graph.activation("classifier.1", x, Activation::kHardSwish);
  graph.alias("classifier.2", x);
  graph.head("classifier.3", x, classes);
}

Result<MbConvStyle> timm_style(const ImageCheckpoint& checkpoint) {
  const std::string architecture = architecture_of(checkpoint);
  const bool tensorflow = std::ranges::count(kTensorflowNames, architecture) > 0;
  if (!tensorflow && std::ranges::count(kTimmNames, architecture) == 0) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: architecture \"{}\": this variant of MobileNetV3 is not "
                                                     "implemented",
                                                     checkpoint.source, architecture));
  }
  if (auto ok = expect_plain_timm(checkpoint, {"pad_type", "bn_eps", "bn_momentum"}); !ok) {
    return std::unexpected(ok.error());
  }
  ConfigReader arguments(object_member(checkpoint.config, "model_args"), checkpoint.source);
  const std::string padding = arguments.word("pad_type", tensorflow ? "same" : "", {"same", ""});
  MbConvStyle style = paper_style();
  style.epsilon = arguments.value("bn_eps", tensorflow ? kEpsilonOfPaper : kTorchEpsilon);
  style.padding = padding == "same" ? ConvPadding::kSame : ConvPadding::kHalf;
  if (architecture.find("minimal") != std::string::npos) {
    style.activation = Activation::kRelu;
  }
  if (auto ok = arguments.done(); !ok) {
    return std::unexpected(ok.error());
  }
  return style;
}

}  // namespace

bool has_mobilenetv3_names(const std::map<std::string, Tensor>& tensors) {
  return tensors.contains("features.1.block.0.0.weight") && tensors.contains("classifier.3.weight");
}

Result<ImageModel> build_mobilenetv3(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  const auto size = image_size(checkpoint, options);
  const auto classes = declared_classes(checkpoint);
  if (!size || !classes) {
    return std::unexpected(size ? classes.error() : size.error());
  }
  ConvGraph graph(
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      checkpoint.source);
  if (dialect == kTimm) {
    const auto style = timm_style(checkpoint);
    if (!style) {
      return std::unexpected(style.error());
    }
    const bool small = architecture_of(checkpoint).find("small") != std::string::npos;
    build_timm(graph, small ? kSmall : kLarge, *style, *size, *classes);
  } else {
    build_torchvision(graph, graph.has_prefix("features.16.") ? kLarge : kSmall, *size, *classes);
  }
  return graph.finish({});
}

}  // namespace asterism
