#include "openvino/image_lowering.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include <openvino/op/adaptive_avg_pool.hpp>
#include <openvino/op/add.hpp>
#include <openvino/op/avg_pool.hpp>
#include <openvino/op/batch_norm.hpp>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/max_pool.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/pad.hpp>
#include <openvino/op/power.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/softmax.hpp>
#include <openvino/op/transpose.hpp>

#include "openvino/constants.hpp"

namespace asterism {
namespace {

using Node = ov::Output<ov::Node>;
using Inputs = std::span<const Node>;

// The rank for which the plugin has an attention kernel of its own.
constexpr std::size_t kFusedAttentionRank = 4;

struct LoweredWindow {
  explicit LoweredWindow(const Window2d& window) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      strides.push_back(static_cast<std::size_t>(window.stride[axis]));
      dilations.push_back(static_cast<std::size_t>(window.dilation[axis]));
      kernel.push_back(static_cast<std::size_t>(window.kernel[axis]));
      before.push_back(window.padding[axis]);
      after.push_back(window.padding[axis + 2]);
      before_unsigned.push_back(static_cast<std::size_t>(window.padding[axis]));
      after_unsigned.push_back(static_cast<std::size_t>(window.padding[axis + 2]));
    }
  }
  ov::Strides strides, dilations;
  ov::Shape kernel, before_unsigned, after_unsigned;
  ov::CoordinateDiff before, after;
};

// The same values under another shape: parameters are constants.
Node reshaped_constant(const Node& node, const ov::Shape& shape) {
  const auto constant = std::dynamic_pointer_cast<ov::op::v0::Constant>(node.get_node_shared_ptr());
  return std::make_shared<ov::op::v0::Constant>(*constant, shape);
}

Node lower_conv2d(const Value& value, Inputs inputs) {
  const LoweredWindow window(value.attributes.window);
  const auto groups = static_cast<std::size_t>(value.attributes.group_count);
  Node out;
  if (groups == 1) {
    out = std::make_shared<ov::op::v1::Convolution>(inputs[0], inputs[1], window.strides, window.before, window.after,
                                                    window.dilations);
  } else {
    ov::Shape shape = inputs[1].get_shape();
    shape[0] /= groups;
    shape.insert(shape.begin(), groups);
    out = std::make_shared<ov::op::v1::GroupConvolution>(inputs[0], reshaped_constant(inputs[1], shape), window.strides,
                                                         window.before, window.after, window.dilations);
  }
  if (inputs.size() == 3) {
    const ov::Shape shape{1, inputs[2].get_shape()[0], 1, 1};
    out = std::make_shared<ov::op::v1::Add>(out, reshaped_constant(inputs[2], shape));
  }
  return out;
}

Node pad_with_zeros(const Node& x, const std::vector<std::int64_t>& before, const std::vector<std::int64_t>& after) {
  return std::make_shared<ov::op::v1::Pad>(x, constant_i64(before), constant_i64(after), scalar(0.0F),
                                           ov::op::PadMode::CONSTANT);
}

Node lower_pool2d(const Value& value, const Node& x) {
  const Attributes& attributes = value.attributes;
  const LoweredWindow window(attributes.window);
  const auto rounding =
      attributes.ceil_mode == CeilMode::kCeil ? ov::op::RoundingType::CEIL_TORCH : ov::op::RoundingType::FLOOR;
  if (value.op == Op::kAvgPool2d && attributes.count_padding && attributes.ceil_mode == CeilMode::kCeil) {
    // torch counts the padding but not what sticks out beyond it: with the padding as zeros of the map, that is
    // an average over what lies inside.
    const auto& padding = attributes.window.padding;
    const Node padded = pad_with_zeros(x, {0, 0, padding[0], padding[1]}, {0, 0, padding[2], padding[3]});
    const Node pooled = std::make_shared<ov::op::v14::AvgPool>(padded, window.strides, ov::Shape{0, 0}, ov::Shape{0, 0},
                                                               window.kernel, true, rounding);
    // A window that begins in the padding at the end is none: with the padding in the map there is one.
    return std::make_shared<ov::op::v8::Slice>(pooled, constant_i64({0, 0}),
                                               constant_i64({value.shape[2], value.shape[3]}), constant_i64({1, 1}),
                                               constant_i64({2, 3}));
  }
  if (value.op == Op::kAvgPool2d) {
    return std::make_shared<ov::op::v14::AvgPool>(x, window.strides, window.before_unsigned, window.after_unsigned,
                                                  window.kernel, !attributes.count_padding, rounding);
  }
  return std::make_shared<ov::op::v14::MaxPool>(x, window.strides, window.dilations, window.before_unsigned,
                                                window.after_unsigned, window.kernel, rounding);
}

