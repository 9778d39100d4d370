// VGG 11, 13, 16 and 19, with and without batch norm, of torchvision and timm.
//
// Source: Simonyan and Zisserman 2014; torchvision 0.29 vgg.py, timm 1.0.31 vgg.py. The layout is read from the names:
// a convolution is followed by its norm (if there is one) and its activation, and where the next convolution comes one
// number later than that, a pooling stands between.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "models/conv_graph.hpp"
#include "models/image_config.hpp"
#include "models/image_families.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kLayerNumberMax = 128;
// Side of the map that the first fully connected layer was trained on.
constexpr std::int64_t kMapSide = 7;

std::string layer(std::int64_t number) {
  return fmt::format("features.{}", number);
}

// Numbers of the convolutions in "features".
std::vector<std::int64_t> convolutions(const ConvGraph& graph) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < kLayerNumberMax; ++i) {
    if (graph.tensor_shape(layer(i) + ".weight").size() == 4) {
      numbers.push_back(i);
    }
  }
  return numbers;
}

ValueId features(ConvGraph& graph, const ImageSize& size) {
  ValueId x = graph.input(layer(0) + ".weight", size.height, size.width);
  const std::vector<std::int64_t> numbers = convolutions(graph);
  std::int64_t next = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::int64_t number = numbers[i];
    x = graph.conv(layer(number), x);
    next = number + 1;
    if (graph.has(layer(next) + ".running_mean")) {
      x = graph.batch_norm(layer(next), layer(next), x, 1e-5);
      ++next;
    }
    x = graph.activation(layer(next), x, Activation::kRelu);
    ++next;
    if (i + 1 == numbers.size() || numbers[i + 1] == next + 1) {
      x = graph.max_pool(layer(next), x, {.kernel = {2, 2}, .stride = {2, 2}});
    }
  }
  graph.alias("features", x);
  graph.alias(std::string(kForwardFeatures), x);
  return x;
}

// The fully connected layers as convolutions, so that larger images give larger maps, averaged before the classifier.
void head_of_timm(ConvGraph& graph, ValueId x, const DeclaredClasses& classes) {
  const std::int64_t height = graph.height(x);
  const std::int64_t width = graph.width(x);
  if (height < kMapSide || width < kMapSide) {
    x = graph.adaptive_avg_pool("pre_logits.pooled", x, {std::max(height, kMapSide), std::max(width, kMapSide)});
  }
  x = graph.conv("pre_logits.fc1", x, {.padding_rule = ConvPadding::kNone});
  x = graph.activation("pre_logits.act1", x, Activation::kRelu);
  x = graph.activation("pre_logits.act2", graph.conv("pre_logits.fc2", x), Activation::kRelu);
  graph.alias("pre_logits", x);
  graph.head("head.fc", graph.timm_mean("head.global_pool", x), classes);
}

void head_of_torchvision(ConvGraph& graph, ValueId x, const DeclaredClasses& classes) {
  x = graph.flatten("flatten", graph.adaptive_avg_pool("avgpool", x, {kMapSide, kMapSide}));
  x = graph.activation("classifier.1", graph.linear("classifier.0", x), Activation::kRelu);
  graph.alias("classifier.2", x);
  x = graph.activation("classifier.4", graph.linear("classifier.3", x), Activation::kRelu);
  graph.alias("classifier.5", x);
  graph.head("classifier.6", x, classes);
}

}  // namespace

bool has_vgg_names(const std::map<std::string, Tensor>& tensors) {
  const auto first = tensors.find("features.0.weight");
  return first != tensors.end() && first->second.shape().size() == 4 && first->second.shape()[2] == 3 &&
         tensors.contains("classifier.6.weight");
}

Result<ImageModel> build_vgg(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  if (auto ok = expect_plain_timm(checkpoint, {"cfg", "mlp_ratio"}); !ok) {
    return std::unexpected(ok.error());
  }
  const auto size = image_size(checkpoint, options);
  const auto classes = declared_classes(checkpoint);
  if (!size || !classes) {
    return std::unexpected(size ? classes.error() : size.error());
  }
  ConvGraph graph(
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      checkpoint.source);
  const ValueId x = features(graph, *size);
  if (dialect == kTimm) {
    head_of_timm(graph, x, *classes);
  } else {
    head_of_torchvision(graph, x, *classes);
  }
  return graph.finish({});
}

}  // namespace asterism
