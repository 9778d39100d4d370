// The op table: what each op of a graph takes, gives and is told.
//
// Text runs packed: activations are [tokens, hidden] (kDynamicDim first), and `offsets` i32 [texts + 1] tells where
// each text begins; only attention and pooling look at it. Pooled vectors, images and their maps have one row a text or
// an image (kRowDim first): [rows, dim], [rows, channels, height, width], [rows, tokens, hidden]. Every dimension after
// the first is known when the graph is built. All ops mean what torch.nn and torch.nn.functional mean by the same
// words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tensor/tensor.hpp"

namespace asterism {

// A dimension known only at run time. As the first dimension of an activation it is the number of tokens.
inline constexpr std::int64_t kDynamicDim = -1;
// The number of rows (texts or images) of a run: the first dimension of what kPool gives, and of images. It never
// equals kDynamicDim, so that adding token rows to text rows is an error of the graph and not of the run.
inline constexpr std::int64_t kRowDim = -2;

enum class Op : std::uint8_t {
  kInput,       // fed at run time
  kParameter,   // a weight
  kEmbedding,   // (table [n, dim], ids i32 [tokens]) -> [tokens, dim]
  kLinear,      // (x [..., in], weight [out, in], bias [out]?) -> [..., out]; torch.nn.Linear
  kAdd,         // (a, b): b has a's shape or spreads to it as in numpy; the result has a's shape
  kMultiply,    // (a, b): as kAdd
  kLayerNorm,   // (x, weight [dim], bias [dim]) over the last dim; attribute epsilon
  kActivation,  // (x); attribute activation
  kAttention,   // (query, key, value [tokens, hidden], offsets) -> [tokens, hidden]; attributes head_count, scale,
                // causal
  kPool,  // (x [tokens, hidden], ranges i32 [texts, 2]: begin and end token of each text) -> [texts, hidden]; attribute
          // pooling; an empty range gives zeros
  kConcat,     // (a, b, ...) along attribute axis
  kSlice,      // (x) -> `size` elements from `begin` of attribute axis
  kNormalize,  // (x) -> x / max(||x||_2, epsilon) by the last dim; attribute epsilon (torch.nn.functional.normalize)

  // Of images.
  kConv2d,     // (x [rows, in, h, w], weight [out, in / groups, kh, kw], bias [out]?); attributes window, group_count
  kBatchNorm,  // (x [rows, c, ...], weight, bias, mean, variance [c]), as in evaluation; attribute epsilon
  kMaxPool2d,  // (x [rows, c, h, w]); attributes window, ceil_mode; padding never wins
  kAvgPool2d,  // (x [rows, c, h, w]); attributes window, ceil_mode, count_padding
  kAdaptiveAvgPool2d,  // (x [rows, c, h, w]) -> [rows, c, dims[0], dims[1]]
  kReduce,  // (x) over the axes in dims, none of them the first; attributes reduction, keep_dims, and for kGem exponent
            // and epsilon
  kReshape,           // (x) -> [rows, dims...]
  kTranspose,         // (x) -> axes in the order of dims, the first staying
  kBroadcastRows,     // (parameter [1, ...], like [rows, ...]) -> [rows, ...]: a class token for every image
  kScaledDotProduct,  // (query [rows, ..., n, d], key [rows, ..., m, d], value [rows, ..., m, e], bias?) -> [rows, ...,
                      // n, e]; bias is a parameter that spreads to [..., n, m], added to the scores; attribute scale
  kPad,               // (x) with zeros around; dims holds what comes before each axis, then what comes after each
  kGatherTokens,      // (x [rows, n, ...], ids i32 [rows, k], an input) -> [rows, k, ...]
};

enum class Activation : std::uint8_t {
  kIdentity,
  kGeluErf,
  kGeluTanh,
  kRelu,
  kTanh,
  kSigmoid,
  kSilu,
  kGeluQuick,
  kRelu6,
  kHardSigmoid,
  kHardSwish,
  kExp,
};
// The pooling modes of sentence-transformers, in the order in which it concatenates them.
enum class Pooling : std::uint8_t { kCls, kMax, kMean, kMeanSqrtLen, kWeightedMean, kLastToken };
// kGem: generalised mean, (mean(max(x, epsilon)^exponent))^(1 / exponent). Radenovic et al. 2018, equation 3.
enum class Reduction : std::uint8_t { kMean, kMax, kGem };
// How a pooling window that sticks out at the end counts: cut off, or one more position.
enum class CeilMode : std::uint8_t { kFloor, kCeil };

// Where a convolution or a pooling looks.
struct Window2d {
  std::array<std::int64_t, 2> kernel{1, 1};  // a convolution takes its weight's instead
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};
  std::array<std::int64_t, 4> padding{};  // top, left, bottom, right
  bool operator==(const Window2d&) const = default;
};

struct Attributes {
  double epsilon = 0.0;
  double scale = 0.0;
  double exponent = 0.0;
  std::int64_t head_count = 0;
  std::int64_t group_count = 1;
  std::int64_t axis = 0;
  std::int64_t begin = 0;
  std::int64_t size = 0;
  std::vector<std::int64_t> dims;
  Window2d window;
  Activation activation = Activation::kIdentity;
  Pooling pooling = Pooling::kMean;
  Reduction reduction = Reduction::kMean;
  CeilMode ceil_mode = CeilMode::kFloor;
  bool count_padding = true;  // an average counts the zeros of the padding
  bool keep_dims = false;
  bool causal = false;  // a token sees itself and those before it
  bool operator==(const Attributes&) const = default;
};

// What dumps, tests and backends iterate over, in the order of Op.
struct OpTraits {
  Op op;
  std::string_view name;
  std::size_t input_count_min;
  std::size_t input_count_max;
};
inline constexpr std::size_t kConcatInputCountMax = 64;
std::span<const OpTraits> op_table() noexcept;
const OpTraits& op_traits(Op op) noexcept;
std::string_view op_name(Op op) noexcept;

std::span<const Activation> all_activations() noexcept;
std::string_view activation_name(Activation activation) noexcept;
std::span<const Pooling> all_poolings() noexcept;
// As in the options of sentence-transformers: "cls", "mean_sqrt_len", ...
std::string_view pooling_name(Pooling pooling) noexcept;
std::span<const Reduction> all_reductions() noexcept;
std::string_view reduction_name(Reduction reduction) noexcept;

}  // namespace asterism
