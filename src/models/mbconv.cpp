#include "models/mbconv.hpp"

#include <fmt/format.h>

namespace asterism {

ValueId mb_conv(ConvGraph& graph, const MbConvBlock& block, ValueId x) {
  ValueId y = block.expand ? graph.conv_unit(*block.expand, x) : x;
  y = graph.conv_unit(block.depthwise, y);
  if (block.squeeze_excite) {
    y = graph.squeeze_excite(*block.squeeze_excite, y);
  }
  y = graph.conv_unit(block.project, y);
  if (!block.sequence.empty()) {
    graph.alias(block.sequence, y);
  }
  if (block.shortcut) {
    return graph.add(block.path, y, x);
  }
  graph.alias(block.path, y);
  return y;
}

ConvUnit timm_unit(const std::string& conv, const std::string& norm, const MbConvStyle& style) {
  ConvUnit unit;
  unit.conv = conv;
  unit.norm = norm;
  unit.normed = norm + ".normed";
  unit.activated = norm;
  unit.alias = norm + ".act";
  unit.options.padding_rule = style.padding;
  unit.epsilon = style.epsilon;
  unit.activation = style.activation;
  return unit;
}

MbConvBlock timm_block(const ConvGraph& graph, const std::string& path, std::int64_t stride, const MbConvStyle& style) {
  const bool expands = graph.has(path + ".conv_pwl.weight") || !graph.has(path + ".bn2.weight");
  MbConvBlock block;
  block.path = path;
  if (expands) {
    block.expand = timm_unit(path + ".conv_pw", path + ".bn1", style);
  }
  block.depthwise = timm_unit(path + ".conv_dw", path + (expands ? ".bn2" : ".bn1"), style);
  block.depthwise.options.stride = stride;
  block.depthwise.options.groups = ConvGroups::kDepthwise;
  const std::string se = path + ".se";
  if (graph.has_prefix(se + ".")) {
    block.squeeze_excite = SqueezeExcite{se,
                                         se + ".mean",
                                         se + ".conv_reduce",
                                         se + ".act1",
                                         se + ".conv_expand",
                                         se + ".gate",
                                         style.squeeze_activation,
                                         style.gate_activation};
  }
  block.project = timm_unit(path + (expands ? ".conv_pwl" : ".conv_pw"), path + (expands ? ".bn3" : ".bn2"), style);
  block.project.normed.clear();
  block.project.activated.clear();
  block.project.alias.clear();
  return block;
}

ConvUnit torchvision_unit(const std::string& path, const MbConvStyle& style) {
  ConvUnit unit;
  unit.alias = path;
  unit.conv = path + ".0";
  unit.norm = path + ".1";
  unit.activated = path + ".2";
  unit.options.padding_rule = style.padding;
  unit.epsilon = style.epsilon;
  unit.activation = style.activation;
  return unit;
}

MbConvBlock torchvision_block(const ConvGraph& graph, const std::string& path, std::int64_t stride,
                              const MbConvStyle& style) {
  MbConvBlock block;
  block.path = path;
  block.sequence = path + ".block";
  std::int64_t index = 0;
  const auto next = [&] { return fmt::format("{}.block.{}", path, index++); };
  // A depthwise kernel sees one channel: the first convolution is an expansion where it sees more.
  const Shape& first = graph.tensor_shape(path + ".block.0.0.weight");
  if (first.size() == 4 && first[1] != 1) {
    block.expand = torchvision_unit(next(), style);
  }
  block.depthwise = torchvision_unit(next(), style);
  block.depthwise.options.stride = stride;
  block.depthwise.options.groups = ConvGroups::kDepthwise;
  if (graph.has(fmt::format("{}.block.{}.fc1.weight", path, index))) {
    const std::string se = next();
    block.squeeze_excite = SqueezeExcite{se,
                                         se + ".avgpool",
                                         se + ".fc1",
                                         se + ".activation",
                                         se + ".fc2",
                                         se + ".scale_activation",
                                         style.squeeze_activation,
                                         style.gate_activation};
  }
  block.project = torchvision_unit(next(), style);
  block.project.activated.clear();
  return block;
}

}  // namespace asterism
