#include "openvino/lowering.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include <openvino/op/add.hpp>
#include <openvino/op/clamp.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/exp.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/gelu.hpp>
#include <openvino/op/hsigmoid.hpp>
#include <openvino/op/hswish.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/normalize_l2.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/sigmoid.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/swish.hpp>
#include <openvino/op/tanh.hpp>

#include "openvino/constants.hpp"
#include "openvino/image_lowering.hpp"
#include "openvino/packed_ops.hpp"

namespace asterism {
namespace {

using Node = ov::Output<ov::Node>;

constexpr std::size_t kProjectionCount = 3;  // query, key, value

std::size_t index_of(ValueId id) {
  return static_cast<std::size_t>(id);
}

ov::Shape to_ov_shape(const Shape& shape) {
  ov::Shape out;
  std::ranges::transform(shape, std::back_inserter(out),
                         [](std::int64_t dim) { return static_cast<std::size_t>(dim); });
  return out;
}

// A constant over the tensor's own storage, which it keeps alive.
Node constant_of(const Tensor& tensor) {
  auto owner = std::make_shared<Tensor>(tensor);
  const void* data = owner->bytes().data();
  return std::make_shared<ov::op::v0::Constant>(ov::element::f32, to_ov_shape(tensor.shape()), data, owner);
}

class Lowering {
 public:
  Lowering(const Graph& graph, const ParameterMap& parameters, const LoweringOptions& options,
           LinearWeightCache& weights)
      : graph_(graph),
        parameters_(parameters),
        options_(options),
        weights_(weights),
        nodes_(graph.values().size()),
        user_counts_(graph.values().size(), 0) {
    for (const Value& value : graph.values()) {
      for (const ValueId input : value.inputs) {
        ++user_counts_[index_of(input)];
      }
    }
    for (const ValueId output : graph.outputs()) {
      ++user_counts_[index_of(output)];
    }
  }

  LoweredModel run() {
    find_fused_projections();
    if (options_.linear == LinearEngine::kKernels) {
      find_fused_epilogues();
    }
    ov::ParameterVector inputs;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Value& value = graph_.values()[i];
      if (value.op == Op::kInput) {
        inputs.push_back(lower_input(value));
        nodes_[i] = inputs.back();
      } else if (value.op != Op::kParameter && !absorbed_.contains(i)) {
        nodes_[i] = lower_value(value);
        nodes_[i].get_node()->set_friendly_name(value.name);
      }
    }
    ov::ResultVector results;
    for (const ValueId output : graph_.outputs()) {
      results.push_back(std::make_shared<ov::op::v0::Result>(nodes_[index_of(output)]));
    }
    return {std::make_shared<ov::Model>(results, inputs, "asterism")};
  }

 private:
  // A linear layer with what was fused into it, ready to lower.
  struct FusedLinear {
    std::vector<const Value*> layers;  // one, or query, key and value
    LinearActivation activation = LinearActivation::kNone;
    std::optional<ValueId> residual;
  };

  static std::shared_ptr<ov::op::v0::Parameter> lower_input(const Value& value) {
    ov::PartialShape shape;
    for (const std::int64_t dim : value.shape) {
      shape.push_back(dim < 0 ? ov::Dimension::dynamic() : ov::Dimension(dim));
    }
    const ov::element::Type type = value.dtype == DType::kI32 ? ov::element::i32 : ov::element::f32;
    auto node = std::make_shared<ov::op::v0::Parameter>(type, shape);
    node->set_friendly_name(value.name);
    return node;
  }

  const Tensor& checkpoint(ValueId id) const { return parameters_.find(graph_.value(id).name)->second; }

  Tensor weight(ValueId id) const { return prepare_weight(checkpoint(id), options_.weights); }

  Node node(ValueId id) {
    Node& found = nodes_[index_of(id)];
    if (found.get_node() == nullptr) {
      found = constant_of(weight(id));
    }
    return found;
  }

  bool used_once(ValueId id) const { return user_counts_[index_of(id)] == 1; }

  // Marks the three linear layers before an attention that can be one: same input, all with or all without bias, used
  // by nothing else.
  void find_fused_projections() {
    for (const Value& value : graph_.values()) {
      if (value.op != Op::kAttention) {
        continue;
      }
      const Value& query = graph_.value(value.inputs[0]);
      bool fits = true;
      std::set<std::size_t> layers;
      for (std::size_t i = 0; i < kProjectionCount; ++i) {
        const Value& layer = graph_.value(value.inputs[i]);
        fits = fits && layer.op == Op::kLinear && layer.inputs[0] == query.inputs[0] &&
               layer.inputs.size() == query.inputs.size() && used_once(value.inputs[i]);
        layers.insert(index_of(value.inputs[i]));
      }
      if (fits && layers.size() == kProjectionCount) {
        absorbed_.merge(layers);
      }
    }
  }

