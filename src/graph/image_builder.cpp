// The builder's ops of images.
#include <utility>

#include "graph/graph.hpp"

namespace asterism {

ValueId GraphBuilder::conv2d(std::string name, const Conv2dInputs& inputs, const Window2d& window,
                             std::int64_t group_count) {
  Attributes attributes;
  attributes.window = window;
  attributes.group_count = group_count;
  if (const Shape& weight = shape(inputs.weight); weight.size() == 4) {
    attributes.window.kernel = {weight[2], weight[3]};
  }
  std::vector<ValueId> operands{inputs.x, inputs.weight};
  if (inputs.bias) {
    operands.push_back(*inputs.bias);
  }
  return append(Op::kConv2d, std::move(name), std::move(operands), attributes);
}

ValueId GraphBuilder::batch_norm(std::string name, const BatchNormInputs& inputs, double epsilon) {
  Attributes attributes;
  attributes.epsilon = epsilon;
  return append(Op::kBatchNorm, std::move(name), {inputs.x, inputs.weight, inputs.bias, inputs.mean, inputs.variance},
                attributes);
}

ValueId GraphBuilder::max_pool2d(std::string name, ValueId x, const Window2d& window, CeilMode ceil_mode) {
  Attributes attributes;
  attributes.window = window;
  attributes.ceil_mode = ceil_mode;
  return append(Op::kMaxPool2d, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::avg_pool2d(std::string name, ValueId x, const Window2d& window, const AvgPoolOptions& options) {
  Attributes attributes;
  attributes.window = window;
  attributes.ceil_mode = options.ceil_mode;
  attributes.count_padding = options.count_padding;
  return append(Op::kAvgPool2d, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::adaptive_avg_pool2d(std::string name, ValueId x, std::array<std::int64_t, 2> size) {
  Attributes attributes;
  attributes.dims = {size[0], size[1]};
  return append(Op::kAdaptiveAvgPool2d, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::reduce(std::string name, ValueId x, const ReduceOptions& options) {
  Attributes attributes;
  attributes.reduction = options.reduction;
  attributes.keep_dims = options.keep_dims;
  if (options.reduction == Reduction::kGem) {
    attributes.exponent = options.exponent;
    attributes.epsilon = options.epsilon;
  }
  for (const std::int64_t axis : options.axes) {
    attributes.dims.push_back(from_front(axis, x));
  }
  return append(Op::kReduce, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::reshape(std::string name, ValueId x, std::vector<std::int64_t> dims) {
  Attributes attributes;
  attributes.dims = std::move(dims);
  return append(Op::kReshape, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::transpose(std::string name, ValueId x, std::vector<std::int64_t> permutation) {
  Attributes attributes;
  attributes.dims = std::move(permutation);
  return append(Op::kTranspose, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::broadcast_rows(std::string name, ValueId parameter, ValueId like) {
  return append(Op::kBroadcastRows, std::move(name), {parameter, like}, {});
}

ValueId GraphBuilder::scaled_dot_product(std::string name, const ScaledDotProductInputs& inputs, double scale) {
  Attributes attributes;
  attributes.scale = scale;
  std::vector<ValueId> operands{inputs.query, inputs.key, inputs.value};
  if (inputs.bias) {
    operands.push_back(*inputs.bias);
  }
  return append(Op::kScaledDotProduct, std::move(name), std::move(operands), attributes);
}

ValueId GraphBuilder::pad(std::string name, ValueId x, std::vector<std::int64_t> before,
                          const std::vector<std::int64_t>& after) {
  Attributes attributes;
  attributes.dims = std::move(before);
  attributes.dims.insert(attributes.dims.end(), after.begin(), after.end());
  return append(Op::kPad, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::gather_tokens(std::string name, ValueId x, ValueId ids) {
  return append(Op::kGatherTokens, std::move(name), {x, ids}, {});
}

}  // namespace asterism
