#include <fmt/format.h>

#include <utility>

#include "graph/graph.hpp"
#include "graph/infer.hpp"

namespace asterism {

GraphBuilder::GraphBuilder(Graph graph) : graph_(std::move(graph)) {
  graph_.outputs_.clear();
  for (std::size_t i = 0; i < graph_.values_.size(); ++i) {
    by_name_.emplace(graph_.values_[i].name, ValueId{static_cast<std::uint32_t>(i)});
  }
  for (const Alias& alias : graph_.aliases_) {
    by_name_.emplace(alias.name, alias.value);
  }
}

void GraphBuilder::fail_once(Error error) {
  if (!error_) {
    error_ = std::move(error);
  }
}

bool GraphBuilder::claim_name(const std::string& name, ValueId value) {
  if (error_) {
    return false;
  }
  if (name.empty()) {
    fail_once({ErrorCode::kInvalidArgument, "graph: a value has an empty name", ""});
    return false;
  }
  if (!by_name_.emplace(name, value).second) {
    fail_once({ErrorCode::kInvalidArgument, fmt::format("graph: two values are named \"{}\"", name), ""});
    return false;
  }
  return true;
}

ValueId GraphBuilder::append_source(Value value) {
  const ValueId id{static_cast<std::uint32_t>(graph_.values_.size())};
  for (std::size_t axis = 0; axis < value.shape.size(); ++axis) {
    const std::int64_t dim = value.shape[axis];
    const bool may_be_symbolic = value.op == Op::kInput && axis == 0;
    if (dim < 1 && !(may_be_symbolic && (dim == kDynamicDim || dim == kRowDim))) {
      fail_once({ErrorCode::kInvalidArgument,
                 fmt::format("graph: {} \"{}\": dimension {} of {} must be positive", op_name(value.op), value.name,
                             axis, shape_to_string(value.shape)),
                 ""});
    }
  }
  if (claim_name(value.name, id)) {
    graph_.values_.push_back(std::move(value));
  }
  return id;
}

ValueId GraphBuilder::append(Op op, std::string name, std::vector<ValueId> inputs, const Attributes& attributes) {
  const ValueId id{static_cast<std::uint32_t>(graph_.values_.size())};
  if (error_) {
    return id;
  }
  std::vector<const Value*> operands;
  for (const ValueId input : inputs) {
    if (static_cast<std::size_t>(input) >= graph_.values_.size()) {
      fail_once({ErrorCode::kInvalidArgument, fmt::format("graph: \"{}\" uses a value of another graph", name), ""});
      return id;
    }
    operands.push_back(&graph_.value(input));
  }
  auto type = infer_type(op, attributes, operands);
  if (!type) {
    fail_once({type.error().code, fmt::format("graph: {} \"{}\": {}", op_name(op), name, type.error().message), ""});
    return id;
  }
  if (claim_name(name, id)) {
    graph_.values_.push_back({std::move(name), op, std::move(inputs), attributes, type->dtype, std::move(type->shape)});
  }
  return id;
}

std::int64_t GraphBuilder::from_front(std::int64_t axis, ValueId x) const {
  return axis < 0 ? axis + static_cast<std::int64_t>(shape(x).size()) : axis;
}

ValueId GraphBuilder::input(std::string name, DType dtype, Shape shape) {
  return append_source({std::move(name), Op::kInput, {}, {}, dtype, std::move(shape)});
}

ValueId GraphBuilder::parameter(std::string name, Shape shape) {
  return append_source({std::move(name), Op::kParameter, {}, {}, DType::kF32, std::move(shape)});
}

ValueId GraphBuilder::embedding(std::string name, ValueId table, ValueId ids) {
  return append(Op::kEmbedding, std::move(name), {table, ids}, {});
}

ValueId GraphBuilder::linear(std::string name, ValueId x, ValueId weight) {
  return append(Op::kLinear, std::move(name), {x, weight}, {});
}

ValueId GraphBuilder::linear(std::string name, ValueId x, ValueId weight, ValueId bias) {
  return append(Op::kLinear, std::move(name), {x, weight, bias}, {});
}

ValueId GraphBuilder::add(std::string name, ValueId a, ValueId b) {
  return append(Op::kAdd, std::move(name), {a, b}, {});
}

ValueId GraphBuilder::multiply(std::string name, ValueId a, ValueId b) {
  return append(Op::kMultiply, std::move(name), {a, b}, {});
}

ValueId GraphBuilder::layer_norm(std::string name, ValueId x, ValueId weight, ValueId bias, double epsilon) {
  Attributes attributes;
  attributes.epsilon = epsilon;
  return append(Op::kLayerNorm, std::move(name), {x, weight, bias}, attributes);
}

ValueId GraphBuilder::activation(std::string name, ValueId x, Activation activation) {
  Attributes attributes;
  attributes.activation = activation;
  return append(Op::kActivation, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::attention(std::string name, const AttentionInputs& inputs, const AttentionOptions& options) {
  Attributes attributes;
  attributes.head_count = options.head_count;
  attributes.scale = options.scale;
  attributes.causal = options.causal;
  return append(Op::kAttention, std::move(name), {inputs.query, inputs.key, inputs.value, inputs.offsets}, attributes);
}

ValueId GraphBuilder::pool(std::string name, ValueId x, ValueId ranges, Pooling pooling) {
  Attributes attributes;
  attributes.pooling = pooling;
  return append(Op::kPool, std::move(name), {x, ranges}, attributes);
}

ValueId GraphBuilder::concat(std::string name, std::span<const ValueId> parts, std::int64_t axis) {
  Attributes attributes;
  attributes.axis = parts.empty() ? axis : from_front(axis, parts.front());
  return append(Op::kConcat, std::move(name), {parts.begin(), parts.end()}, attributes);
}

ValueId GraphBuilder::slice(std::string name, ValueId x, const SliceRange& range) {
  Attributes attributes;
  attributes.axis = from_front(range.axis, x);
  attributes.begin = range.begin;
  attributes.size = range.size;
  return append(Op::kSlice, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::normalize(std::string name, ValueId x, double epsilon) {
  Attributes attributes;
  attributes.epsilon = epsilon;
  return append(Op::kNormalize, std::move(name), {x}, attributes);
}

ValueId GraphBuilder::existing(std::string_view name) {
  auto id = graph_.find(name);
  if (!id) {
    fail_once(id.error());
    return ValueId{};
  }
  return *id;
}

void GraphBuilder::alias(std::string name, ValueId value) {
  if (static_cast<std::size_t>(value) >= graph_.values_.size()) {
    fail_once({ErrorCode::kInvalidArgument, fmt::format("graph: alias \"{}\" of a value of another graph", name), ""});
  }
  if (claim_name(name, value)) {
    graph_.aliases_.push_back({std::move(name), value});
  }
}

const Shape& GraphBuilder::shape(ValueId value) const {
  static const Shape kNone;
  return static_cast<std::size_t>(value) < graph_.values_.size() ? graph_.value(value).shape : kNone;
}

Result<Graph> GraphBuilder::finish(std::span<const ValueId> outputs) {
  if (error_) {
    return std::unexpected(*error_);
  }
  graph_.outputs_.assign(outputs.begin(), outputs.end());
  if (auto ok = graph_.verify(); !ok) {
    return std::unexpected(ok.error());
  }
  return std::move(graph_);
}

}  // namespace asterism
