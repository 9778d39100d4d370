// The torch module through its border, and beside the other backend. Both bring a libtbb: whichever comes first serves
// both, so each order is a test, and ctest gives each a process of its own.
#include <gtest/gtest.h>

#include <array>

#include "graph/backend_module.hpp"

namespace asterism {
namespace {

Tensor ones(const Shape& shape) {
  Tensor tensor(DType::kF32, shape);
  std::ranges::fill(tensor.mutable_as<float>(), 1.0F);
  return tensor;
}

void expect_convolves(std::string_view name) {
  const auto module = load_backend_module(name);
  ASSERT_TRUE(module) << module.error().to_string();
  GraphBuilder builder;
  const ValueId x = builder.input("x", DType::kF32, {kRowDim, 3, 8, 8});
  const ValueId map = builder.conv2d("map", {x, builder.parameter("w", {4, 3, 3, 3}), {}}, {});
  const Graph graph = builder.finish(std::array{map}).value();
  const auto executable = (*module)->make_backend()->compile(graph, {{"w", ones({4, 3, 3, 3})}}, {.thread_count = 2});
  ASSERT_TRUE(executable) << executable.error().to_string();
  const auto maps = (*executable)->run({{"x", ones({2, 3, 8, 8})}});
  ASSERT_TRUE(maps) << maps.error().to_string();
  for (const float value : maps->front().as<float>()) {
    ASSERT_EQ(value, 27.0F);
  }
}

TEST(TorchModule, runs_after_openvino) {
  expect_convolves("openvino");
  expect_convolves("torch");
}

TEST(TorchModule, runs_before_openvino) {
  expect_convolves("torch");
  expect_convolves("openvino");
}

TEST(TorchModule, reports_its_library) {
  const auto report = load_backend_module("torch").value()->report();
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_FALSE(report->version.empty());
  EXPECT_EQ(report->capabilities.front(), "FP32");
}

TEST(TorchModule, opens_no_model_files) {
  const auto model = load_backend_module("torch").value()->open_foreign_model("a.onnx");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
}

// A learner and all that it gives cross the border.
TEST(TorchModule, gives_a_learner_whose_results_outlive_it) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", DType::kF32, {kRowDim, 2});
  const ValueId y = builder.linear("y", x, builder.parameter("w", {1, 2}));
  LearnerSpec spec;
  spec.graphs.emplace(kTrainGraph, builder.finish(std::array{y}).value());
  spec.parameters = {{"w", ones({1, 2})}};
  spec.losses.push_back({.name = "size", .kind = LossKind::kCodeMagnitude, .outputs = {"y"}});
  spec.optimizer = {.kind = OptimizerKind::kSgd, .momentum = 0.0};
  ParameterMap parameters;
  {
    auto learner = load_backend_module("torch").value()->make_learner(spec);
    ASSERT_TRUE(learner) << learner.error().to_string();
    const std::array batches{MicroBatch{{{"x", ones({4, 2})}}}};
    const auto report = (*learner)->step(batches, {.learning_rate = 0.25});
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_EQ(report->loss, 2.0);
    parameters = (*learner)->parameters(WeightsOf::kTrained).value();
  }
  EXPECT_EQ(parameters.find("w")->second.as<float>()[1], 0.75F);
  const auto refused = load_backend_module("torch").value()->make_learner({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism
