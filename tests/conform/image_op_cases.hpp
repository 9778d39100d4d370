// Descriptions of the ops of images, as op_cases.hpp has those of rows and texts.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "conform/case_builder.hpp"

namespace asterism::conform {

inline ValueId map_of(CaseBuilder& b, const std::string& name = "x") {
  return b.images(name, {b.size().channels, b.size().height, b.size().width});
}

inline ValueId tokens_of(CaseBuilder& b, const std::string& name = "x") {
  return b.images(name, {b.size().height, b.size().hidden});
}

inline Window2d window(std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  return {.kernel = {kernel, kernel}, .stride = {stride, stride}, .padding = {padding, padding, padding, padding}};
}

// A convolution of `in_per_group` channels a group, with or without bias.
struct ConvCase {
  std::int64_t out = 0;
  std::array<std::int64_t, 2> kernel{1, 1};
  Window2d window{};
  std::int64_t groups = 1;
  bool bias = true;
};

inline ValueId conv_of(CaseBuilder& b, const ConvCase& c) {
  const ValueId x = map_of(b);
  const Shape shape{c.out, b.size().channels / c.groups, c.kernel[0], c.kernel[1]};
  const ValueId weight = b.weight("w", shape, 0.3F);
  const std::optional<ValueId> bias = c.bias ? std::optional(b.weight("b", {c.out}, 0.5F)) : std::optional<ValueId>();
  return b.graph().conv2d("conv", {x, weight, bias}, c.window, c.groups);
}

inline std::vector<OpCase> conv_cases() {
  const auto make = [](std::string name, const std::function<ConvCase(const CaseSize&)>& describe) {
    return OpCase{std::move(name), Op::kConv2d, [describe](CaseBuilder& b) { return conv_of(b, describe(b.size())); },
                  kSum};
  };
  return {
      make("conv_1x1", [](const CaseSize& s) { return ConvCase{.out = s.channels + 4}; }),
      make("conv_3x3_padded",
           [](const CaseSize& s) {
             return ConvCase{.out = s.channels, .kernel = {3, 3}, .window = window(3, 1, 1)};
           }),
      make("conv_patches",
           [](const CaseSize&) {
             return ConvCase{.out = 7, .kernel = {4, 4}, .window = window(4, 4, 0), .bias = false};
           }),
      // TensorFlow's "same": one more at the end.
      make("conv_padded_unevenly",
           [](const CaseSize& s) {
             return ConvCase{.out = s.channels,
                             .kernel = {3, 5},
                             .window = {.stride = {2, 1}, .dilation = {1, 2}, .padding = {0, 1, 1, 3}}};
           }),
      make("conv_depthwise",
           [](const CaseSize& s) {
             return ConvCase{
                 .out = s.channels, .kernel = {5, 5}, .window = window(5, 2, 2), .groups = s.channels, .bias = false};
           }),
      make("conv_grouped",
           [](const CaseSize& s) {
             return ConvCase{.out = 2 * s.channels, .kernel = {3, 3}, .window = window(3, 1, 1), .groups = 2};
           }),
      {"conv_batch_norm_relu", Op::kConv2d,
       [](CaseBuilder& b) {
         const std::int64_t c = b.size().channels;
         const ValueId x = conv_of(b, {.out = c, .kernel = {3, 3}, .window = window(3, 1, 1), .bias = false});
         const BatchNormInputs inputs{x, b.weight("gamma", {c}, 0.3F, 1.0F), b.weight("beta", {c}, 0.3F),
                                      b.weight("mean", {c}, 0.3F), b.weight("variance", {c}, 0.3F, 1.0F)};
         return b.graph().activation("relu", b.graph().batch_norm("norm", inputs, 1e-3), Activation::kRelu);
       },
       kSum},
  };
}

inline std::vector<OpCase> pool2d_cases() {
  std::vector<OpCase> cases;
  const Window2d uneven{.kernel = {3, 2}, .stride = {2, 2}, .padding = {1, 0, 0, 1}};
  for (const CeilMode mode : {CeilMode::kFloor, CeilMode::kCeil}) {
    const std::string suffix = mode == CeilMode::kCeil ? "_ceil" : "";
    for (const auto& [name, where] :
         {std::pair{"plain", window(2, 2, 0)}, std::pair{"padded", window(3, 2, 1)}, std::pair{"uneven", uneven}}) {
      cases.push_back({std::string("max_pool_") + name + suffix, Op::kMaxPool2d,
                       [where, mode](CaseBuilder& b) { return b.graph().max_pool2d("pool", map_of(b), where, mode); },
                       kExact});
      for (const bool counted : {true, false}) {
        cases.push_back({std::string("avg_pool_") + name + suffix + (counted ? "" : "_uncounted"), Op::kAvgPool2d,
                         [where, mode, counted](CaseBuilder& b) {
                           return b.graph().avg_pool2d("pool", map_of(b), where,
                                                       {.ceil_mode = mode, .count_padding = counted});
                         },
                         kSum});
      }
    }
  }
  for (const auto& size : {std::array<std::int64_t, 2>{1, 1}, std::array<std::int64_t, 2>{3, 2}}) {
    cases.push_back({"adaptive_avg_pool_" + std::to_string(size[0]), Op::kAdaptiveAvgPool2d,
                     [size](CaseBuilder& b) { return b.graph().adaptive_avg_pool2d("pool", map_of(b), size); }, kSum});
  }
  return cases;
}

inline std::vector<OpCase> reduce_cases() {
  std::vector<OpCase> cases;
  for (const Reduction reduction : all_reductions()) {
    const double tolerance = reduction == Reduction::kMax ? kExact : reduction == Reduction::kGem ? kPower : kSum;
    const std::string name = "reduce_" + std::string(reduction_name(reduction));
    cases.push_back({name + "_map", Op::kReduce,
                     [reduction](CaseBuilder& b) {
                       return b.graph().reduce("reduce", map_of(b), {.reduction = reduction, .axes = {2, 3}});
                     },
                     tolerance});
    cases.push_back({name + "_tokens_kept", Op::kReduce,
                     [reduction](CaseBuilder& b) {
                       const ReduceOptions options{.reduction = reduction, .axes = {-2}, .keep_dims = true};
                       return b.graph().reduce("reduce", tokens_of(b), options);
                     },
                     tolerance});
  }
  return cases;
}

inline std::vector<OpCase> move_cases() {
  return {
      {"reshape", Op::kReshape,
       [](CaseBuilder& b) {
         return b.graph().reshape("reshape", map_of(b), {b.size().channels, b.size().height * b.size().width});
       },
       kExact},
      {"transpose_to_channels_last", Op::kTranspose,
       [](CaseBuilder& b) {
         return b.graph().transpose("transpose", map_of(b), {0, 2, 3, 1});
       },
       kExact},
      {"broadcast_rows", Op::kBroadcastRows,
       [](CaseBuilder& b) {
         const ValueId x = tokens_of(b);
         const ValueId token = b.weight("token", {1, 1, b.size().hidden}, 1.0F);
         const std::array parts{b.graph().broadcast_rows("token_rows", token, x), x};
         return b.graph().concat("tokens", parts, 1);
       },
       kExact},
      {"pad", Op::kPad,
       [](CaseBuilder& b) {
         return b.graph().pad("pad", map_of(b), {0, 0, 1, 0}, {0, 2, 0, 3});
       },
       kExact},
      {"slice_of_tokens", Op::kSlice,
       [](CaseBuilder& b) {
         return b.graph().slice("slice", tokens_of(b), {.axis = 1, .begin = 2, .size = b.size().height - 3});
       },
       kExact},
      {"concat_of_channels", Op::kConcat,
       [](CaseBuilder& b) {
         const std::array parts{map_of(b), map_of(b, "y")};
         return b.graph().concat("concat", parts, 1);
       },
       kExact},
      {"gather_tokens", Op::kGatherTokens,
       [](CaseBuilder& b) {
         const ValueId x = tokens_of(b);
         return b.graph().gather_tokens("gather", x, b.row_ids("ids", 3, b.size().height));
       },
       kExact},
  };
}

inline std::vector<OpCase> map_row_cases() {
  return {
      {"batch_norm", Op::kBatchNorm,
       [](CaseBuilder& b) {
         const std::int64_t c = b.size().channels;
         const BatchNormInputs inputs{map_of(b), b.weight("gamma", {c}, 0.3F, 1.0F), b.weight("beta", {c}, 0.3F),
                                      b.weight("mean", {c}, 0.3F), b.weight("variance", {c}, 0.3F, 1.0F)};
         return b.graph().batch_norm("norm", inputs, 1e-5);
       },
       kSum},
      {"multiply_by_channel_gates", Op::kMultiply,
       [](CaseBuilder& b) {
         return b.graph().multiply("gated", map_of(b), b.images("gates", {b.size().channels, 1, 1}));
       },
       kElementwise},
      {"embedding_of_rows", Op::kEmbedding,
       [](CaseBuilder& b) {
         const ValueId table = b.weight("table", {b.size().vocabulary, b.size().hidden}, 1.0F);
         return b.graph().embedding("embedding", table, b.id_per_row("ids", b.size().vocabulary));
       },
       kExact},
      {"add_position_embeddings", Op::kAdd,
       [](CaseBuilder& b) {
         return b.graph().add("sum", tokens_of(b), b.weight("places", {1, b.size().height, b.size().hidden}, 1.0F));
       },
       kElementwise},
      {"linear_of_tokens", Op::kLinear,
       [](CaseBuilder& b) {
         const ValueId weight = b.weight("w", {b.size().wide, b.size().hidden}, 0.2F);
         return b.graph().linear("linear", tokens_of(b), weight, b.weight("b", {b.size().wide}, 0.5F));
       },
       kSum},
      {"layer_norm_of_maps", Op::kLayerNorm,
       [](CaseBuilder& b) {
         const std::int64_t c = b.size().channels;
         const ValueId x = b.graph().transpose("last", map_of(b), {0, 2, 3, 1});
         const ValueId weight = b.weight("weight", {c}, 0.2F, 1.0F);
         return b.graph().layer_norm("norm", x, weight, b.weight("bias", {c}, 0.2F), 1e-6);
       },
       kSum},
      {"normalize_tokens", Op::kNormalize,
       [](CaseBuilder& b) { return b.graph().normalize("normalize", tokens_of(b), 1e-12); }, kSum},
      {"activation_of_maps", Op::kActivation,
       [](CaseBuilder& b) { return b.graph().activation("silu", map_of(b), Activation::kSilu); }, kTranscendental},
  };
}

// Attention of images over heads, and over windows of heads as Swin has it.
inline std::vector<OpCase> scaled_dot_product_cases() {
  const auto heads = [](CaseBuilder& b, const std::string& name, std::int64_t tokens) {
    return b.images(name, {b.size().head_count, tokens, b.size().hidden / b.size().head_count});
  };
  const auto windows = [](CaseBuilder& b, const std::string& name) {
    return b.images(name, {4, b.size().head_count, b.size().height, b.size().hidden / b.size().head_count});
  };
  return {
      {"scaled_dot_product", Op::kScaledDotProduct,
       [heads](CaseBuilder& b) {
         const std::int64_t n = b.size().height;
         return b.graph().scaled_dot_product(
             "mix", {heads(b, "query", n), heads(b, "key", n), heads(b, "value", n), {}}, 0.35);
       },
       kSum},
      {"scaled_dot_product_one_probe", Op::kScaledDotProduct,
       [heads](CaseBuilder& b) {
         const std::int64_t n = b.size().height;
         return b.graph().scaled_dot_product(
             "mix", {heads(b, "query", 1), heads(b, "key", n), heads(b, "value", n), {}}, 0.35);
       },
       kSum},
      {"scaled_dot_product_biased", Op::kScaledDotProduct,
       [heads](CaseBuilder& b) {
         const std::int64_t n = b.size().height;
         const ValueId bias = b.weight("bias", {b.size().head_count, n, n}, 2.0F);
         return b.graph().scaled_dot_product(
             "mix", {heads(b, "query", n), heads(b, "key", n), heads(b, "value", n), bias}, 0.35);
       },
       kSum},
      {"scaled_dot_product_windows", Op::kScaledDotProduct,
       [windows](CaseBuilder& b) {
         const std::int64_t n = b.size().height;
         const ValueId bias = b.weight("bias", {4, b.size().head_count, n, n}, 2.0F);
         return b.graph().scaled_dot_product("mix", {windows(b, "query"), windows(b, "key"), windows(b, "value"), bias},
                                             0.35);
       },
       kSum},
  };
}

inline std::vector<OpCase> image_cases() {
  std::vector<OpCase> cases = conv_cases();
  for (auto more : {pool2d_cases(), reduce_cases(), move_cases(), map_row_cases(), scaled_dot_product_cases()}) {
    std::ranges::move(more, std::back_inserter(cases));
  }
  return cases;
}

}  // namespace asterism::conform
