// Small networks and batches for tests of the learner.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/learner.hpp"
#include "torch/torch_backend.hpp"

namespace asterism {

inline Tensor random_tensor(const Shape& shape, unsigned seed, float magnitude = 1.0F) {
  Tensor tensor(DType::kF32, shape);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, magnitude);
  for (float& value : tensor.mutable_as<float>()) {
    value = normal(random);
  }
  return tensor;
}

inline Tensor filled_tensor(const Shape& shape, float value) {
  Tensor tensor(DType::kF32, shape);
  std::ranges::fill(tensor.mutable_as<float>(), value);
  return tensor;
}

inline Tensor labels_tensor(std::int64_t rows, std::int32_t class_count) {
  Tensor tensor(DType::kI32, {rows});
  std::int32_t i = 0;
  for (std::int32_t& label : tensor.mutable_as<std::int32_t>()) {
    label = i++ % class_count;
  }
  return tensor;
}

// x [rows, 5] -> "0" -> tanh -> "2" [rows, 3], with mean square to "target": as training_steps_record.py has it.
inline LearnerSpec two_layers(const ParameterMap& parameters, Activation activation = Activation::kTanh) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 5});
  const ValueId hidden = b.linear("0", x, b.parameter("0.weight", {7, 5}), b.parameter("0.bias", {7}));
  const ValueId active = b.activation("1", hidden, activation);
  const ValueId y = b.linear("2", active, b.parameter("2.weight", {3, 7}), b.parameter("2.bias", {3}));
  LearnerSpec spec;
  spec.graphs.emplace(kTrainGraph, b.finish(std::array{y}).value());
  spec.parameters = parameters;
  spec.losses.push_back({.name = "error", .kind = LossKind::kMeanSquare, .outputs = {"2"}, .feeds = {"target"}});
  return spec;
}

inline ParameterMap two_layer_parameters() {
  return {{"0.weight", random_tensor({7, 5}, 1, 0.4F)},
          {"0.bias", random_tensor({7}, 2, 0.1F)},
          {"2.weight", random_tensor({3, 7}, 3, 0.4F)},
          {"2.bias", random_tensor({3}, 4, 0.1F)}};
}

inline std::vector<Feed> two_layer_batch(unsigned seed, std::int64_t rows = 6) {
  return {{"x", random_tensor({rows, 5}, 100 + seed)}, {"target", random_tensor({rows, 3}, 200 + seed)}};
}

// Convolution, batch norm, ReLU, pooling, classifier on pictures [rows, 3, 8, 8]; 4 classes.
inline LearnerSpec small_classifier() {
  GraphBuilder b;
  LearnerSpec spec;
  const auto parameter = [&](const std::string& name, const Shape& shape, float magnitude, float centre = 0.0F) {
    Tensor tensor = random_tensor(shape, static_cast<unsigned>(spec.parameters.size() + 1), magnitude);
    for (float& value : tensor.mutable_as<float>()) {
      value += centre;
    }
    spec.parameters.emplace(name, tensor);
    return b.parameter(name, shape);
  };
  const ValueId x = b.input("input", DType::kF32, {kRowDim, 3, 8, 8});
  const Window2d window{.kernel = {3, 3}, .padding = {1, 1, 1, 1}};
  const ValueId map = b.conv2d("conv", {x, parameter("conv.weight", {6, 3, 3, 3}, 0.2F), {}}, window);
  const ValueId norm =
      b.batch_norm("bn",
                   {map, parameter("bn.weight", {6}, 0.1F, 1.0F), parameter("bn.bias", {6}, 0.1F),
                    parameter("bn.running_mean", {6}, 0.1F), parameter("bn.running_var", {6}, 0.1F, 1.0F)},
                   1e-5);
  const ValueId active = b.activation("relu", norm, Activation::kRelu);
  const ValueId pooled = b.reduce("pooled", active, {.reduction = Reduction::kMean, .axes = {2, 3}});
  const ValueId logits =
      b.linear("head", pooled, parameter("head.weight", {4, 6}, 0.4F), parameter("head.bias", {4}, 0.1F));
  spec.graphs.emplace(kTrainGraph, b.finish(std::array{logits, pooled}).value());
  spec.losses.push_back({.name = "label", .kind = LossKind::kCrossEntropy, .outputs = {"head"}, .feeds = {"labels"}});
  return spec;
}

inline std::vector<Feed> classifier_batch(unsigned seed, std::int64_t rows = 8) {
  return {{"input", random_tensor({rows, 3, 8, 8}, 300 + seed)}, {"labels", labels_tensor(rows, 4)}};
}

inline std::unique_ptr<Learner> learner_of(LearnerSpec spec) {
  auto learner = make_torch_learner(std::move(spec));
  EXPECT_TRUE(learner) << learner.error().to_string();
  return *std::move(learner);
}

inline StepReport step_of(Learner& learner, const std::vector<Feed>& feeds, const StepSettings& settings) {
  const std::array batches{MicroBatch{feeds}};
  const auto report = learner.step(batches, settings);
  EXPECT_TRUE(report) << report.error().to_string();
  return report ? *report : StepReport{};
}

}  // namespace asterism
