// One description per op and situation: a small graph, its weights and its feeds, all from a seed.
//
// What uses them: tests/conform (every backend against the reference, guard values) and bench/micro/ops_bench.cpp (the
// same graphs at real sizes). Adding an op means adding one description here, or for images in image_op_cases.hpp; a
// test fails for an op that has none.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "conform/case_builder.hpp"
#include "conform/image_op_cases.hpp"

namespace asterism::conform {

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
       [](CaseBuilder& b) {
         return b.graph().slice("slice", b.token_rows("x", b.size().wide), {.size = b.size().wide / 2});
       },
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
      {"attention_causal", Op::kAttention,
       [](CaseBuilder& b) {
         const ValueId query = b.token_rows("query", b.size().hidden);
         const ValueId key = b.token_rows("key", b.size().hidden);
         const ValueId value = b.token_rows("value", b.size().hidden);
         return b.graph().attention("attention", {query, key, value, b.offsets("offsets")},
                                    {.head_count = b.size().head_count, .scale = 0.35, .causal = true});
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
  std::ranges::move(image_cases(), std::back_inserter(cases));
  return cases;
}

inline Result<BuiltCase> build_case(const OpCase& op_case, const CaseSize& size, std::int64_t padding_rows) {
  CaseBuilder builder(size, padding_rows);
  const ValueId output = op_case.build(builder);
  return builder.finish(output);
}

}  // namespace asterism::conform
