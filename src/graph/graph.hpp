// One definition of each model: a graph of named values over a small op table, lowered by every backend.
//
// Text runs packed: activations are [tokens, hidden], and `offsets` i32 [texts + 1] tells where each text begins; only
// attention and pooling look at it. Rows at and past offsets[texts] are padding of a batch bucket: ops may write
// anything there, and nothing reads it.
// Values are named by the module path of the original library ("encoder.layer.3.attention.self.query"). A module whose
// result is the result of its last part (a whole block, the model) has an alias: "encoder.layer.3" is another name of
// "encoder.layer.3.output.LayerNorm". Names and aliases share one name space, so a name is never ambiguous.
// Ownership: a Graph holds no weights; parameters are named slots, bound to tensors by ParameterMap at compile time.
// Thread-safety: a finished Graph is immutable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Index of a value in its graph.
enum class ValueId : std::uint32_t {};

// A dimension known only at run time. As the first dimension of an activation it is the number of tokens.
inline constexpr std::int64_t kDynamicDim = -1;
// The number of texts: the first dimension of what kPool gives. It never equals kDynamicDim, so that adding token rows
// to text rows is an error of the graph and not of the run.
inline constexpr std::int64_t kTextDim = -2;

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
  kPool,  // (x [tokens, hidden], ranges i32 [texts, 2]: begin and end token of each text) -> [texts, hidden]; attribute
          // pooling; an empty range gives zeros
  kConcat,     // (a, b, ...) along the last dim
  kSlice,      // (x) -> first `size` columns; attribute size
  kNormalize,  // (x) -> x / max(||x||_2, epsilon) by rows; attribute epsilon (torch.nn.functional.normalize: 1e-12)
};

enum class Activation : std::uint8_t { kIdentity, kGeluErf, kGeluTanh, kRelu, kTanh, kSigmoid, kSilu, kGeluQuick };
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

// Weights by parameter name, in the dtype of their file.
using ParameterMap = std::map<std::string, Tensor, std::less<>>;

// A second name of a value.
struct Alias {
  std::string name;
  ValueId value{};
};

class Graph {
 public:
  Graph() = default;
  // Takes the parts as they are, unchecked: for tests and readers, which call verify() next.
  Graph(std::vector<Value> values, std::vector<ValueId> outputs, std::vector<Alias> aliases = {});

  // In topological order: a value's inputs precede it.
  std::span<const Value> values() const noexcept { return values_; }
  const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  std::span<const ValueId> outputs() const noexcept { return outputs_; }
  // In the order in which they were given.
  std::span<const Alias> aliases() const noexcept { return aliases_; }
  // A value by name or alias; kNotFound lists near names.
  Result<ValueId> find(std::string_view name) const;

  // Values that compute something: neither inputs nor parameters. What `embed --layer` prints before and after a cut.
  std::size_t op_count() const noexcept;

  // The same graph ending in `outputs` (names or aliases), with all that they do not need removed.
  Result<Graph> cut(std::span<const std::string> outputs) const;

  // Inputs before users, input counts as the op table says, shapes and dtypes as inference gives them, names and
  // aliases unique and not empty, at least one output. A graph from GraphBuilder always passes. kInternal names the
  // value.
  Result<void> verify() const;

  // Missing, extra and misshaped parameters are one kMismatch error that lists them (the first few of many).
  // `source` names the checkpoint in it.
  Result<void> check_parameters(const ParameterMap& parameters, std::string_view source) const;

  // Every parameter bound, in its shape; extra ones are allowed, since a cut graph needs fewer. What backends check.
  Result<void> check_bound(const ParameterMap& parameters) const;

  // One line a value: "%12 encoder.layer.0.output.dense = linear(%10, %3, %4) f32 [tokens, 384]", then aliases, then
  // outputs. The text is stable: tests and issues quote it.
  std::string dump() const;

 private:
  friend class GraphBuilder;
  std::vector<Value> values_;
  std::vector<ValueId> outputs_;
  std::vector<Alias> aliases_;
};

// Builds a graph op by op; shapes are inferred as it goes. The first error sticks and is returned by finish(), so that
// model definitions read as straight lines.
class GraphBuilder {
 public:
  GraphBuilder() = default;
  // Continues from a graph (pooling on a cut layer, Dense after pooling); its outputs are kept only if named again in
  // finish().
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

  // An existing value by name or alias, so that a continued graph can be extended.
  ValueId existing(std::string_view name);
  // Gives `value` a second name.
  void alias(std::string name, ValueId value);
  // Shape of a value so far; empty after an error.
  const Shape& shape(ValueId value) const;

  Result<Graph> finish(std::span<const ValueId> outputs);

 private:
  ValueId append(Op op, std::string name, std::vector<ValueId> inputs, const Attributes& attributes);
  ValueId append_source(Value value);
  void fail_once(Error error);
  bool claim_name(const std::string& name, ValueId value);
  Graph graph_;
  std::map<std::string, ValueId, std::less<>> by_name_;
  std::optional<Error> error_;
};

// The op table: what dumps, tests and backends iterate over, in the order of Op.
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

}  // namespace asterism
