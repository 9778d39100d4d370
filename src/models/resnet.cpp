// ResNet and its kin: ResNeXt, wide ResNet, ResNet-D stems and shortcuts, SE-ResNet, ResNet-RS, SENet-154.
//
// Source: He et al. 2015 with the stride in the 3 x 3 convolution ("v1.5"); timm 1.0.31 resnet.py, torchvision 0.29
// resnet.py, transformers 5.23 modeling_resnet.py. Depths, widths, block kind, groups, stem and squeeze-and-excite are
// read from the tensors: only what leaves no trace in them (the activation, blur pooling) is decided by the name.
//
// "asterism_resnet" is a type of our own: the names and keys of transformers' ResNet, with "stem": "small" for pictures
// of a few dozen pixels (He et al. 2015, section 4.2): the first convolution moves pixel by pixel, and no pooling
// follows it. Its weight says how large it is; 3 x 3 is usual.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/conv_graph.hpp"
#include "models/image_config.hpp"
#include "models/image_families.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kStageCount = 4;
constexpr std::string_view kSmallPictureType = "asterism_resnet";

// Removes what `text` begins with.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

void take_digits(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
}

// resnet50, resnet50d, wide_resnet50_2, seresnext101d_32x8d, resnetrs200, senet154: ReLU, batch norm, no blur pooling.
// Others of the same class (resnetblur50, resnetaa50d, ecaresnet50t, resnet50_gn) compute other things.
bool is_known(std::string_view name) {
  if (name == "senet154") {
    return true;
  }
  take(name, "wide_") || take(name, "se");
  if (!take(name, "resnetrs") && !take(name, "resnet") && !take(name, "resnext")) {
    return false;
  }
  if (name.empty() || name.find_first_of("0123456789") != 0) {
    return false;
  }
  take_digits(name);
  if (!name.empty() && std::string_view("cdst").contains(name.front())) {
    name.remove_prefix(1);
  }
  if (take(name, "_")) {
    take_digits(name);
    if (take(name, "x")) {
      take_digits(name);
      take(name, "d");
    }
  }
  return name.empty();
}

// What the names of the modules and the order of strides depend on.
struct ResnetPlan {
  std::string_view dialect;
  bool bottleneck = false;
  std::int64_t strided_unit = 1;  // the convolution of a block that takes the stride, from 1
  std::array<std::int64_t, kStageCount> depths{};
  std::array<std::int64_t, kStageCount> strides{1, 2, 2, 2};
  Activation activation = Activation::kRelu;
  bool small_stem = false;  // neither stride nor pooling in the stem
  DeclaredClasses classes;
};

class ResnetGraph {
 public:
  ResnetGraph(ConvGraph& graph, const ResnetPlan& plan) : graph_(graph), plan_(plan) {}

  void build(const ImageSize& size) {
    ValueId x = stem(size);
    for (std::int64_t i = 0; i < kStageCount; ++i) {
      const auto index = static_cast<std::size_t>(i);
      const std::string path = transformers() ? fmt::format("encoder.stages.{}", i) : fmt::format("layer{}", i + 1);
      for (std::int64_t block = 0; block < plan_.depths[index]; ++block) {
        x = this->block(block_path(path, block), x, block == 0 ? plan_.strides[index] : 1);
      }
      graph_.alias(path, x);
      if (transformers()) {
        graph_.alias(path + ".layers", x);
      }
      graph_.feature(i + 1, x);
    }
    if (transformers()) {
      graph_.alias("encoder", x);
    }
    graph_.alias(std::string(kForwardFeatures), x);
    head(x);
  }

 private:
  bool transformers() const { return plan_.dialect == kTransformers; }

  std::string block_path(const std::string& stage, std::int64_t block) const {
    return transformers() ? fmt::format("{}.layers.{}", stage, block) : fmt::format("{}.{}", stage, block);
  }

