#include "graph/infer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "graph/infer_rules.hpp"

namespace asterism {

using namespace infer_rules;

namespace {

Result<ValueType> infer_embedding(std::span<const Value* const> inputs) {
  const Value& table = *inputs[0];
  const Value& ids = *inputs[1];
  if (table.op != Op::kParameter || table.shape.size() != 2 || table.shape[0] <= 0 || table.shape[1] <= 0) {
    return bad(fmt::format("the table must be a parameter [rows, dim], found {} {}", op_name(table.op),
                           type_to_string(table)));
  }
  if (ids.op != Op::kInput || ids.dtype != DType::kI32 || ids.shape.size() != 1) {
    return bad(
        fmt::format("ids must be an input i32 [tokens] or [rows], found {} {}", op_name(ids.op), type_to_string(ids)));
  }
  return ValueType{DType::kF32, {ids.shape[0], table.shape[1]}};
}

Result<ValueType> infer_linear(std::span<const Value* const> inputs) {
  const Value& x = *inputs[0];
  const Value& weight = *inputs[1];
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (weight.op != Op::kParameter || weight.shape.size() != 2 || weight.shape[0] <= 0 ||
      weight.shape[1] != x.shape.back()) {
    return bad(fmt::format("the weight must be a parameter [out, {}], found {} {}", x.shape.back(), op_name(weight.op),
                           type_to_string(weight)));
  }
  if (inputs.size() == 3) {
    if (auto ok = expect_parameter(*inputs[2], {weight.shape[0]}, "the bias"); !ok) {
      return std::unexpected(ok.error());
    }
  }
  Shape shape = x.shape;
  shape.back() = weight.shape[0];
  return ValueType{DType::kF32, std::move(shape)};
}

// As numpy: aligned at the last dimension, each of b's is a's or 1. What comes from the rows of a run has as many.
Result<ValueType> infer_binary(std::span<const Value* const> inputs) {
  const Value& a = *inputs[0];
  const Value& b = *inputs[1];
  if (auto ok = expect_activation(a, "a"); !ok) {
    return std::unexpected(ok.error());
  }
  const bool is_parameter = b.op == Op::kParameter;
  bool fits = b.dtype == DType::kF32 && spreads_to(b.shape, a.shape);
  fits = fits && (is_parameter || (b.shape.size() == a.shape.size() && b.shape[0] == a.shape[0]));
  if (!fits) {
    return bad(fmt::format("b must be f32 {} or spread to it as a parameter or by dimensions of 1, found {} {}",
                           symbolic_shape_to_string(a.shape), op_name(b.op), type_to_string(b)));
  }
  return ValueType{DType::kF32, a.shape};
}

Result<ValueType> infer_layer_norm(const Attributes& attributes, std::span<const Value* const> inputs) {
  if (auto ok = expect_activation(*inputs[0], "x"); !ok) {
    return std::unexpected(ok.error());
  }
  const Shape row{inputs[0]->shape.back()};
  if (auto ok = expect_parameter(*inputs[1], row, "the weight"); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = expect_parameter(*inputs[2], row, "the bias"); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = expect_epsilon(attributes.epsilon); !ok) {
    return std::unexpected(ok.error());
  }
  return ValueType{DType::kF32, inputs[0]->shape};
}

Result<ValueType> infer_attention(const Attributes& attributes, std::span<const Value* const> inputs) {
  const Value& query = *inputs[0];
  if (auto ok = expect_rows(query, "the query"); !ok) {
    return std::unexpected(ok.error());
  }
  for (std::size_t i = 1; i < 3; ++i) {
    if (inputs[i]->dtype != DType::kF32 || inputs[i]->shape != query.shape) {
      return bad(fmt::format("the {} must be f32 {} as the query is, found {}", i == 1 ? "key" : "value",
                             symbolic_shape_to_string(query.shape), type_to_string(*inputs[i])));
    }
  }
  if (query.shape[0] == kRowDim) {
    return bad("the query must have one row a token, found one row a text");
  }
  const Value& offsets = *inputs[3];
  if (offsets.op != Op::kInput || offsets.dtype != DType::kI32 || offsets.shape.size() != 1) {
    return bad(fmt::format("offsets must be an input i32 [texts + 1], found {} {}", op_name(offsets.op),
                           type_to_string(offsets)));
  }
  if (attributes.head_count <= 0 || query.shape[1] % attributes.head_count != 0) {
    return bad(fmt::format("head_count must divide {}, found {}", query.shape[1], attributes.head_count));
  }
  if (!std::isfinite(attributes.scale)) {
    return bad(fmt::format("scale must be finite, found {}", attributes.scale));
  }
  return ValueType{DType::kF32, query.shape};
}

Result<ValueType> infer_pool(std::span<const Value* const> inputs) {
  const Value& x = *inputs[0];
  const Value& ranges = *inputs[1];
  if (auto ok = expect_rows(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (x.shape[0] == kRowDim) {
    return bad("x must have one row a token, found one row a text");
  }
  if (ranges.op != Op::kInput || ranges.dtype != DType::kI32 || ranges.shape.size() != 2 || ranges.shape[1] != 2) {
    return bad(
        fmt::format("ranges must be an input i32 [texts, 2], found {} {}", op_name(ranges.op), type_to_string(ranges)));
  }
  return ValueType{DType::kF32, {kRowDim, x.shape[1]}};
}

Result<ValueType> infer_concat(const Attributes& attributes, std::span<const Value* const> inputs) {
  if (auto ok = expect_axis(attributes.axis, *inputs[0]); !ok) {
    return std::unexpected(ok.error());
  }
  const auto axis = static_cast<std::size_t>(attributes.axis);
  Shape shape = inputs[0]->shape;
  std::int64_t length = 0;
  for (const Value* part : inputs) {
    if (auto ok = expect_activation(*part, "every part"); !ok) {
      return std::unexpected(ok.error());
    }
    Shape others = part->shape;
    if (others.size() == shape.size()) {
      others[axis] = shape[axis];
    }
    if (others != shape) {
      return bad(fmt::format("parts must have the shape of the first, {}, but for axis {}, found {}",
                             symbolic_shape_to_string(shape), axis, symbolic_shape_to_string(part->shape)));
    }
    length += part->shape[axis];
  }
  shape[axis] = length;
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_slice(const Attributes& attributes, const Value& x) {
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = expect_axis(attributes.axis, x); !ok) {
    return std::unexpected(ok.error());
  }
  const std::int64_t length = x.shape[static_cast<std::size_t>(attributes.axis)];
  if (attributes.begin < 0 || attributes.begin >= length || attributes.size < 1 ||
      attributes.size > length - attributes.begin) {
    return bad(fmt::format("begin and size must lie within the {} of axis {}, found {} and {}", length, attributes.axis,
                           attributes.begin, attributes.size));
  }
  Shape shape = x.shape;
  shape[static_cast<std::size_t>(attributes.axis)] = attributes.size;
  return ValueType{DType::kF32, std::move(shape)};
}

Result<ValueType> infer_same(const Value& x) {
  if (auto ok = expect_activation(x, "x"); !ok) {
    return std::unexpected(ok.error());
  }
  return ValueType{DType::kF32, x.shape};
}

}  // namespace

std::string symbolic_shape_to_string(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += i == 0 ? "" : ", ";
    if (shape[i] == kDynamicDim) {
      out += "tokens";
    } else if (shape[i] == kRowDim) {
      out += "rows";
    } else {
      out += std::to_string(shape[i]);
    }
  }
  return out + "]";
}

Result<ValueType> infer_type(Op op, const Attributes& attributes, std::span<const Value* const> inputs) {
  const OpTraits& traits = op_traits(op);
  if (inputs.size() < traits.input_count_min || inputs.size() > traits.input_count_max) {
    return bad(fmt::format("{} takes {} to {} inputs, found {}", traits.name, traits.input_count_min,
                           traits.input_count_max, inputs.size()));
  }
  switch (op) {
    case Op::kInput:
    case Op::kParameter:
      return bad(fmt::format("{} has a given type, not an inferred one", traits.name));
    case Op::kEmbedding:
      return infer_embedding(inputs);
    case Op::kLinear:
      return infer_linear(inputs);
    case Op::kAdd:
    case Op::kMultiply:
      return infer_binary(inputs);
    case Op::kLayerNorm:
      return infer_layer_norm(attributes, inputs);
    case Op::kActivation:
      return infer_same(*inputs[0]);
    case Op::kAttention:
      return infer_attention(attributes, inputs);
    case Op::kPool:
      return infer_pool(inputs);
    case Op::kConcat:
      return infer_concat(attributes, inputs);
    case Op::kSlice:
      return infer_slice(attributes, *inputs[0]);
    case Op::kNormalize:
      if (auto ok = expect_epsilon(attributes.epsilon); !ok) {
        return std::unexpected(ok.error());
      }
      return infer_same(*inputs[0]);
    default:
      return infer_image_type(op, attributes, inputs);
  }
}

}  // namespace asterism
