// Shape inference of the ops of images.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "graph/infer_rules.hpp"

namespace asterism {

using namespace infer_rules;

namespace {

// Far above any model, far below what could overflow an element count.
constexpr std::int64_t kWindowValueMax = 1 << 16;

Result<void> expect_map(const Value& value, std::string_view what) {
  return expect_rank(value, 4, what);
}

Result<void> expect_window(const Window2d& window) {
  const auto within = [](std::span<const std::int64_t> values, std::int64_t least) {
    return std::ranges::all_of(values, [&](std::int64_t value) { return value >= least && value <= kWindowValueMax; });
  };
  if (!within(window.kernel, 1) || !within(window.stride, 1) || !within(window.dilation, 1) ||
      !within(window.padding, 0)) {
    return bad(fmt::format("kernel, stride and dilation must be 1 to {0} and padding 0 to {0}", kWindowValueMax));
  }
  return {};
}

// Output positions of a window along one axis; torch's rule for ceil_mode: the last window begins inside the input or
// its first padding.
Result<std::int64_t> window_count(std::int64_t length, const Window2d& window, std::size_t axis, CeilMode mode) {
  const std::int64_t before = window.padding[axis];
  const std::int64_t padded = length + before + window.padding[axis + 2];
  const std::int64_t reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
  if (padded < reach) {
    return bad(
        fmt::format("the window reaches over {} positions, but axis {} has {} with padding", reach, axis + 2, padded));
  }
  const std::int64_t stride = window.stride[axis];
  std::int64_t count = (padded - reach) / stride + 1;
  if (mode == CeilMode::kCeil) {
    count = (padded - reach + stride - 1) / stride + 1;
    count -= (count - 1) * stride >= length + before ? 1 : 0;
  }
  return count;
}

Result<ValueType> windowed(const Value& x, std::int64_t channels, const Window2d& window, CeilMode mode) {
  const auto height = window_count(x.shape[2], window, 0, mode);
  if (!height) {
    return std::unexpected(height.error());
  }
  const auto width = window_count(x.shape[3], window, 1, mode);
  if (!width) {
    return std::unexpected(width.error());
  }
  return ValueType{DType::kF32, {x.shape[0], channels, *height, *width}};
}

Result<ValueType> infer_conv2d(const Attributes& attributes, std::span<const Value* const> inputs) {
  const Value& x = *inputs[0];
  const Value& weight = *inputs[1];
  if (auto ok = expect_map(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = expect_window(attributes.window); !ok) {
    return std::unexpected(ok.error());
  }
  const std::int64_t groups = attributes.group_count;
  if (groups < 1 || x.shape[1] % groups != 0) {
    return bad(fmt::format("group_count must divide {} channels, found {}", x.shape[1], groups));
  }
  const auto& kernel = attributes.window.kernel;
  if (weight.op != Op::kParameter || weight.shape.size() != 4 || weight.shape[0] <= 0 ||
      weight.shape[0] % groups != 0 || weight.shape[1] != x.shape[1] / groups || weight.shape[2] != kernel[0] ||
      weight.shape[3] != kernel[1]) {
    return bad(fmt::format("the weight must be a parameter [a multiple of {}, {}, height, width], found {} {}", groups,
                           x.shape[1] / groups, op_name(weight.op), type_to_string(weight)));
  }
  if (inputs.size() == 3) {
    if (auto ok = expect_parameter(*inputs[2], {weight.shape[0]}, "the bias"); !ok) {
      return std::unexpected(ok.error());
    }
  }
  return windowed(x, weight.shape[0], attributes.window, CeilMode::kFloor);
}

Result<ValueType> infer_batch_norm(const Attributes& attributes, std::span<const Value* const> inputs) {
  if (auto ok = expect_activation(*inputs[0], "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = expect_epsilon(attributes.epsilon); !ok) {
    return std::unexpected(ok.error());
  }
  constexpr std::array<std::string_view, 4> kWords{"the weight", "the bias", "the mean", "the variance"};
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (auto ok = expect_parameter(*inputs[i + 1], {inputs[0]->shape[1]}, kWords[i]); !ok) {
      return std::unexpected(ok.error());
    }
  }
  return ValueType{DType::kF32, inputs[0]->shape};
}

Result<ValueType> infer_pool2d(const Attributes& attributes, const Value& x) {
  if (auto ok = expect_map(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = expect_window(attributes.window); !ok) {
    return std::unexpected(ok.error());
  }
  const Window2d& window = attributes.window;
  for (std::size_t side = 0; side < window.padding.size(); ++side) {
    if (2 * window.padding[side] > window.kernel[side % 2]) {
      return bad(fmt::format("padding must be at most half of the kernel, found {} of {}", window.padding[side],
                             window.kernel[side % 2]));
    }
  }
  return windowed(x, x.shape[1], window, attributes.ceil_mode);
}

Result<ValueType> infer_adaptive_avg_pool2d(const Attributes& attributes, const Value& x) {
  if (auto ok = expect_map(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (attributes.dims.size() != 2 || std::ranges::min(attributes.dims) < 1 ||
      std::ranges::max(attributes.dims) > kWindowValueMax) {
    return bad(fmt::format("the size must be two of 1 to {}", kWindowValueMax));
  }
  return ValueType{DType::kF32, {x.shape[0], x.shape[1], attributes.dims[0], attributes.dims[1]}};
}

Result<ValueType> infer_reduce(const Attributes& attributes, const Value& x) {
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  const std::set<std::int64_t> axes(attributes.dims.begin(), attributes.dims.end());
  if (axes.empty() || axes.size() != attributes.dims.size()) {
    return bad("the axes must be at least one, none twice");
  }
  Shape shape;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    if (!axes.contains(static_cast<std::int64_t>(axis))) {
      shape.push_back(x.shape[axis]);
    } else if (attributes.keep_dims) {
      shape.push_back(1);
    }
  }
  for (const std::int64_t axis : axes) {
    if (auto ok = expect_axis(axis, x); !ok) {
      return std::unexpected(ok.error());
    }
  }
  if (shape.size() < 2) {
    return bad("an axis beside the first must be left");
  }
  if (attributes.reduction == Reduction::kGem &&
      !(std::isfinite(attributes.exponent) && attributes.exponent > 0.0 && attributes.epsilon > 0.0)) {
    return bad(
        fmt::format("exponent and epsilon must be positive, found {} and {}", attributes.exponent, attributes.epsilon));
  }
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_reshape(const Attributes& attributes, const Value& x) {
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  const auto found = shape_element_count(std::span(x.shape).subspan(1));
  const auto asked = shape_element_count(attributes.dims);
  if (!found || !asked || attributes.dims.empty() || *found != *asked) {
    return bad(fmt::format("{} must hold as many elements as {} has a row", shape_to_string(attributes.dims),
                           symbolic_shape_to_string(x.shape)));
  }
  Shape shape{x.shape[0]};
  shape.insert(shape.end(), attributes.dims.begin(), attributes.dims.end());
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_transpose(const Attributes& attributes, const Value& x) {
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  std::vector<std::int64_t> sorted = attributes.dims;
  std::ranges::sort(sorted);
  bool fits = sorted.size() == x.shape.size() && attributes.dims[0] == 0;
  for (std::size_t i = 0; fits && i < sorted.size(); ++i) {
    fits = sorted[i] == static_cast<std::int64_t>(i);
  }
  if (!fits) {
    return bad(fmt::format("{} must name each of the {} axes once, 0 first", shape_to_string(attributes.dims),
                           x.shape.size()));
  }
  Shape shape;
  for (const std::int64_t axis : attributes.dims) {
    shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
  }
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_broadcast_rows(const Value& parameter, const Value& like) {
  if (auto ok = expect_activation(like, "like"); !ok) {
    return std::unexpected(ok.error());
  }
  if (parameter.op != Op::kParameter || parameter.shape.size() < 2 || parameter.shape[0] != 1) {
    return bad(fmt::format("the first must be a parameter [1, ...], found {} {}", op_name(parameter.op),
                           type_to_string(parameter)));
  }
  Shape shape = parameter.shape;
  shape[0] = like.shape[0];
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_scaled_dot_product(const Attributes& attributes, std::span<const Value* const> inputs) {
  constexpr std::array<std::string_view, 3> kWords{"the query", "the key", "the value"};
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (auto ok = expect_activation(*inputs[i], kWords[i]); !ok) {
      return std::unexpected(ok.error());
    }
  }
  const Shape& query = inputs[0]->shape;
  const Shape& key = inputs[1]->shape;
  const Shape& value = inputs[2]->shape;
  const std::size_t rank = query.size();
  bool fits = rank >= 3 && key.size() == rank && value.size() == rank;
  for (std::size_t axis = 0; fits && axis + 2 < rank; ++axis) {
    fits = query[axis] == key[axis] && query[axis] == value[axis];
  }
  if (!fits || query[rank - 1] != key[rank - 1] || key[rank - 2] != value[rank - 2]) {
    return bad(fmt::format("query, key and value must be [..., n, d], [..., m, d] and [..., m, e], found {}, {} and {}",
                           symbolic_shape_to_string(query), symbolic_shape_to_string(key),
                           symbolic_shape_to_string(value)));
  }
  Shape scores(query.begin() + 1, query.end());
  scores.back() = key[rank - 2];
  if (inputs.size() == 4 && (inputs[3]->op != Op::kParameter || !spreads_to(inputs[3]->shape, scores))) {
    return bad(fmt::format("the bias must be a parameter that spreads to {}, found {} {}", shape_to_string(scores),
                           op_name(inputs[3]->op), type_to_string(*inputs[3])));
  }
  if (!std::isfinite(attributes.scale)) {
    return bad(fmt::format("scale must be finite, found {}", attributes.scale));
  }
  Shape shape = query;
  shape.back() = value.back();
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_pad(const Attributes& attributes, const Value& x) {
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  const std::size_t rank = x.shape.size();
  const auto& dims = attributes.dims;
  if (dims.size() != 2 * rank || dims[0] != 0 || dims[rank] != 0 ||
      std::ranges::any_of(dims, [](std::int64_t pad) { return pad < 0 || pad > kWindowValueMax; })) {
    return bad(fmt::format("padding must be 0 to {} before and after each of the {} axes, and none of the first",
                           kWindowValueMax, rank));
  }
  Shape shape = x.shape;
  for (std::size_t axis = 1; axis < rank; ++axis) {
    shape[axis] += dims[axis] + dims[rank + axis];
  }
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_gather_tokens(const Value& x, const Value& ids) {
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (x.shape.size() < 3 || ids.op != Op::kInput || ids.dtype != DType::kI32 || ids.shape.size() != 2 ||
      ids.shape[0] != x.shape[0] || ids.shape[1] < 1) {
    return bad(fmt::format("x must be [rows, tokens, ...] and ids an input i32 [rows, k], found {} and {} {}",
                           type_to_string(x), op_name(ids.op), type_to_string(ids)));
  }
  Shape shape = x.shape;
  shape[1] = ids.shape[1];
  return ValueType{DType::kF32, std::move(shape)};
}

}  // namespace

Result<ValueType> infer_image_type(Op op, const Attributes& attributes, std::span<const Value* const> inputs) {
  switch (op) {
    case Op::kConv2d:
      return infer_conv2d(attributes, inputs);
    case Op::kBatchNorm:
      return infer_batch_norm(attributes, inputs);
    case Op::kMaxPool2d:
    case Op::kAvgPool2d:
      return infer_pool2d(attributes, *inputs[0]);
    case Op::kAdaptiveAvgPool2d:
      return infer_adaptive_avg_pool2d(attributes, *inputs[0]);
    case Op::kReduce:
      return infer_reduce(attributes, *inputs[0]);
    case Op::kReshape:
      return infer_reshape(attributes, *inputs[0]);
    case Op::kTranspose:
      return infer_transpose(attributes, *inputs[0]);
    case Op::kBroadcastRows:
      return infer_broadcast_rows(*inputs[0], *inputs[1]);
    case Op::kScaledDotProduct:
      return infer_scaled_dot_product(attributes, inputs);
    case Op::kPad:
      return infer_pad(attributes, *inputs[0]);
    case Op::kGatherTokens:
      return infer_gather_tokens(*inputs[0], *inputs[1]);
    default:
      return fail(ErrorCode::kInternal, "an op outside the op table");
  }
}

}  // namespace asterism