  ValueId stem(const ImageSize& size) {
    const Window2d pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}};
    if (transformers()) {
      const std::string path = "embedder.embedder";
      ValueId x = graph_.input(path + ".convolution.weight", size.height, size.width);
      x = graph_.conv_unit({.conv = path + ".convolution",
                            .norm = path + ".normalization",
                            .activated = path + ".activation",
                            .options = {.stride = plan_.small_stem ? 1 : 2},
                            .activation = plan_.activation},
                           x);
      graph_.alias(path, x);
      if (plan_.small_stem) {
        graph_.alias("embedder", x);
        graph_.feature(0, x);
        return x;
      }
      const ValueId pooled = graph_.max_pool("embedder.pooler", x, pool);
      graph_.alias("embedder", pooled);
      graph_.feature(0, pooled);
      return pooled;
    }
    const ValueId x = graph_.has("conv1.0.weight") ? deep_stem(size) : plain_stem(size);
    const std::string active = plan_.dialect == kTimm ? "act1" : "relu";
    const ValueId y = graph_.activation(active, graph_.batch_norm("bn1", "bn1", x, 1e-5), plan_.activation);
    graph_.feature(0, y);
    if (!graph_.has("maxpool.0.weight")) {
      return graph_.max_pool("maxpool", y, pool);
    }
    const ValueId strided = graph_.conv_unit(
        {.conv = "maxpool.0", .norm = "maxpool.1", .activated = "maxpool.2", .options = {.stride = 2}}, y);
    graph_.alias("maxpool", strided);
    return strided;
  }

  ValueId plain_stem(const ImageSize& size) {
    const ValueId x = graph_.input("conv1.weight", size.height, size.width);
    return graph_.conv("conv1", x, {.stride = 2});
  }

  // Three 3 x 3 convolutions: He et al. 2018 ("bag of tricks"), figure 2.
  ValueId deep_stem(const ImageSize& size) {
    ValueId x = graph_.input("conv1.0.weight", size.height, size.width);
    x = graph_.conv_unit({.conv = "conv1.0", .norm = "conv1.1", .activated = "conv1.2", .options = {.stride = 2}}, x);
    x = graph_.conv_unit({.conv = "conv1.3", .norm = "conv1.4", .activated = "conv1.5"}, x);
    x = graph_.conv("conv1.6", x);
    graph_.alias("conv1", x);
    return x;
  }

  // The i-th convolution of a block, from 1.
  ConvUnit unit(const std::string& path, std::int64_t i) const {
    // ReLU inside a block whatever the configuration says: transformers applies "hidden_act" to the stem and to sums.
    ConvUnit unit;
    if (transformers()) {
      const std::string layer = fmt::format("{}.layer.{}", path, i - 1);
      unit.conv = layer + ".convolution";
      unit.norm = layer + ".normalization";
      unit.activated = layer + ".activation";
      return unit;
    }
    unit.conv = fmt::format("{}.conv{}", path, i);
    unit.norm = fmt::format("{}.bn{}", path, i);
    // torchvision calls one module "relu" several times: the last call has its name.
    unit.activated = fmt::format("{}.{}{}", path, plan_.dialect == kTimm ? "act" : "relu.", i);
    return unit;
  }

  ValueId block(const std::string& path, ValueId x, std::int64_t stride) {
    const std::int64_t unit_count = plan_.bottleneck ? 3 : 2;
    ValueId y = x;
    for (std::int64_t i = 1; i <= unit_count; ++i) {
      ConvUnit layer = unit(path, i);
      layer.options.stride = i == plan_.strided_unit ? stride : 1;
      layer.options.groups = plan_.bottleneck && i == 2 ? ConvGroups::kOfWeight : ConvGroups::kOne;
      if (i == unit_count) {
        layer.activated.clear();
      }
      y = graph_.conv_unit(layer, y);
      if (transformers()) {
        graph_.alias(fmt::format("{}.layer.{}", path, i - 1), y);
      }
    }
    if (transformers()) {
      graph_.alias(path + ".layer", y);
    }
    if (graph_.has(path + ".se.fc1.weight")) {
      const std::string se = path + ".se";
      y = graph_.squeeze_excite({se, se + ".mean", se + ".fc1", se + ".act", se + ".fc2", se + ".gate"}, y);
    }
    const ValueId sum = graph_.add(path + ".add", y, shortcut(path, x, stride));
    const std::string last = transformers()           ? path + ".activation"
                             : plan_.dialect == kTimm ? fmt::format("{}.act{}", path, unit_count)
                                                      : path + ".relu";
    const ValueId result = graph_.activation(last, sum, plan_.activation);
    graph_.alias(path, result);
    return result;
  }

  ValueId shortcut(const std::string& path, ValueId x, std::int64_t stride) {
    if (transformers()) {
      const std::string own = path + ".shortcut";
      if (!graph_.has_prefix(own + ".")) {
        return x;
      }
      const ValueId y = graph_.conv_unit(
          {.conv = own + ".convolution", .norm = own + ".normalization", .options = {.stride = stride}}, x);
      graph_.alias(own, y);
      return y;
    }
    const std::string own = path + ".downsample";
    if (!graph_.has_prefix(own + ".")) {
      return x;
    }
    ValueId y = x;
    if (graph_.tensor_shape(own + ".1.weight").size() == 4) {
      if (stride > 1) {
        y = graph_.avg_pool_down(own + ".0", x, stride);
      }
      y = graph_.conv_unit({.conv = own + ".1", .norm = own + ".2"}, y);
    } else {
      y = graph_.conv_unit({.conv = own + ".0", .norm = own + ".1", .options = {.stride = stride}}, x);
    }
    graph_.alias(own, y);
    return y;
  }

  void head(ValueId x) {
    if (plan_.dialect == kTimm) {
      graph_.head("fc", graph_.timm_mean("global_pool", x), plan_.classes);
      return;
    }
    const std::string pool = transformers() ? "pooler" : "avgpool";
    const ValueId flat = graph_.flatten(transformers() ? "classifier.0" : "flatten", graph_.mean_map(pool, x));
    graph_.head(transformers() ? "classifier.1" : "fc", flat, plan_.classes);
  }

  ConvGraph& graph_;
  const ResnetPlan& plan_;
};

