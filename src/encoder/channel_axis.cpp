#include "encoder/channel_axis.hpp"

#include <algorithm>

namespace asterism {
namespace {

constexpr std::size_t kMapRank = 4;

std::size_t last_axis(const Value& value) {
  return value.shape.size() - 1;
}

std::size_t usual_axis(const Value& value) {
  return value.shape.size() == kMapRank ? 1 : last_axis(value);
}

// The first input that is computed for each row; parameters are none.
const ValueId* row_input(const Graph& graph, const Value& value) {
  const auto it =
      std::ranges::find_if(value.inputs, [&](ValueId input) { return graph.value(input).op != Op::kParameter; });
  return it == value.inputs.end() ? nullptr : &*it;
}

// From the axis of the input to that of the result.
std::size_t moved_axis(const Value& from, std::size_t axis, const Value& to) {
  if (to.op == Op::kTranspose) {
    const auto& order = to.attributes.dims;
    return static_cast<std::size_t>(std::ranges::find(order, static_cast<std::int64_t>(axis)) - order.begin());
  }
  if (to.shape.size() == from.shape.size() && to.op != Op::kReshape) {
    return axis;
  }
  return axis == last_axis(from) && to.shape.back() == from.shape.back() ? last_axis(to) : usual_axis(to);
}

}  // namespace

std::size_t channel_axis(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  switch (value.op) {
    case Op::kInput:
    case Op::kParameter:
    case Op::kConv2d:
    case Op::kBatchNorm:
    case Op::kMaxPool2d:
    case Op::kAvgPool2d:
    case Op::kAdaptiveAvgPool2d:
      return usual_axis(value);
    case Op::kLinear:
    case Op::kLayerNorm:
    case Op::kScaledDotProduct:
      return last_axis(value);
    default:
      break;
  }
  const ValueId* const from = row_input(graph, value);
  return from == nullptr ? usual_axis(value) : moved_axis(graph.value(*from), channel_axis(graph, *from), value);
}

}  // namespace asterism
