// One description per op and situation: a small graph, its weights and its feeds, all from a seed.
//
// What uses them: tests/conform (every backend against the reference, guard values) and bench/micro/ops_bench.cpp (the
// same graphs at real sizes). Adding an op means adding one description here; a test fails for an op that has none.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/backend.hpp"
#include "graph/graph.hpp"

namespace asterism::conform {

// How large a case is built: the tests take small sizes with awkward remainders, the benchmark those of a real model.
struct CaseSize {
  std::vector<std::int32_t> lengths;  // tokens of each text
  std::int64_t hidden = 0;
  std::int64_t wide = 0;
  std::int64_t head_count = 1;
  std::int64_t vocabulary = 0;

  std::int64_t token_count() const {
    std::int64_t count = 0;
    for (const std::int32_t length : lengths) {
      count += length;
    }
    return count;
  }
};

inline CaseSize test_size() {
  return {{3, 1, 0, 17, 40, 2}, 24, 41, 3, 19};
}

// MiniLM's sizes, 512 tokens in texts of 64.
inline CaseSize benchmark_size() {
  return {std::vector<std::int32_t>(8, 64), 384, 1536, 12, 30522};
}

struct OpCase {
  std::string name;
  Op op = Op::kInput;
  // Adds the op to the builder and returns its value; inputs come from the helpers of CaseBuilder below.
  std::function<ValueId(class CaseBuilder&)> build;
  // Allowed difference in float32, in units of the largest output magnitude. Each op says where it comes from.
  double tolerance = 0.0;
};

// A built case: what a backend needs to run it.
struct BuiltCase {
  Graph graph;
  ParameterMap parameters;
  std::vector<Feed> feeds;
};

// Collects the graph, its random weights and feeds. `padding_rows` more token rows than the texts have are fed, filled
// with NaN: rows that belong to no text must not reach those that do.
class CaseBuilder {
 public:
  CaseBuilder(CaseSize size, std::int64_t padding_rows) : size_(std::move(size)), padding_rows_(padding_rows) {}

  const CaseSize& size() const { return size_; }
  GraphBuilder& graph() { return graph_; }

  ValueId token_rows(const std::string& name, std::int64_t dim, float magnitude = 1.0F) {
    Tensor tensor = random_tensor({size_.token_count() + padding_rows_, dim}, magnitude);
    std::span<float> values = tensor.mutable_as<float>();
    std::ranges::fill(values.subspan(static_cast<std::size_t>(size_.token_count() * dim)),
                      std::numeric_limits<float>::quiet_NaN());
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kF32, {kDynamicDim, dim});
  }

  ValueId token_ids(const std::string& name, std::int64_t limit) {
    Tensor tensor(DType::kI32, {size_.token_count() + padding_rows_});
    std::uniform_int_distribution<std::int32_t> ids(0, static_cast<std::int32_t>(limit - 1));
    for (std::int32_t& id : tensor.mutable_as<std::int32_t>()) {
      id = ids(random_);
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kDynamicDim});
  }

  ValueId offsets(const std::string& name) {
    Tensor tensor(DType::kI32, {static_cast<std::int64_t>(size_.lengths.size()) + 1});
    const std::span<std::int32_t> values = tensor.mutable_as<std::int32_t>();
    values[0] = 0;
    for (std::size_t i = 0; i < size_.lengths.size(); ++i) {
      values[i + 1] = values[i] + size_.lengths[i];
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kDynamicDim});
  }

  // The texts without their last token (a special one, say), where they have two.
  ValueId ranges(const std::string& name) {
    Tensor tensor(DType::kI32, {static_cast<std::int64_t>(size_.lengths.size()), 2});
    const std::span<std::int32_t> values = tensor.mutable_as<std::int32_t>();
    std::int32_t begin = 0;
    for (std::size_t i = 0; i < size_.lengths.size(); ++i) {
      values[2 * i] = begin;
      values[2 * i + 1] = begin + std::max(size_.lengths[i] - (size_.lengths[i] > 1 ? 1 : 0), 0);
      begin += size_.lengths[i];
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kTextDim, 2});
  }

  ValueId weight(const std::string& name, const Shape& shape, float magnitude, float centre = 0.0F) {
    Tensor tensor = random_tensor(shape, magnitude);
    for (float& value : tensor.mutable_as<float>()) {
      value += centre;
    }
    parameters_.emplace(name, tensor);
    return graph_.parameter(name, shape);
  }

  Result<BuiltCase> finish(ValueId output) {
    auto graph = graph_.finish(std::array{output});
    if (!graph) {
      return std::unexpected(graph.error());
    }
    return BuiltCase{std::move(*graph), std::move(parameters_), std::move(feeds_)};
  }

 private:
  Tensor random_tensor(const Shape& shape, float magnitude) {
    Tensor tensor(DType::kF32, shape);
    std::normal_distribution<float> normal(0.0F, magnitude);
    for (float& value : tensor.mutable_as<float>()) {
      value = normal(random_);
    }
    return tensor;
  }

  CaseSize size_;
  std::int64_t padding_rows_;
  std::mt19937 random_{42};
  GraphBuilder graph_;
  ParameterMap parameters_;
  std::vector<Feed> feeds_;
};