Result<ResnetPlan> plan_of_config(const Json& config, const std::string& source) {
  ResnetPlan plan;
  const auto depths = read_sizes(config, "depths", kLayerCountMax, source);
  if (!depths) {
    return std::unexpected(depths.error());
  }
  if (depths->size() != plan.depths.size()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"depths\": expected {} stages, found {}", source, kStageCount, depths->size()));
  }
  std::ranges::copy(*depths, plan.depths.begin());
  ConfigReader reader(config, source);
  plan.bottleneck = reader.word("layer_type", "bottleneck", {"bottleneck", "basic"}) == "bottleneck";
  plan.strided_unit = plan.bottleneck && !reader.value("downsample_in_bottleneck", false) ? 2 : 1;
  plan.strides[0] = reader.value("downsample_in_first_stage", false) ? 2 : 1;
  plan.activation = reader.activation("hidden_act", "relu");
  if (config.value("model_type", "") == kSmallPictureType) {
    plan.small_stem = reader.word("stem", "small", {"small"}) == "small";
  }
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  return plan;
}

ResnetPlan plan_of_tensors(const ConvGraph& graph) {
  ResnetPlan plan;
  plan.bottleneck = graph.has("layer1.0.conv3.weight");
  plan.strided_unit = plan.bottleneck ? 2 : 1;
  for (std::size_t i = 0; i < plan.depths.size(); ++i) {
    // At least one, so that a stage that is not there is named.
    plan.depths[i] = std::max<std::int64_t>(graph.count(fmt::format("layer{}.", i + 1), "."), 1);
  }
  return plan;
}

}  // namespace

bool has_resnet_names(const std::map<std::string, Tensor>& tensors) {
  return tensors.contains("layer1.0.conv1.weight") && tensors.contains("layer4.0.conv1.weight") &&
         tensors.contains("bn1.weight");
}

Result<ImageModel> build_resnet(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  const std::string architecture = architecture_of(checkpoint);
  if (dialect == kTimm && !is_known(architecture)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: architecture \"{}\": this variant of ResNet is not implemented", checkpoint.source,
                            architecture),
                "use a ResNet, ResNeXt, wide ResNet, SE-ResNet or ResNet-RS");
  }
  if (auto ok = expect_plain_timm(checkpoint, {"layers", "channels", "cardinality", "base_width", "stem_width",
                                               "stem_type", "avg_down", "replace_stem_pool", "block_args"});
      !ok) {
    return std::unexpected(ok.error());
  }
  const auto size = image_size(checkpoint, options);
  const auto classes = declared_classes(checkpoint);
  if (!size || !classes) {
    return std::unexpected(size ? classes.error() : size.error());
  }
  if (dialect == kTransformers) {
    strip_prefix(checkpoint.tensors, "resnet.");
  }
  ConvGraph graph(
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      checkpoint.source);
  auto plan = dialect == kTransformers ? plan_of_config(checkpoint.config, checkpoint.source) : plan_of_tensors(graph);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  plan->dialect = dialect;
  plan->classes = *classes;
  ResnetGraph(graph, *plan).build(*size);
  return graph.finish({});
}

}  // namespace asterism
