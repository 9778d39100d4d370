#include "openvino/linear_weight_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace asterism {
namespace {

Tensor filled(const Shape& shape, float value) {
  Tensor tensor(DType::kF32, shape);
  std::ranges::fill(tensor.mutable_as<float>(), value);
  return tensor;
}

float first_weight(const LinearWeight& weight) {
  return *weight.part(0, weight.in(), 0);
}

TEST(LinearWeightCache, gives_one_layout_to_all_who_ask_while_one_holds_it) {
  LinearWeightCache cache;
  const std::vector<LinearSource> sources{{filled({4, 3}, 2.0F), filled({4}, 1.0F)}};
  const auto first = cache.get(sources, ComputePrecision::kF32);
  const auto second = cache.get(sources, ComputePrecision::kF32);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first->in(), 3U);
  EXPECT_EQ(first->out(), 4U);
  EXPECT_EQ(first_weight(*first), 2.0F);
  EXPECT_EQ(first->bias()[3], 1.0F);
}

TEST(LinearWeightCache, keeps_precisions_and_joined_layers_apart) {
  LinearWeightCache cache;
  const float value = 1.0F + 1.0F / 1024.0F;  // not a bfloat16
  const LinearSource one{filled({4, 3}, value), {}};
  const LinearSource other{filled({5, 3}, value), {}};
  const auto exact = cache.get({one}, ComputePrecision::kF32);
  const auto rounded = cache.get({one}, ComputePrecision::kBF16);
  const auto joined = cache.get({one, other}, ComputePrecision::kF32);
  EXPECT_EQ(first_weight(*exact), value);
  EXPECT_EQ(first_weight(*rounded), 1.0F);
  EXPECT_EQ(joined->out(), 9U);
  EXPECT_EQ(exact->out(), 4U);
}

TEST(LinearWeightCache, an_address_used_again_is_another_weight) {
  LinearWeightCache cache;
  Tensor tensor = filled({4, 3}, 1.0F);
  const auto held = cache.get({{tensor, {}}}, ComputePrecision::kF32);
  const std::byte* address = tensor.bytes().data();
  tensor = Tensor();
  // The entry in use keeps the storage, so a new tensor cannot lie there.
  EXPECT_NE(filled({4, 3}, 5.0F).bytes().data(), address);

  auto released = cache.get({{filled({4, 3}, 7.0F), {}}}, ComputePrecision::kF32);
  released.reset();
  EXPECT_EQ(first_weight(*cache.get({{filled({4, 3}, 8.0F), {}}}, ComputePrecision::kF32)), 8.0F);
}

}  // namespace
}  // namespace asterism
