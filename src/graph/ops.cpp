// The op table and the words for attributes.
#include <array>

#include "graph/op.hpp"

namespace asterism {
namespace {

constexpr std::array<OpTraits, 25> kOpTable{{
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
    {Op::kConv2d, "conv2d", 2, 3},
    {Op::kBatchNorm, "batch_norm", 5, 5},
    {Op::kMaxPool2d, "max_pool2d", 1, 1},
    {Op::kAvgPool2d, "avg_pool2d", 1, 1},
    {Op::kAdaptiveAvgPool2d, "adaptive_avg_pool2d", 1, 1},
    {Op::kReduce, "reduce", 1, 1},
    {Op::kReshape, "reshape", 1, 1},
    {Op::kTranspose, "transpose", 1, 1},
    {Op::kBroadcastRows, "broadcast_rows", 2, 2},
    {Op::kScaledDotProduct, "scaled_dot_product", 3, 4},
    {Op::kPad, "pad", 1, 1},
    {Op::kGatherTokens, "gather_tokens", 2, 2},
}};

constexpr std::array<Activation, 12> kActivations{
    Activation::kIdentity, Activation::kGeluErf,     Activation::kGeluTanh,  Activation::kRelu,
    Activation::kTanh,     Activation::kSigmoid,     Activation::kSilu,      Activation::kGeluQuick,
    Activation::kRelu6,    Activation::kHardSigmoid, Activation::kHardSwish, Activation::kExp};
constexpr std::array<std::string_view, 12> kActivationNames{"identity", "gelu",        "gelu_tanh", "relu",
                                                            "tanh",     "sigmoid",     "silu",      "quick_gelu",
                                                            "relu6",    "hardsigmoid", "hardswish", "exp"};

constexpr std::array<Pooling, 6> kPoolings{Pooling::kCls,         Pooling::kMax,          Pooling::kMean,
                                           Pooling::kMeanSqrtLen, Pooling::kWeightedMean, Pooling::kLastToken};
constexpr std::array<std::string_view, 6> kPoolingNames{"cls",           "max",          "mean",
                                                        "mean_sqrt_len", "weightedmean", "lasttoken"};

constexpr std::array<Reduction, 3> kReductions{Reduction::kMean, Reduction::kMax, Reduction::kGem};
constexpr std::array<std::string_view, 3> kReductionNames{"mean", "max", "gem"};

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

std::span<const Reduction> all_reductions() noexcept {
  return kReductions;
}

std::string_view reduction_name(Reduction reduction) noexcept {
  return kReductionNames[static_cast<std::size_t>(reduction)];
}

}  // namespace asterism
