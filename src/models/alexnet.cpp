// AlexNet as torchvision has it ("one weird trick": no local response normalisation, one column).
//
// Source: Krizhevsky 2014; torchvision 0.29 alexnet.py.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "models/conv_graph.hpp"
#include "models/image_config.hpp"
#include "models/image_families.hpp"

namespace asterism {
namespace {

struct Layer {
  std::int64_t number;  // of the convolution in "features"; its activation is the next
  std::int64_t stride;
  std::int64_t padding;
  bool pooled;  // a pooling follows the activation
};
constexpr std::array<Layer, 5> kLayers{
    {{0, 4, 2, true}, {3, 1, 2, true}, {6, 1, 1, false}, {8, 1, 1, false}, {10, 1, 1, true}}};
constexpr std::int64_t kMapSide = 6;

ValueId features(ConvGraph& graph, ValueId x) {
  for (const Layer& layer : kLayers) {
    const std::int64_t pad = layer.padding;
    x = graph.conv(fmt::format("features.{}", layer.number), x,
                   {.stride = layer.stride, .padding_rule = ConvPadding::kGiven, .padding = {pad, pad, pad, pad}});
    x = graph.activation(fmt::format("features.{}", layer.number + 1), x, Activation::kRelu);
    if (layer.pooled) {
      x = graph.max_pool(fmt::format("features.{}", layer.number + 2), x, {.kernel = {3, 3}, .stride = {2, 2}});
    }
  }
  graph.alias("features", x);
  graph.alias(std::string(kForwardFeatures), x);
  return x;
}

}  // namespace

bool has_alexnet_names(const std::map<std::string, Tensor>& tensors) {
  const auto first = tensors.find("features.0.weight");
  return first != tensors.end() && first->second.shape().size() == 4 && first->second.shape()[2] == 11 &&
         tensors.contains("classifier.6.weight");
}

Result<ImageModel> build_alexnet(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const auto size = image_size(checkpoint, options);
  const auto classes = declared_classes(checkpoint);
  if (!size || !classes) {
    return std::unexpected(size ? classes.error() : size.error());
  }
  ConvGraph graph(
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      checkpoint.source);
  ValueId x = features(graph, graph.input("features.0.weight", size->height, size->width));
  x = graph.flatten("flatten", graph.adaptive_avg_pool("avgpool", x, {kMapSide, kMapSide}));
  graph.alias("classifier.0", x);
  x = graph.activation("classifier.2", graph.linear("classifier.1", x), Activation::kRelu);
  graph.alias("classifier.3", x);
  x = graph.activation("classifier.5", graph.linear("classifier.4", x), Activation::kRelu);
  graph.head("classifier.6", x, *classes);
  return graph.finish({});
}

}  // namespace asterism
