#include "graph/attributes_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace asterism {
namespace {

std::string window_to_string(const Attributes& attributes) {
  const Window2d& window = attributes.window;
  const Window2d usual;
  std::string out = fmt::format(" kernel={}", fmt::join(window.kernel, "x"));
  if (window.stride != usual.stride) {
    out += fmt::format(" stride={}", fmt::join(window.stride, "x"));
  }
  if (window.dilation != usual.dilation) {
    out += fmt::format(" dilation={}", fmt::join(window.dilation, "x"));
  }
  if (window.padding != usual.padding) {
    out += fmt::format(" padding={}", fmt::join(window.padding, ","));
  }
  if (attributes.group_count != 1) {
    out += fmt::format(" groups={}", attributes.group_count);
  }
  return out + (attributes.ceil_mode == CeilMode::kCeil ? " ceil" : "");
}

std::string reduction_to_string(const Attributes& attributes) {
  std::string out = fmt::format(" {} axes={}", reduction_name(attributes.reduction), fmt::join(attributes.dims, ","));
  if (attributes.reduction == Reduction::kGem) {
    out += fmt::format(" exponent={} epsilon={}", attributes.exponent, attributes.epsilon);
  }
  return out + (attributes.keep_dims ? " keep_dims" : "");
}

}  // namespace

std::string attributes_to_string(const Value& value) {
  const Attributes& a = value.attributes;
  switch (value.op) {
    case Op::kLayerNorm:
    case Op::kNormalize:
    case Op::kBatchNorm:
      return fmt::format(" epsilon={}", a.epsilon);
    case Op::kActivation:
      return fmt::format(" {}", activation_name(a.activation));
    case Op::kAttention:
      return fmt::format(" head_count={} scale={}{}", a.head_count, a.scale, a.causal ? " causal" : "");
    case Op::kPool:
      return fmt::format(" {}", pooling_name(a.pooling));
    case Op::kConcat:
      return fmt::format(" axis={}", a.axis);
    case Op::kSlice:
      return fmt::format(" axis={} begin={} size={}", a.axis, a.begin, a.size);
    case Op::kConv2d:
    case Op::kMaxPool2d:
      return window_to_string(a);
    case Op::kAvgPool2d:
      return window_to_string(a) + (a.count_padding ? "" : " without_padding");
    case Op::kReduce:
      return reduction_to_string(a);
    case Op::kAdaptiveAvgPool2d:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kPad:
      return fmt::format(" dims={}", fmt::join(a.dims, ","));
    case Op::kScaledDotProduct:
      return fmt::format(" scale={}", a.scale);
    default:
      return {};
  }
}

}  // namespace asterism
