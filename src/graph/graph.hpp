// One definition of each model: a graph of named values over a small op table, lowered by every backend.
//
// Token rows at and past offsets[texts] are padding of a batch bucket: ops may write anything there, and nothing reads
// it. What the ops are is in op.hpp.
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
#include "graph/op.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Index of a value in its graph.
enum class ValueId : std::uint32_t {};

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

// Those of `all` that the graph has: what is left to hold for a cut graph.
ParameterMap parameters_of(const Graph& graph, ParameterMap all);

struct AttentionOptions {
  std::int64_t head_count = 0;
  double scale = 0.0;
  bool causal = false;
};

// `size` elements from `begin`; a negative axis counts from the end.
struct SliceRange {
  std::int64_t axis = -1;
  std::int64_t begin = 0;
  std::int64_t size = 0;
};

struct Conv2dInputs {
  ValueId x{};
  ValueId weight{};
  std::optional<ValueId> bias;
};

struct BatchNormInputs {
  ValueId x, weight, bias, mean, variance;
};

struct AvgPoolOptions {
  CeilMode ceil_mode = CeilMode::kFloor;
  bool count_padding = true;  // torch: count_include_pad
};

struct ReduceOptions {
  Reduction reduction = Reduction::kMean;
  std::vector<std::int64_t> axes;  // negative ones count from the end
  bool keep_dims = false;
  double exponent = 3.0;  // kGem
  double epsilon = 1e-6;  // kGem
};

struct ScaledDotProductInputs {
  ValueId query{};
  ValueId key{};
  ValueId value{};
  std::optional<ValueId> bias;
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
  ValueId attention(std::string name, const AttentionInputs& inputs, const AttentionOptions& options);
  ValueId pool(std::string name, ValueId x, ValueId ranges, Pooling pooling);
  // A negative axis counts from the end.
  ValueId concat(std::string name, std::span<const ValueId> parts, std::int64_t axis = -1);
  ValueId slice(std::string name, ValueId x, const SliceRange& range);
  ValueId normalize(std::string name, ValueId x, double epsilon);

  ValueId conv2d(std::string name, const Conv2dInputs& inputs, const Window2d& window, std::int64_t group_count = 1);
  ValueId batch_norm(std::string name, const BatchNormInputs& inputs, double epsilon);
  ValueId max_pool2d(std::string name, ValueId x, const Window2d& window, CeilMode ceil_mode = CeilMode::kFloor);
  ValueId avg_pool2d(std::string name, ValueId x, const Window2d& window, const AvgPoolOptions& options = {});
  ValueId adaptive_avg_pool2d(std::string name, ValueId x, std::array<std::int64_t, 2> size);
  ValueId reduce(std::string name, ValueId x, const ReduceOptions& options);
  // `dims`: all but the first.
  ValueId reshape(std::string name, ValueId x, std::vector<std::int64_t> dims);
  ValueId transpose(std::string name, ValueId x, std::vector<std::int64_t> permutation);
  ValueId broadcast_rows(std::string name, ValueId parameter, ValueId like);
  ValueId scaled_dot_product(std::string name, const ScaledDotProductInputs& inputs, double scale);
  // One entry an axis, the first 0.
  ValueId pad(std::string name, ValueId x, std::vector<std::int64_t> before, const std::vector<std::int64_t>& after);
  ValueId gather_tokens(std::string name, ValueId x, ValueId ids);

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
  std::int64_t from_front(std::int64_t axis, ValueId x) const;
  void fail_once(Error error);
  bool claim_name(const std::string& name, ValueId value);
  Graph graph_;
  std::map<std::string, ValueId, std::less<>> by_name_;
  std::optional<Error> error_;
};

}  // namespace asterism
