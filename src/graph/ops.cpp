// The op table and the words for attributes.
#include <array>

#include "graph/graph.hpp"

namespace asterism {
namespace {

constexpr std::array<OpTraits, 13> kOpTable{{
    {Op::kInput, "input", 0, 0},
    {Op::kParameter, "parameter", 0, 0},
    {Op::kEmbedding, "embedding", 2, 2},
    {Op::kLinear, "linear", 2, 3},
    {Op::kAdd, "add", 2, 2},
    {Op::kMultiply, "multiply", 2, 2},
    {Op::kLayerNorm, "layer_norm", 3, 3},
    {Op::kActivation, "activation", 1, 1},
    {Op::kAttention, "attention", 4, 4},
    {Op::kPool, "pool", 2, 2},
    {Op::kConcat, "concat", 1, kConcatInputCountMax},
    {Op::kSlice, "slice", 1, 1},
    {Op::kNormalize, "normalize", 1, 1},
}};

constexpr std::array<Activation, 8> kActivations{Activation::kIdentity, Activation::kGeluErf,  Activation::kGeluTanh,
                                                 Activation::kRelu,     Activation::kTanh,     Activation::kSigmoid,
                                                 Activation::kSilu,     Activation::kGeluQuick};
constexpr std::array<std::string_view, 8> kActivationNames{"identity", "gelu",    "gelu_tanh", "relu",
                                                           "tanh",     "sigmoid", "silu",      "quick_gelu"};

constexpr std::array<Pooling, 6> kPoolings{Pooling::kCls,         Pooling::kMax,          Pooling::kMean,
                                           Pooling::kMeanSqrtLen, Pooling::kWeightedMean, Pooling::kLastToken};
constexpr std::array<std::string_view, 6> kPoolingNames{"cls",           "max",          "mean",
                                                        "mean_sqrt_len", "weightedmean", "lasttoken"};

}  // namespace

std::span<const OpTraits> op_table() noexcept {
  return kOpTable;
}

const OpTraits& op_traits(Op op) noexcept {
  return kOpTable[static_cast<std::size_t>(op)];
}

std::string_view op_name(Op op) noexcept {
  return op_traits(op).name;
}

std::span<const Activation> all_activations() noexcept {
  return kActivations;
}

std::string_view activation_name(Activation activation) noexcept {
  return kActivationNames[static_cast<std::size_t>(activation)];
}

std::span<const Pooling> all_poolings() noexcept {
  return kPoolings;
}

std::string_view pooling_name(Pooling pooling) noexcept {
  return kPoolingNames[static_cast<std::size_t>(pooling)];
}

}  // namespace asterism
