// The inverted residual block of MobileNetV3 and EfficientNet under the names of each library: private to src/models.
//
// Expand (1 x 1), depthwise, squeeze-and-excite, project (1 x 1), shortcut: Sandler et al. 2018, Howard et al. 2019,
// Tan and Le 2019. What a block has is read from the tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/conv_graph.hpp"

namespace asterism {

struct MbConvBlock {
  std::string path;
  std::optional<ConvUnit> expand;
  ConvUnit depthwise;
  std::optional<SqueezeExcite> squeeze_excite;
  ConvUnit project;
  std::string sequence;  // of all before the shortcut; "" makes no alias
  bool shortcut = false;
};

// What the blocks of one model have in common.
struct MbConvStyle {
  double epsilon = 1e-5;
  ConvPadding padding = ConvPadding::kHalf;
  Activation activation = Activation::kSilu;
  Activation squeeze_activation = Activation::kSilu;
  Activation gate_activation = Activation::kSigmoid;
};

ValueId mb_conv(ConvGraph& graph, const MbConvBlock& block, ValueId x);

// timm: "blocks.S.B" with conv_pw, conv_dw, conv_pwl (or conv_dw, conv_pw without an expansion).
MbConvBlock timm_block(const ConvGraph& graph, const std::string& path, std::int64_t stride, const MbConvStyle& style);
// A convolution of timm whose module `norm` ends with the activation.
ConvUnit timm_unit(const std::string& conv, const std::string& norm, const MbConvStyle& style);

// torchvision: "features...", whose "block" is a sequence.
MbConvBlock torchvision_block(const ConvGraph& graph, const std::string& path, std::int64_t stride,
                              const MbConvStyle& style);
// Conv2dNormActivation: convolution, norm and activation as 0, 1 and 2 of one sequence.
ConvUnit torchvision_unit(const std::string& path, const MbConvStyle& style);

}  // namespace asterism