// Differences are counted in roundings of float32 of the largest output.
inline constexpr double kRounding = std::numeric_limits<float>::epsilon() / 2.0;
// Copies and reorderings are exact.
inline constexpr double kExact = 0.0;
// One operation an element.
inline constexpr double kElementwise = 2.0 * kRounding;
// Sums of up to a few dozen terms whose parts are larger than the result.
inline constexpr double kSum = 64.0 * kRounding;
// Approximations of erf, tanh and exp inside a backend: a few units in the last place, of terms that cancel.
inline constexpr double kTranscendental = 24.0 * kRounding;

inline ValueId linear_of(CaseBuilder& b, const std::string& name, ValueId x, std::int64_t in, std::int64_t out) {
  const float magnitude = 1.0F / std::sqrt(static_cast<float>(in));
  const ValueId weight = b.weight(name + ".weight", {out, in}, magnitude);
  const ValueId bias = b.weight(name + ".bias", {out}, 0.5F);
  return b.graph().linear(name, x, weight, bias);
}

inline ValueId attention_of(CaseBuilder& b, const GraphBuilder::AttentionInputs& inputs) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(b.size().hidden / b.size().head_count));
  return b.graph().attention("attention", inputs, b.size().head_count, scale);
}

inline std::vector<OpCase> linear_cases() {
  return {
      {"linear", Op::kLinear,
       [](CaseBuilder& b) {
         return linear_of(b, "linear", b.token_rows("x", b.size().hidden), b.size().hidden, b.size().wide);
       },
       kSum},
      {"linear_without_bias", Op::kLinear,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden);
         return b.graph().linear("linear", x, b.weight("w", {b.size().wide, b.size().hidden}, 0.2F));
       },
       kSum},
      {"linear_gelu", Op::kLinear,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden);
         return b.graph().activation("gelu", linear_of(b, "linear", x, b.size().hidden, b.size().wide),
                                     Activation::kGeluErf);
       },
       kSum},
      {"linear_residual", Op::kLinear,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().wide);
         const ValueId shortcut = b.token_rows("shortcut", b.size().hidden);
         return b.graph().add("sum", linear_of(b, "linear", x, b.size().wide, b.size().hidden), shortcut);
       },
       kSum},
  };
}

