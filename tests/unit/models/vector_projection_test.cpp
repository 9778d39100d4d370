#include "models/vector_projection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "models/tabular.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

Tensor tensor(Shape shape, const std::vector<float>& values) {
  Tensor out(DType::kF32, std::move(shape));
  std::ranges::copy(values, out.mutable_as<float>().begin());
  return out;
}

VectorProjection projection() {
  return {tensor({3}, {-1, -2, -3}), tensor({2, 3}, {1, 0, 0, 0, 0.5F, 2})};
}

struct Stored {
  Json config = Json::object();
  std::map<std::string, Tensor> tensors;
};

Stored stored() {
  Stored out;
  std::vector<NamedTensor> tensors;
  put_vector_projection(projection(), out.config, tensors);
  for (const auto& [name, values] : tensors) {
    out.tensors.emplace(name, values);
  }
  return out;
}

std::string message_of(Stored from) {
  const auto taken = take_vector_projection(from.config, from.tensors, "model");
  return taken ? "no error" : taken.error().message;
}

TEST(VectorProjection, is_taken_out_as_it_was_put_in_and_leaves_nothing) {
  Stored from = stored();
  EXPECT_EQ(from.config["vector_projection"], 2);
  from.config["model_type"] = "vit";
  from.tensors.emplace("norm.weight", tensor({1}, {1}));
  const auto taken = take_vector_projection(from.config, from.tensors, "model");
  ASSERT_TRUE(taken && *taken);
  EXPECT_TRUE(std::ranges::equal((*taken)->shift.bytes(), projection().shift.bytes()));
  EXPECT_TRUE(std::ranges::equal((*taken)->weight.bytes(), projection().weight.bytes()));
  EXPECT_EQ(from.config, (Json{{"model_type", "vit"}}));
  EXPECT_EQ(from.tensors.size(), 1U);
  const auto none = take_vector_projection(from.config, from.tensors, "model");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

TEST(VectorProjection, key_and_tensors_that_disagree_are_refused) {
  Stored no_key = stored();
  no_key.config.clear();
  EXPECT_THAT(message_of(no_key), HasSubstr("found no such key with [3] and [2, 3]"));
  Stored no_tensor = stored();
  no_tensor.tensors.erase("vector_projection.weight");
  EXPECT_THAT(message_of(no_tensor), HasSubstr("found 2 with [3] and none"));
  Stored other_size = stored();
  other_size.config["vector_projection"] = 4;
  EXPECT_THAT(message_of(other_size), HasSubstr("model: expected \"vector_projection\": SIZE"));
  Stored text = stored();
  text.config["vector_projection"] = "2";
  EXPECT_THAT(message_of(text), HasSubstr("found \"2\""));
  Stored misshaped = stored();
  misshaped.tensors["vector_projection.shift"] = tensor({2}, {0, 0});
  EXPECT_THAT(message_of(misshaped), HasSubstr("found 2 with [2] and [2, 3]"));
}

TEST(VectorProjection, ends_the_graph_with_a_shift_before_a_product) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 3});
  const ValueId y = b.activation("y", x, Activation::kRelu);
  Graph graph = b.finish(std::array{y}).value();
  ParameterMap parameters;
  ASSERT_TRUE(append_vector_projection(graph, parameters, projection(), "y", "model"));
  ASSERT_EQ(graph.outputs().size(), 1U);
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "vector_projection");
  EXPECT_TRUE(graph.check_parameters(parameters, "model"));
  const Value& end = graph.value(graph.outputs()[0]);
  EXPECT_EQ(end.op, Op::kLinear);
  EXPECT_EQ(end.shape, (Shape{kRowDim, 2}));
  const Value& moved = graph.value(end.inputs[0]);
  EXPECT_EQ(moved.op, Op::kAdd);
  EXPECT_EQ(graph.value(moved.inputs[0]).name, "y");
}

TEST(VectorProjection, of_a_vector_of_another_size_is_refused) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 4});
  Graph graph = b.finish(std::array{b.activation("y", x, Activation::kRelu)}).value();
  ParameterMap parameters;
  const auto refused = append_vector_projection(graph, parameters, projection(), "y", "model");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("expected the 4 values that the model's vector has, found 3"));
}

TEST(VectorProjection, ends_a_tabular_network) {
  const Json settings = Json::parse(R"({"code_size": 3, "hidden_sizes": [4]})");
  SettingsReader reader(settings, "[model]");
  Json config = initial_tabular_config(reader, {2, {}}).value();
  auto tensors = initial_tabular_tensors(read_tabular_plan(config, "test").value(), 1);
  config["vector_projection"] = 2;
  tensors.merge(stored().tensors);
  const auto model = build_tabular(config, std::move(tensors), "test");
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->graph.value(model->graph.outputs()[0]).shape, (Shape{kRowDim, 2}));
  EXPECT_TRUE(model->graph.find(kTabularCode));
}

}  // namespace
}  // namespace asterism
