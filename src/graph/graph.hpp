// One definition of each model: a graph of named values over a small op table, lowered by every backend.
//
// Text runs packed: activations are [tokens, hidden], and `offsets` i32 [texts + 1] tells where each text begins; only
// attention and pooling look at it. Rows at and past offsets[texts] are padding of a batch bucket: ops may write
// anything there, and nothing reads it.
// Values are named by the module path of the original library ("encoder.layer.3.attention.self.query").
// Ownership: a Graph holds no weights; parameters are named slots, bound to tensors by ParameterMap at compile time.
// Thread-safety: a finished Graph is immutable.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <optional>
#include <vector>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Index of a value in its graph.
enum class ValueId : std::uint32_t {};

// A dimension known only at run time.
inline constexpr std::int64_t kDynamicDim = -1;

enum class Op : std::uint8_t {
  kInput,       // fed at run time
  kParameter,   // a weight
  kEmbedding,   // (table [n, dim], ids i32 [tokens]) -> [tokens, dim]
  kLinear,      // (x [tokens, in], weight [out, in], bias [out]?) -> [tokens, out]; torch.nn.Linear
  kAdd,         // (a, b): same shape, or b is [last dim of a]
  kMultiply,    // (a, b): as kAdd
  kLayerNorm,   // (x, weight [dim], bias [dim]) over the last dim; attribute epsilon
  kActivation,  // (x); attribute activation
  kAttention,   // (query, key, value [tokens, hidden], offsets) -> [tokens, hidden]; attributes head_count, scale
  kPool,        // (x [tokens, hidden], ranges i32 [texts, 2], begin and end token of each text) -> [texts, hidden]; attribute pooling
  kConcat,      // (a, b, ...) along the last dim
  kSlice,       // (x) -> first `size` columns; attribute size
  kNormalize,   // (x) -> x / max(||x||_2, epsilon) by rows; attribute epsilon (torch.nn.functional.normalize: 1e-12)
};

enum class Activation : std::uint8_t { kIdentity, kGeluErf, kGeluTanh, kRelu, kTanh, kSigmoid, kSilu };
// The pooling modes of sentence-transformers, in the order in which it concatenates them.
enum class Pooling : std::uint8_t { kCls, kMax, kMean, kMeanSqrtLen, kWeightedMean, kLastToken };

struct Attributes {
  double epsilon = 0.0;
  double scale = 0.0;
  std::int64_t head_count = 0;
  std::int64_t size = 0;
  Activation activation = Activation::kIdentity;
  Pooling pooling = Pooling::kMean;
  bool operator==(const Attributes&) const = default;
};

struct Value {
  std::string name;
  Op op = Op::kInput;
  std::vector<ValueId> inputs;
  Attributes attributes;
  DType dtype = DType::kF32;
  Shape shape;  // kDynamicDim where only run time knows
};

// Weights by parameter name.
using ParameterMap = std::map<std::string, Tensor, std::less<>>;

class Graph {
 public:
  // In topological order: a value's inputs precede it.
  std::span<const Value> values() const noexcept { return values_; }
  const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  std::span<const ValueId> outputs() const noexcept { return outputs_; }
  // kNotFound lists near names.
  Result<ValueId> find(std::string_view name) const;

  // Values that compute something: neither inputs nor parameters. What `embed --layer` prints before and after a cut.
  std::size_t op_count() const noexcept;

  // The same graph ending in `outputs`, with all that they do not need removed.
  Result<Graph> cut(std::span<const std::string> outputs) const;

  // Every value once, inputs before users, shapes and dtypes as inference gives them, names unique. A graph from
  // GraphBuilder always passes; tests break graphs on purpose.
  Result<void> verify() const;

  // Missing, extra and misshaped parameters are one kMismatch error that lists them.
  Result<void> check_parameters(const ParameterMap& parameters, std::string_view source) const;

  // One line a value: "%12 encoder.layer.0.output.dense = linear(%10, %3, %4) f32 [?, 384]".
  std::string dump() const;

 private:
  friend class GraphBuilder;
  std::vector<Value> values_;
  std::vector<ValueId> outputs_;
};

// Builds a graph op by op; shapes are inferred as it goes. The first error sticks and is returned by finish(), so that
// model definitions read as straight lines.
class GraphBuilder {
 public:
  GraphBuilder() = default;
  // Continues from a graph (pooling on a cut layer, Dense after pooling); its outputs are kept only if named again in finish().
  explicit GraphBuilder(Graph graph);

  ValueId input(std::string name, DType dtype, Shape shape);
  ValueId parameter(std::string name, Shape shape);
  ValueId embedding(std::string name, ValueId table, ValueId ids);
  ValueId linear(std::string name, ValueId x, ValueId weight);
  ValueId linear(std::string name, ValueId x, ValueId weight, ValueId bias);
  ValueId add(std::string name, ValueId a, ValueId b);
  ValueId multiply(std::string name, ValueId a, ValueId b);
  ValueId layer_norm(std::string name, ValueId x, ValueId weight, ValueId bias, double epsilon);
  ValueId activation(std::string name, ValueId x, Activation activation);
  struct AttentionInputs {
    ValueId query, key, value, offsets;
  };
  ValueId attention(std::string name, const AttentionInputs& inputs, std::int64_t head_count, double scale);
  ValueId pool(std::string name, ValueId x, ValueId ranges, Pooling pooling);
  ValueId concat(std::string name, std::span<const ValueId> parts);
  ValueId slice(std::string name, ValueId x, std::int64_t size);
  ValueId normalize(std::string name, ValueId x, double epsilon);

  // An existing value by name, so that a continued graph can be extended.
  ValueId existing(std::string_view name);

  Result<Graph> finish(std::span<const ValueId> outputs);

 private:
  ValueId append(Value value);
  Graph graph_;
  std::map<std::string, ValueId, std::less<>> by_name_;
  std::optional<Error> error_;
};

// The op table: what dumps, tests and backends iterate over.
struct OpTraits {
  Op op;
  std::string_view name;
  int input_count_min;
  int input_count_max;  // kConcat: large
};
std::span<const OpTraits> op_table() noexcept;
std::string_view op_name(Op op) noexcept;

}  // namespace asterism
