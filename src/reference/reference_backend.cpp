#include "reference/reference_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "graph/feeds.hpp"
#include "reference/reference_ops.hpp"

namespace asterism {
namespace {

// The file's weights, rounded to bf16 first where that is what was asked for.
Matrix matrix_of(const Tensor& tensor, ComputePrecision precision) {
  const Tensor f32 = tensor.to_f32();
  const Shape& shape = f32.shape();
  Matrix matrix(shape.size() == 2 ? static_cast<std::size_t>(shape[0]) : 1, static_cast<std::size_t>(shape.back()));
  const std::span<const float> values = f32.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = precision == ComputePrecision::kBF16 ? bf16_to_f32(f32_to_bf16(values[i])) : values[i];
    matrix.values[i] = static_cast<double>(value);
  }
  return matrix;
}

Tensor tensor_of(const Matrix& matrix) {
  Tensor tensor(DType::kF32, {static_cast<std::int64_t>(matrix.rows), static_cast<std::int64_t>(matrix.columns)});
  std::ranges::transform(matrix.values, tensor.mutable_as<float>().begin(),
                         [](double value) { return static_cast<float>(value); });
  return tensor;
}

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(Graph graph, FeedPlan plan, std::vector<Matrix> parameters)
      : graph_(std::move(graph)), plan_(std::move(plan)), parameters_(std::move(parameters)) {}

  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const override {
    const auto checked = plan_.check(feeds);
    if (!checked) {
      return std::unexpected(checked.error());
    }
    State state{std::vector<Matrix>(graph_.values().size()),
                std::vector<std::span<const std::int32_t>>(graph_.values().size())};
    for (std::size_t i = 0; i < plan_.slots().size(); ++i) {
      const auto index = static_cast<std::size_t>(plan_.slots()[i].value);
      if (checked->tensors[i]->dtype() == DType::kI32) {
        state.integers[index] = checked->tensors[i]->as<std::int32_t>();
      } else {
        state.matrices[index] = matrix_of(*checked->tensors[i], ComputePrecision::kF32);
      }
    }
    for (std::size_t i = 0; i < graph_.values().size(); ++i) {
      const Value& value = graph_.values()[i];
      if (value.op != Op::kInput && value.op != Op::kParameter) {
        state.matrices[i] = compute(value, state);
      }
    }
    std::vector<Tensor> outputs;
    for (const ValueId output : graph_.outputs()) {
      outputs.push_back(tensor_of(state.matrices[static_cast<std::size_t>(output)]));
    }
    return outputs;
  }

 private:
  struct State {
    std::vector<Matrix> matrices;
    std::vector<std::span<const std::int32_t>> integers;
  };

  Matrix compute(const Value& value, const State& state) const {
    const auto integers = [&](std::size_t i) { return state.integers[static_cast<std::size_t>(value.inputs[i])]; };
    const auto matrix = [&](std::size_t i) -> const Matrix& {
      const auto index = static_cast<std::size_t>(value.inputs[i]);
      return graph_.values()[index].op == Op::kParameter ? parameters_[index] : state.matrices[index];
    };
    const Attributes& attributes = value.attributes;
    switch (value.op) {
      case Op::kInput:
      case Op::kParameter:
        break;
      case Op::kEmbedding:
        return reference::embedding(matrix(0), integers(1));
      case Op::kLinear:
        return reference::linear(matrix(0), matrix(1), value.inputs.size() == 3 ? &matrix(2) : nullptr);
      case Op::kAdd:
        return reference::add(matrix(0), matrix(1));
      case Op::kMultiply:
        return reference::multiply(matrix(0), matrix(1));
      case Op::kLayerNorm:
        return reference::layer_norm(matrix(0), matrix(1), matrix(2), attributes.epsilon);
      case Op::kActivation:
        return reference::activation(matrix(0), attributes.activation);
      case Op::kAttention:
        return reference::attention({matrix(0), matrix(1), matrix(2), integers(3)}, attributes);
      case Op::kPool:
        return reference::pool(matrix(0), integers(1), attributes.pooling);
      case Op::kConcat: {
        std::vector<const Matrix*> parts;
        for (std::size_t i = 0; i < value.inputs.size(); ++i) {
          parts.push_back(&matrix(i));
        }
        return reference::concat(parts);
      }
      case Op::kSlice:
        return reference::slice(matrix(0), static_cast<std::size_t>(attributes.size));
      case Op::kNormalize:
        return reference::normalize(matrix(0), attributes.epsilon);
    }
    return {};
  }

  Graph graph_;
  FeedPlan plan_;
  std::vector<Matrix> parameters_;  // one a value of the graph; empty where the value is no parameter
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const noexcept override { return "reference"; }

  Result<std::unique_ptr<Executable>> compile(const Graph& graph, const ParameterMap& parameters,
                                              const CompileOptions& options) const override {
    if (auto ok = graph.verify(); !ok) {
      return std::unexpected(ok.error());
    }
    if (auto ok = graph.check_bound(parameters); !ok) {
      return std::unexpected(ok.error());
    }
    auto plan = FeedPlan::make(graph);
    if (!plan) {
      return std::unexpected(plan.error());
    }
    std::vector<Matrix> matrices(graph.values().size());
    for (std::size_t i = 0; i < matrices.size(); ++i) {
      const Value& value = graph.values()[i];
      if (value.op == Op::kParameter) {
        matrices[i] = matrix_of(parameters.find(value.name)->second, options.precision);
      }
    }
    return std::make_unique<ReferenceExecutable>(graph, std::move(*plan), std::move(matrices));
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace asterism
