#include "graph/cost.hpp"

#include <gtest/gtest.h>

#include <array>

namespace asterism {
namespace {

TEST(Cost, counts_each_value_that_is_needed_once) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 3, 8, 8});
  const Window2d same{.padding = {1, 1, 1, 1}};
  const ValueId conv = b.conv2d("conv", {x, b.parameter("w", {4, 3, 3, 3}), {}}, same);
  const ValueId relu = b.activation("relu", conv, Activation::kRelu);
  const ValueId sum = b.add("sum", relu, conv);
  const ValueId pooled = b.reduce("pooled", sum, {.axes = {2, 3}});
  const ValueId head = b.linear("head", pooled, b.parameter("h", {10, 4}));
  const Graph graph = b.finish(std::array{head}).value();
  const auto costs = multiply_adds_up_to(graph);
  const auto cost = [&](ValueId id) { return costs[static_cast<std::size_t>(id)]; };
  EXPECT_EQ(cost(x), 0U);
  EXPECT_EQ(cost(conv), 4U * 8 * 8 * 27);
  EXPECT_EQ(cost(sum), cost(conv));  // both ways to it pass the one convolution
  EXPECT_EQ(cost(head), cost(conv) + 40U);
}

TEST(Cost, of_attention_is_both_products) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 2, 5, 3});
  const ValueId mixed = b.scaled_dot_product("mixed", {x, x, x, {}}, 1.0);
  const Graph graph = b.finish(std::array{mixed}).value();
  EXPECT_EQ(multiply_adds_up_to(graph).back(), 2U * (2 * 5 * 5 * 3));
}

TEST(Cost, of_token_rows_is_that_of_one_token) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kDynamicDim, 16});
  const ValueId out = b.linear("out", x, b.parameter("w", {8, 16}));
  const Graph graph = b.finish(std::array{out}).value();
  EXPECT_EQ(multiply_adds_up_to(graph).back(), 128U);
}

}  // namespace
}  // namespace asterism