inline std::vector<OpCase> row_cases() {
  std::vector<OpCase> cases{
      {"embedding", Op::kEmbedding,
       [](CaseBuilder& b) {
         const ValueId table = b.weight("table", {b.size().vocabulary, b.size().hidden}, 1.0F);
         return b.graph().embedding("embedding", table, b.token_ids("ids", b.size().vocabulary));
       },
       kExact},
      {"add", Op::kAdd,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden);
         return b.graph().add("add", x, b.token_rows("y", b.size().hidden));
       },
       kElementwise},
      {"add_row", Op::kAdd,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden);
         return b.graph().add("add", x, b.weight("row", {b.size().hidden}, 1.0F));
       },
       kElementwise},
      {"multiply", Op::kMultiply,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden);
         return b.graph().multiply("multiply", x, b.token_rows("y", b.size().hidden));
       },
       kElementwise},
      {"multiply_row", Op::kMultiply,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden);
         return b.graph().multiply("multiply", x, b.weight("row", {b.size().hidden}, 1.0F));
       },
       kElementwise},
      {"layer_norm", Op::kLayerNorm,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden);
         const ValueId weight = b.weight("weight", {b.size().hidden}, 0.2F, 1.0F);
         return b.graph().layer_norm("norm", x, weight, b.weight("bias", {b.size().hidden}, 0.2F), 1e-12);
       },
       kSum},
      {"layer_norm_small_rows_large_epsilon", Op::kLayerNorm,
       [](CaseBuilder& b) {
         const ValueId x = b.token_rows("x", b.size().hidden, 1e-3F);
         const ValueId weight = b.weight("weight", {b.size().hidden}, 0.2F, 1.0F);
         return b.graph().layer_norm("norm", x, weight, b.weight("bias", {b.size().hidden}, 0.2F), 1e-5);
       },
       kSum},
      {"concat", Op::kConcat,
       [](CaseBuilder& b) {
         const std::array parts{b.token_rows("x", b.size().hidden), b.token_rows("y", b.size().wide),
                                b.token_rows("z", 1)};
         return b.graph().concat("concat", parts);
       },
       kExact},
      {"slice", Op::kSlice,
       [](CaseBuilder& b) { return b.graph().slice("slice", b.token_rows("x", b.size().wide), b.size().wide / 2); },
       kExact},
      {"normalize", Op::kNormalize,
       [](CaseBuilder& b) { return b.graph().normalize("normalize", b.token_rows("x", b.size().hidden), 1e-12); },
       kSum},
      {"normalize_below_epsilon", Op::kNormalize,
       [](CaseBuilder& b) { return b.graph().normalize("normalize", b.token_rows("x", b.size().hidden, 1e-9F), 1e-6); },
       kSum},
  };
  for (const Activation activation : all_activations()) {
    cases.push_back({"activation_" + std::string(activation_name(activation)), Op::kActivation,
                     [activation](CaseBuilder& b) {
                       return b.graph().activation("activation", b.token_rows("x", b.size().wide, 3.0F), activation);
                     },
                     kTranscendental});
  }
  return cases;
}

inline std::vector<OpCase> text_cases() {
  std::vector<OpCase> cases{
      {"attention", Op::kAttention,
       [](CaseBuilder& b) {
         const ValueId query = b.token_rows("query", b.size().hidden);
         const ValueId key = b.token_rows("key", b.size().hidden);
         const ValueId value = b.token_rows("value", b.size().hidden);
         return attention_of(b, {query, key, value, b.offsets("offsets")});
       },
       kSum},
      {"attention_of_projections", Op::kAttention,
       [](CaseBuilder& b) {
         const std::int64_t hidden = b.size().hidden;
         const ValueId x = b.token_rows("x", hidden);
         const ValueId query = linear_of(b, "query", x, hidden, hidden);
         const ValueId key = linear_of(b, "key", x, hidden, hidden);
         const ValueId value = linear_of(b, "value", x, hidden, hidden);
         return attention_of(b, {query, key, value, b.offsets("offsets")});
       },
       4.0 * kSum},  // the projections' error passes through exp
  };
  for (const Pooling pooling : all_poolings()) {
    cases.push_back({"pool_" + std::string(pooling_name(pooling)), Op::kPool,
                     [pooling](CaseBuilder& b) {
                       return b.graph().pool("pool", b.token_rows("x", b.size().hidden), b.ranges("ranges"), pooling);
                     },
                     kSum});
  }
  return cases;
}

inline std::vector<OpCase> op_cases() {
  std::vector<OpCase> cases = linear_cases();
  std::ranges::move(row_cases(), std::back_inserter(cases));
  std::ranges::move(text_cases(), std::back_inserter(cases));
  return cases;
}

inline Result<BuiltCase> build_case(const OpCase& op_case, const CaseSize& size, std::int64_t padding_rows) {
  CaseBuilder builder(size, padding_rows);
  const ValueId output = op_case.build(builder);
  return builder.finish(output);
}

}  // namespace asterism::conform
