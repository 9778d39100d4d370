// The ops of images on torch.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <array>
#include <limits>
#include <vector>

#include "torch/op_lowering.hpp"

namespace asterism {
namespace {

constexpr std::array<std::int64_t, 2> kNoPadding{0, 0};

// torch pads both sides of an axis alike; anything else is padded before.
bool is_even(const Window2d& window) {
  return window.padding[0] == window.padding[2] && window.padding[1] == window.padding[3];
}

at::Tensor padded_by_hand(const at::Tensor& x, const Window2d& window, double fill) {
  return at::constant_pad_nd(x, {window.padding[1], window.padding[3], window.padding[0], window.padding[2]}, fill);
}

std::array<std::int64_t, 2> even_padding(const Window2d& window) {
  return {window.padding[0], window.padding[1]};
}

at::Tensor conv2d(const OpCall& call) {
  const Attributes& attributes = call.value.attributes;
  const Window2d& window = attributes.window;
  const at::Tensor bias = call.inputs.size() == 3 ? call.inputs[2] : at::Tensor();
  if (!is_even(window)) {
    const at::Tensor x = padded_by_hand(call.inputs[0], window, 0.0);
    return at::conv2d(x, call.inputs[1], bias, window.stride, kNoPadding, window.dilation, attributes.group_count);
  }
  const std::array<std::int64_t, 2> padding = even_padding(window);
  return at::conv2d(call.inputs[0], call.inputs[1], bias, window.stride, padding, window.dilation,
                    attributes.group_count);
}

at::Tensor batch_norm(const OpCall& call) {
  const auto& in = call.inputs;
  const bool learns = call.statistics_momentum.has_value();
  // cuDNN's choice is left on; it says nothing on the CPU.
  return at::batch_norm(in[0], in[1], in[2], in[3], in[4], learns, call.statistics_momentum.value_or(0.0),
                        call.value.attributes.epsilon, true);
}

// With padding laid on by hand, torch takes windows that begin in it for real ones; those at the end are left out.
at::Tensor without_extra_windows(const at::Tensor& pooled, const Value& value) {
  return pooled.narrow(2, 0, value.shape[2]).narrow(3, 0, value.shape[3]);
}

at::Tensor max_pool2d(const OpCall& call) {
  const Window2d& window = call.value.attributes.window;
  const bool ceil = call.value.attributes.ceil_mode == CeilMode::kCeil;
  if (!is_even(window)) {
    const at::Tensor x = padded_by_hand(call.inputs[0], window, -std::numeric_limits<double>::infinity());
    return without_extra_windows(at::max_pool2d(x, window.kernel, window.stride, kNoPadding, window.dilation, ceil),
                                 call.value);
  }
  return at::max_pool2d(call.inputs[0], window.kernel, window.stride, even_padding(window), window.dilation, ceil);
}

at::Tensor avg_pool2d(const OpCall& call) {
  const Attributes& attributes = call.value.attributes;
  const Window2d& window = attributes.window;
  const bool ceil = attributes.ceil_mode == CeilMode::kCeil;
  const at::Tensor& x = call.inputs[0];
  if (is_even(window)) {
    return at::avg_pool2d(x, window.kernel, window.stride, even_padding(window), ceil, attributes.count_padding);
  }
  const auto means_of = [&](const at::Tensor& values) {
    const at::Tensor wide = padded_by_hand(values, window, 0.0);
    return without_extra_windows(at::avg_pool2d(wide, window.kernel, window.stride, kNoPadding, ceil, true),
                                 call.value);
  };
  if (attributes.count_padding) {
    return means_of(x);
  }
  // The share of each window that is no padding.
  return means_of(x) / means_of(at::ones({1, 1, x.size(2), x.size(3)}, x.options().requires_grad(false)));
}

at::Tensor reduced(const OpCall& call) {
  const Attributes& attributes = call.value.attributes;
  const at::Tensor& x = call.inputs[0];
  switch (attributes.reduction) {
    case Reduction::kMean:
      return x.mean(attributes.dims, attributes.keep_dims);
    case Reduction::kMax:
      return x.amax(attributes.dims, attributes.keep_dims);
    case Reduction::kGem:
      // Powers of bfloat16 lose too much.
      return x.to(at::kFloat)
          .clamp_min(attributes.epsilon)
          .pow(attributes.exponent)
          .mean(attributes.dims, attributes.keep_dims)
          .pow(1.0 / attributes.exponent);
  }
  return {};
}

at::Tensor reshaped(const OpCall& call) {
  std::vector<std::int64_t> shape{call.inputs[0].size(0)};
  shape.insert(shape.end(), call.value.attributes.dims.begin(), call.value.attributes.dims.end());
  return call.inputs[0].reshape(shape);
}

at::Tensor broadcast_rows(const OpCall& call) {
  std::vector<std::int64_t> shape(call.inputs[0].sizes().begin(), call.inputs[0].sizes().end());
  shape[0] = call.inputs[1].size(0);
  return call.inputs[0].expand(shape);
}

at::Tensor scaled_dot_product(const OpCall& call) {
  const auto& in = call.inputs;
  return attention_of({in[0], in[1], in[2], in.size() == 4 ? in[3] : at::Tensor(), {}}, call);
}

at::Tensor zero_padded(const OpCall& call) {
  const auto& dims = call.value.attributes.dims;
  const std::size_t rank = dims.size() / 2;
  std::vector<std::int64_t> padding;  // torch counts axes from the last
  for (std::size_t axis = rank; axis-- > 0;) {
    padding.push_back(dims[axis]);
    padding.push_back(dims[rank + axis]);
  }
  return at::constant_pad_nd(call.inputs[0], padding, 0.0);
}

// Rows of [rows * n, ...] are picked, since picking whole rows is what torch does fastest, forth and back.
at::Tensor gather_tokens(const OpCall& call) {
  const at::Tensor& x = call.inputs[0];
  const at::Tensor first = at::arange(x.size(0), at::TensorOptions(at::kLong).device(x.device())) * x.size(1);
  const at::Tensor ids = (call.inputs[1].to(at::kLong) + first.unsqueeze(1)).flatten();
  std::vector<std::int64_t> shape(x.sizes().begin(), x.sizes().end());
  shape[1] = call.inputs[1].size(1);
  return x.flatten(0, 1).index_select(0, ids).reshape(shape);
}

}  // namespace

at::Tensor lower_image_op(const OpCall& call) {
  const Attributes& attributes = call.value.attributes;
  switch (call.value.op) {
    case Op::kConv2d:
      return conv2d(call);
    case Op::kBatchNorm:
      return batch_norm(call);
    case Op::kMaxPool2d:
      return max_pool2d(call);
    case Op::kAvgPool2d:
      return avg_pool2d(call);
    case Op::kAdaptiveAvgPool2d:
      return at::adaptive_avg_pool2d(call.inputs[0], attributes.dims);
    case Op::kReduce:
      return reduced(call);
    case Op::kReshape:
      return reshaped(call);
    case Op::kTranspose:
      return call.inputs[0].permute(attributes.dims);
    case Op::kBroadcastRows:
      return broadcast_rows(call);
    case Op::kScaledDotProduct:
      return scaled_dot_product(call);
    case Op::kPad:
      return zero_padded(call);
    case Op::kGatherTokens:
      return gather_tokens(call);
    default:
      return {};
  }
}

}  // namespace asterism
