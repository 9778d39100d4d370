#include "torch/op_lowering.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <limits>
#include <vector>

#include "torch/products.hpp"

namespace asterism {
namespace {

// A new activation is one line here; the compiler asks for it.
// torch 1.13 has no gradients of relu6, hardsigmoid and hardswish in bfloat16; of clamp it has.
at::Tensor clamped_to_6(const at::Tensor& x) {
  return at::clamp(x, 0.0, 6.0);
}

at::Tensor activated(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kIdentity:
      return x;
    case Activation::kGeluErf:
      return at::gelu(x, "none");
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kTanh:
      return at::tanh(x);
    case Activation::kSigmoid:
      return at::sigmoid(x);
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kGeluQuick:
      return x * at::sigmoid(1.702 * x);
    case Activation::kRelu6:
      return clamped_to_6(x);
    case Activation::kHardSigmoid:
      return clamped_to_6(x + 3.0) / 6.0;
    case Activation::kHardSwish:
      return x * clamped_to_6(x + 3.0) / 6.0;
    case Activation::kExp:
      return at::exp(x);
  }
  return {};
}

at::Tensor optional_input(const OpCall& call, std::size_t index) {
  return index < call.inputs.size() ? call.inputs[index] : at::Tensor();
}

}  // namespace

at::Tensor attention_of(const AttentionParts& parts, const OpCall& call) {
  const double scale = call.value.attributes.scale;
  const bool split = call.split_products && can_split_products(parts.query) && can_split_products(parts.key);
  // Multiplying the query costs less than multiplying the scores.
  at::Tensor scores = split ? split_product(parts.query, parts.key.transpose(-2, -1), scale)
                            : at::matmul(parts.query * scale, parts.key.transpose(-2, -1));
  if (parts.bias.defined()) {
    scores = scores + parts.bias;
  }
  if (parts.hide.defined()) {
    scores = scores.masked_fill(parts.hide, -std::numeric_limits<double>::infinity());
  }
  const at::Tensor shares = at::softmax(scores, -1);
  return split ? split_product(shares, parts.value, 1.0) : at::matmul(shares, parts.value);
}

at::Tensor lower_op(const OpCall& call) {
  const auto& in = call.inputs;
  const Attributes& attributes = call.value.attributes;
  switch (call.value.op) {
    case Op::kInput:
    case Op::kParameter:
      break;
    case Op::kEmbedding:
      return at::embedding(in[0], in[1]);
    case Op::kLinear:
      return call.split_products && can_split_products(in[0]) ? split_linear(in[0], in[1], optional_input(call, 2))
                                                              : at::linear(in[0], in[1], optional_input(call, 2));
    case Op::kAdd:
      return at::add(in[0], in[1]);
    case Op::kMultiply:
      return at::mul(in[0], in[1]);
    case Op::kLayerNorm:
      return at::layer_norm(in[0], in[1].sizes(), in[1], in[2], attributes.epsilon);
    case Op::kActivation:
      return activated(in[0], attributes.activation);
    case Op::kAttention:
      return lower_attention(call);
    case Op::kPool:
      return lower_pool(call);
    case Op::kConcat:
      return at::cat(std::vector<at::Tensor>(in.begin(), in.end()), attributes.axis);
    case Op::kSlice:
      return in[0].narrow(attributes.axis, attributes.begin, attributes.size);
    case Op::kNormalize: {
      const at::Tensor x = in[0].to(at::kFloat);
      return x / x.norm(2, -1, true).clamp_min(attributes.epsilon);
    }
    default:
      return lower_image_op(call);
  }
  return {};
}

}  // namespace asterism
