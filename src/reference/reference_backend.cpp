#include "reference/reference_backend.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "graph/feeds.hpp"
#include "reference/reference_image_ops.hpp"
#include "reference/reference_ops.hpp"

namespace asterism {
namespace {

// The file's weights, rounded to bf16 first where that is what was asked for.
Array array_of(const Tensor& tensor, ComputePrecision precision) {
  const Tensor f32 = tensor.to_f32();
  const Shape& shape = f32.shape();
  Array array(shape);
  const std::span<const float> values = f32.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = precision == ComputePrecision::kBF16 ? bf16_to_f32(f32_to_bf16(values[i])) : values[i];
    array.values[i] = static_cast<double>(value);
  }
  return array;
}

Tensor tensor_of(const Array& array) {
  Tensor tensor(DType::kF32, array.shape);
  std::ranges::transform(array.values, tensor.mutable_as<float>().begin(),
                         [](double value) { return static_cast<float>(value); });
  return tensor;
}

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(Graph graph, FeedPlan plan, std::vector<Array> parameters)
      : graph_(std::move(graph)), plan_(std::move(plan)), parameters_(std::move(parameters)) {}

  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const override {
    const auto checked = plan_.check(feeds);
    if (!checked) {
      return std::unexpected(checked.error());
    }
    State state{std::vector<Array>(graph_.values().size()),
                std::vector<std::span<const std::int32_t>>(graph_.values().size())};
    for (std::size_t i = 0; i < plan_.slots().size(); ++i) {
      const auto index = static_cast<std::size_t>(plan_.slots()[i].value);
      if (checked->tensors[i]->dtype() == DType::kI32) {
        state.integers[index] = checked->tensors[i]->as<std::int32_t>();
      } else {
        state.arrays[index] = array_of(*checked->tensors[i], ComputePrecision::kF32);
      }
    }
    for (std::size_t i = 0; i < graph_.values().size(); ++i) {
      const Value& value = graph_.values()[i];
      if (value.op != Op::kInput && value.op != Op::kParameter) {
        state.arrays[i] = compute(value, state);
      }
    }
    std::vector<Tensor> outputs;
    for (const ValueId output : graph_.outputs()) {
      outputs.push_back(tensor_of(state.arrays[static_cast<std::size_t>(output)]));
    }
    return outputs;
  }

 private:
  struct State {
    std::vector<Array> arrays;
    std::vector<std::span<const std::int32_t>> integers;
  };

  Array compute(const Value& value, const State& state) const {
    const auto integers = [&](std::size_t i) { return state.integers[static_cast<std::size_t>(value.inputs[i])]; };
    const auto array = [&](std::size_t i) -> const Array& {
      const auto index = static_cast<std::size_t>(value.inputs[i]);
      return graph_.values()[index].op == Op::kParameter ? parameters_[index] : state.arrays[index];
    };
    const Attributes& attributes = value.attributes;
    switch (value.op) {
      case Op::kInput:
      case Op::kParameter:
        break;
      case Op::kEmbedding:
        return reference::embedding(array(0), integers(1));
      case Op::kLinear:
        return reference::linear(array(0), array(1), value.inputs.size() == 3 ? &array(2) : nullptr);
      case Op::kAdd:
        return reference::add(array(0), array(1));
      case Op::kMultiply:
        return reference::multiply(array(0), array(1));
      case Op::kLayerNorm:
        return reference::layer_norm(array(0), array(1), array(2), attributes.epsilon);
      case Op::kActivation:
        return reference::activation(array(0), attributes.activation);
      case Op::kAttention:
        return reference::attention({array(0), array(1), array(2), integers(3)}, attributes);
      case Op::kPool:
        return reference::pool(array(0), integers(1), attributes.pooling);
      case Op::kConcat: {
        std::vector<const Array*> parts;
        for (std::size_t i = 0; i < value.inputs.size(); ++i) {
          parts.push_back(&array(i));
        }
        return reference::concat(parts, static_cast<std::size_t>(attributes.axis));
      }
      case Op::kSlice:
        return reference::slice(array(0), attributes);
      case Op::kNormalize:
        return reference::normalize(array(0), attributes.epsilon);
      default:
        return compute_image(value, array, integers);
    }
    return {};
  }

  template <typename ArrayOf, typename IntegersOf>
  static Array compute_image(const Value& value, const ArrayOf& array, const IntegersOf& integers) {
    const Attributes& attributes = value.attributes;
    const auto optional = [&](std::size_t i) { return i < value.inputs.size() ? &array(i) : nullptr; };
    switch (value.op) {
      case Op::kConv2d:
        return reference::conv2d(array(0), array(1), optional(2), attributes);
      case Op::kBatchNorm:
        return reference::batch_norm({array(0), array(1), array(2), array(3), array(4)}, attributes.epsilon);
      case Op::kMaxPool2d:
      case Op::kAvgPool2d:
        return reference::pool2d(array(0), value);
      case Op::kAdaptiveAvgPool2d:
        return reference::adaptive_avg_pool2d(array(0), attributes);
      case Op::kReduce:
        return reference::reduce(array(0), attributes);
      case Op::kReshape:
        return reference::reshape(array(0), attributes);
      case Op::kTranspose:
        return reference::transpose(array(0), attributes);
      case Op::kBroadcastRows:
        return reference::broadcast_rows(array(0), array(1).dim(0));
      case Op::kScaledDotProduct:
        return reference::scaled_dot_product({array(0), array(1), array(2), optional(3)}, attributes.scale);
      case Op::kPad:
        return reference::pad(array(0), attributes);
      case Op::kGatherTokens:
        return reference::gather_tokens(array(0), integers(1));
      default:
        return {};
    }
  }

  Graph graph_;
  FeedPlan plan_;
  std::vector<Array> parameters_;  // one a value of the graph; empty where the value is no parameter
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const noexcept override { return "reference"; }

  Result<std::unique_ptr<Executable>> compile(const Graph& graph, const ParameterMap& parameters,
                                              const CompileOptions& options) const override {
    if (auto ok = check_compile(graph, parameters, options); !ok) {
      return std::unexpected(ok.error());
    }
    auto plan = FeedPlan::make(graph);
    if (!plan) {
      return std::unexpected(plan.error());
    }
    std::vector<Array> arrays(graph.values().size());
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const Value& value = graph.values()[i];
      if (value.op == Op::kParameter) {
        arrays[i] = array_of(parameters.find(value.name)->second, options.precision);
      }
    }
    return std::make_unique<ReferenceExecutable>(graph, std::move(*plan), std::move(arrays));
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace asterism