  // Marks linear layers whose only user is an activation or a residual sum that our kernel does on the way out.
  void find_fused_epilogues() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Value& value = graph_.values()[i];
      if (value.op == Op::kActivation && kernel_activation(value.attributes.activation) &&
          is_free_linear(value.inputs[0])) {
        absorbed_.insert(index_of(value.inputs[0]));
        fused_.emplace(
            i, FusedLinear{{&graph_.value(value.inputs[0])}, *kernel_activation(value.attributes.activation), {}});
      } else if (value.op == Op::kAdd && graph_.value(value.inputs[1]).op != Op::kParameter) {
        const std::size_t side = is_free_linear(value.inputs[0]) ? 0 : 1;
        if (is_free_linear(value.inputs[side]) && value.inputs[0] != value.inputs[1]) {
          absorbed_.insert(index_of(value.inputs[side]));
          fused_.emplace(
              i, FusedLinear{{&graph_.value(value.inputs[side])}, LinearActivation::kNone, value.inputs[1 - side]});
        }
      }
    }
  }

  // Our kernels multiply rows of tokens or pooled vectors; what has more dimensions is the plugin's.
  bool runs_on_kernels(const Value& value) const {
    return value.op == Op::kLinear && value.shape.size() == 2 && options_.linear == LinearEngine::kKernels;
  }

  bool is_free_linear(ValueId id) const {
    return runs_on_kernels(graph_.value(id)) && used_once(id) && !absorbed_.contains(index_of(id));
  }

  static std::optional<LinearActivation> kernel_activation(Activation activation) {
    switch (activation) {
      case Activation::kGeluErf:
        return LinearActivation::kGeluErf;
      case Activation::kRelu:
        return LinearActivation::kRelu;
      default:
        return std::nullopt;
    }
  }

  Node lower_linear(const FusedLinear& fused) {
    return runs_on_kernels(*fused.layers[0]) ? kernel_linear(fused) : plugin_linear(fused);
  }

  Node kernel_linear(const FusedLinear& fused) {
    std::vector<LinearSource> sources;
    for (const Value* layer : fused.layers) {
      sources.push_back(
          {checkpoint(layer->inputs[1]), layer->inputs.size() == 3 ? checkpoint(layer->inputs[2]) : Tensor()});
    }
    ov::OutputVector inputs{node(fused.layers[0]->inputs[0])};
    if (fused.residual) {
      inputs.push_back(node(*fused.residual));
    }
    return std::make_shared<PackedLinearOp>(inputs, weights_.get(sources, options_.weights), fused.activation,
                                            fused.layers[0]->name);
  }

  // The plugin fuses bias and activation itself.
  Node plugin_linear(const FusedLinear& fused) {
    const Value& first = *fused.layers[0];
    const Node product =
        std::make_shared<ov::op::v0::MatMul>(node(first.inputs[0]), joined(fused.layers, 1), false, true);
    return first.inputs.size() == 3 ? Node(std::make_shared<ov::op::v1::Add>(product, joined(fused.layers, 2)))
                                    : product;
  }

  // Operand `index` of the layers, one after the other.
  Node joined(const std::vector<const Value*>& layers, std::size_t index) {
    if (layers.size() == 1) {
      return node(layers[0]->inputs[index]);
    }
    std::vector<Tensor> parts;
    Shape shape;
    for (const Value* layer : layers) {
      parts.push_back(weight(layer->inputs[index]));
      if (shape.empty()) {
        shape = parts.back().shape();
      } else {
        shape[0] += parts.back().shape()[0];
      }
    }
    Tensor whole(DType::kF32, shape);
    auto out = whole.mutable_as<float>().begin();
    for (const Tensor& part : parts) {
      out = std::ranges::copy(part.as<float>(), out).out;
    }
    return constant_of(whole);
  }

  Node lower_attention(const Value& value) {
    const Node offsets = node(value.inputs[3]);
    ov::OutputVector inputs;
    if (absorbed_.contains(index_of(value.inputs[0]))) {
      const FusedLinear projections{
          {&graph_.value(value.inputs[0]), &graph_.value(value.inputs[1]), &graph_.value(value.inputs[2])},
          LinearActivation::kNone,
          {}};
      inputs = {lower_linear(projections), offsets};
    } else {
      inputs = {node(value.inputs[0]), node(value.inputs[1]), node(value.inputs[2]), offsets};
    }
    if (options_.linear == LinearEngine::kPlugin) {
      return bf16_attention(std::move(inputs), value);
    }
    return std::make_shared<PackedAttentionOp>(inputs, attention_options(value));
  }

  static AttentionOptions attention_options(const Value& value) {
    return {value.attributes.head_count, value.attributes.scale, value.attributes.causal};
  }

  // The plugin's linear layers give and take bfloat16 here. It runs our ops in the type that the graph says: without
  // the conversions, which it drops, it would turn every matrix into float32 and back.
  static Node bf16_attention(ov::OutputVector inputs, const Value& value) {
    std::for_each(inputs.begin(), inputs.end() - 1,
                  [](Node& input) { input = std::make_shared<ov::op::v0::Convert>(input, ov::element::bf16); });
    const Node narrow = std::make_shared<PackedAttentionOp>(inputs, attention_options(value));
    return std::make_shared<ov::op::v0::Convert>(narrow, ov::element::f32);
  }

  Node lower_layer_norm(const Value& value) {
    const Node axes = constant_i64({-1});
    const Node normed = std::make_shared<ov::op::v6::MVN>(node(value.inputs[0]), axes, true,
                                                          static_cast<float>(value.attributes.epsilon),
                                                          ov::op::MVNEpsMode::INSIDE_SQRT);
    const Node scaled = std::make_shared<ov::op::v1::Multiply>(normed, node(value.inputs[1]));
    return std::make_shared<ov::op::v1::Add>(scaled, node(value.inputs[2]));
  }

  Node lower_activation(const Value& value) {
    const Node x = node(value.inputs[0]);
    switch (value.attributes.activation) {
      case Activation::kIdentity:
        return std::make_shared<ov::op::v1::Add>(x, scalar(0.0F));
      case Activation::kGeluErf:
        return std::make_shared<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::ERF);
      case Activation::kGeluTanh:
        return std::make_shared<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::TANH);
      case Activation::kRelu:
        return std::make_shared<ov::op::v0::Relu>(x);
      case Activation::kTanh:
        return std::make_shared<ov::op::v0::Tanh>(x);
      case Activation::kSigmoid:
        return std::make_shared<ov::op::v0::Sigmoid>(x);
      case Activation::kSilu:
        return std::make_shared<ov::op::v4::Swish>(x);
      case Activation::kGeluQuick:
        return std::make_shared<ov::op::v4::Swish>(x, scalar(1.702F));
      case Activation::kRelu6:
        return std::make_shared<ov::op::v0::Clamp>(x, 0.0, 6.0);
      case Activation::kHardSigmoid:
        return std::make_shared<ov::op::v5::HSigmoid>(x);
      case Activation::kHardSwish:
        return std::make_shared<ov::op::v4::HSwish>(x);
      case Activation::kExp:
        return std::make_shared<ov::op::v0::Exp>(x);
    }
    return x;
  }

  Node lower_value(const Value& value) {
    const auto fused = fused_.find(static_cast<std::size_t>(&value - graph_.values().data()));
    if (fused != fused_.end()) {
      return lower_linear(fused->second);
    }
    switch (value.op) {
      case Op::kInput:
      case Op::kParameter:
        break;
      case Op::kEmbedding:
        return std::make_shared<ov::op::v8::Gather>(node(value.inputs[0]), node(value.inputs[1]), constant_i64({0}));
      case Op::kLinear:
        return lower_linear({{&value}, LinearActivation::kNone, {}});
      case Op::kAdd:
        return std::make_shared<ov::op::v1::Add>(node(value.inputs[0]), node(value.inputs[1]));
      case Op::kMultiply:
        return std::make_shared<ov::op::v1::Multiply>(node(value.inputs[0]), node(value.inputs[1]));
      case Op::kLayerNorm:
        return lower_layer_norm(value);
      case Op::kActivation:
        return lower_activation(value);
      case Op::kAttention:
        return lower_attention(value);
      case Op::kPool:
        return std::make_shared<PackedPoolOp>(ov::OutputVector{node(value.inputs[0]), node(value.inputs[1])},
                                              value.attributes.pooling);
      case Op::kConcat: {
        ov::OutputVector parts;
        std::ranges::transform(value.inputs, std::back_inserter(parts), [&](ValueId id) { return node(id); });
        return std::make_shared<ov::op::v0::Concat>(parts, value.attributes.axis);
      }
      case Op::kSlice:
        return std::make_shared<ov::op::v8::Slice>(node(value.inputs[0]), constant_i64({value.attributes.begin}),
                                                   constant_i64({value.attributes.begin + value.attributes.size}),
                                                   constant_i64({1}), constant_i64({value.attributes.axis}));
      case Op::kNormalize: {
        // OpenVINO compares the sum of squares with epsilon, torch its root.
        const double epsilon = value.attributes.epsilon * value.attributes.epsilon;
        return std::make_shared<ov::op::v0::NormalizeL2>(node(value.inputs[0]), constant_i64({-1}),
                                                         static_cast<float>(epsilon), ov::op::EpsMode::MAX);
      }
      default: {
        std::vector<Node> inputs;
        std::ranges::transform(value.inputs, std::back_inserter(inputs), [&](ValueId id) { return node(id); });
        return lower_image_op(value, inputs);
      }
    }
    return {};
  }

  const Graph& graph_;
  const ParameterMap& parameters_;
  const LoweringOptions options_;
  LinearWeightCache& weights_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> user_counts_;      // users and outputs of each value
  std::set<std::size_t> absorbed_;            // linear layers that lower with the value that uses them
  std::map<std::size_t, FusedLinear> fused_;  // those values: activations and sums
};

}  // namespace

LoweredModel lower(const Graph& graph, const ParameterMap& parameters, const LoweringOptions& options,
                   LinearWeightCache& weights) {
  return Lowering(graph, parameters, options, weights).run();
}

}  // namespace asterism