Node lower_reduce(const Value& value, const Node& x) {
  const Attributes& attributes = value.attributes;
  const Node axes = constant_i64(attributes.dims);
  switch (attributes.reduction) {
    case Reduction::kMax:
      return std::make_shared<ov::op::v1::ReduceMax>(x, axes, attributes.keep_dims);
    case Reduction::kMean:
      return std::make_shared<ov::op::v1::ReduceMean>(x, axes, attributes.keep_dims);
    case Reduction::kGem:
      break;
  }
  const auto exponent = static_cast<float>(attributes.exponent);
  const Node positive = std::make_shared<ov::op::v1::Maximum>(x, scalar(static_cast<float>(attributes.epsilon)));
  const Node raised = std::make_shared<ov::op::v1::Power>(positive, scalar(exponent));
  const Node mean = std::make_shared<ov::op::v1::ReduceMean>(raised, axes, attributes.keep_dims);
  return std::make_shared<ov::op::v1::Power>(mean, scalar(1.0F / exponent));
}

// [rows of x, dims...]; 0 stands for x's own.
Node reshape_rows(const Node& x, std::vector<std::int64_t> dims) {
  dims.insert(dims.begin(), 0);
  return std::make_shared<ov::op::v1::Reshape>(x, constant_i64(dims), true);
}

Node lower_broadcast_rows(const Node& parameter, const Node& like) {
  const Node rows = std::make_shared<ov::op::v8::Slice>(std::make_shared<ov::op::v3::ShapeOf>(like), constant_i64({0}),
                                                        constant_i64({1}), constant_i64({1}));
  const ov::Shape shape = parameter.get_shape();
  const Node rest = constant_i64(std::vector<std::int64_t>(shape.begin() + 1, shape.end()));
  return std::make_shared<ov::op::v3::Broadcast>(parameter,
                                                 std::make_shared<ov::op::v0::Concat>(ov::OutputVector{rows, rest}, 0));
}

Node lower_scaled_dot_product(const Value& value, Inputs inputs) {
  const auto scale = static_cast<float>(value.attributes.scale);
  if (value.shape.size() == kFusedAttentionRank) {
    Node mask = scalar(0.0F);  // none
    if (inputs.size() == 4) {
      ov::Shape shape = inputs[3].get_shape();
      shape.insert(shape.begin(), kFusedAttentionRank - shape.size(), 1);
      mask = reshaped_constant(inputs[3], shape);
    }
    return std::make_shared<ov::op::v13::ScaledDotProductAttention>(inputs[0], inputs[1], inputs[2], mask,
                                                                    scalar(scale), false);
  }
  const Node scaled = std::make_shared<ov::op::v1::Multiply>(inputs[0], scalar(scale));
  Node scores = std::make_shared<ov::op::v0::MatMul>(scaled, inputs[1], false, true);
  if (inputs.size() == 4) {
    scores = std::make_shared<ov::op::v1::Add>(scores, inputs[3]);
  }
  const Node weights = std::make_shared<ov::op::v8::Softmax>(scores, -1);
  return std::make_shared<ov::op::v0::MatMul>(weights, inputs[2], false, false);
}

Node lower_pad(const Value& value, const Node& x) {
  const auto& dims = value.attributes.dims;
  const auto middle = dims.begin() + static_cast<std::ptrdiff_t>(dims.size() / 2);
  return pad_with_zeros(x, {dims.begin(), middle}, {middle, dims.end()});
}

}  // namespace

Node lower_image_op(const Value& value, Inputs inputs) {
  switch (value.op) {
    case Op::kConv2d:
      return lower_conv2d(value, inputs);
    case Op::kBatchNorm:
      return std::make_shared<ov::op::v5::BatchNormInference>(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4],
                                                              value.attributes.epsilon);
    case Op::kMaxPool2d:
    case Op::kAvgPool2d:
      return lower_pool2d(value, inputs[0]);
    case Op::kAdaptiveAvgPool2d:
      return std::make_shared<ov::op::v8::AdaptiveAvgPool>(inputs[0], constant_i64(value.attributes.dims));
    case Op::kReduce:
      return lower_reduce(value, inputs[0]);
    case Op::kReshape:
      return reshape_rows(inputs[0], value.attributes.dims);
    case Op::kTranspose:
      return std::make_shared<ov::op::v1::Transpose>(inputs[0], constant_i64(value.attributes.dims));
    case Op::kBroadcastRows:
      return lower_broadcast_rows(inputs[0], inputs[1]);
    case Op::kScaledDotProduct:
      return lower_scaled_dot_product(value, inputs);
    case Op::kPad:
      return lower_pad(value, inputs[0]);
    case Op::kGatherTokens:
      return std::make_shared<ov::op::v8::Gather>(inputs[0], inputs[1], constant_i64({1}), 1);
    default:
      return {};
  }
}

}  // namespace asterism
