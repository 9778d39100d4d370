// Updates, clipping, rules and averages against torch.optim and timm (tools/goldens/training_steps_record.py).
#include <gtest/gtest.h>

#include <cstring>

#include "torch/recordings.hpp"
#include "torch/small_learner.hpp"

namespace asterism {
namespace {

// 20 steps of float32 in another order of operations.
constexpr double kTolerance = 2e-5;
constexpr std::size_t kStepCount = 20;

struct OptimizerCase {
  std::string name;
  OptimizerOptions options;
  double learning_rate = 0.0;
  double average_decay = 0.0;
};

std::vector<OptimizerCase> optimizer_cases() {
  const OptimizerOptions adam{.beta2 = 0.95, .weight_decay = 0.1};
  OptimizerOptions clipped = adam;
  clipped.gradient_norm_max = 0.3;
  OptimizerOptions lamb = adam;
  lamb.kind = OptimizerKind::kLamb;
  const auto sgd = [](double momentum, bool nesterov) {
    return OptimizerOptions{
        .kind = OptimizerKind::kSgd, .momentum = momentum, .nesterov = nesterov, .weight_decay = 0.1};
  };
  return {{"adamw", adam, 0.02},
          {"adamw_clipped_averaged", clipped, 0.02, 0.8},
          {"sgd", sgd(0.0, false), 0.1},
          {"sgd_momentum", sgd(0.9, false), 0.05},
          {"sgd_nesterov", sgd(0.9, true), 0.05},
          {"lamb", lamb, 0.02}};
}

ParameterMap named(const std::map<std::string, Tensor>& tensors, const std::string& prefix) {
  ParameterMap parameters;
  for (const std::string name : {"0.weight", "0.bias", "2.weight", "2.bias"}) {
    parameters.emplace(name, tensors.at(prefix + name));
  }
  return parameters;
}

Tensor row_of(const Tensor& tensor, std::size_t index) {
  Tensor row(DType::kF32, Shape(tensor.shape().begin() + 1, tensor.shape().end()));
  const std::size_t size_bytes = row.bytes().size();
  std::memcpy(row.mutable_as<float>().data(), tensor.bytes().data() + index * size_bytes, size_bytes);
  return row;
}

TEST(Optimizers, twenty_steps_equal_those_of_pytorch_and_timm) {
  const auto tensors = recording("steps.safetensors");
  for (const OptimizerCase& c : optimizer_cases()) {
    SCOPED_TRACE(c.name);
    LearnerSpec spec = two_layers(named(tensors, "start/"));
    spec.optimizer = c.options;
    spec.averaged = c.average_decay > 0.0;
    for (const std::string name : {"0.bias", "2.bias"}) {
      spec.rules.emplace(name, ParameterRule{.learning_rate_scale = 0.1, .weight_decay_scale = 0.0});
    }
    const auto learner = learner_of(std::move(spec));
    for (std::size_t i = 0; i < kStepCount; ++i) {
      const std::vector<Feed> feeds{{"x", row_of(tensors.at("x"), i)}, {"target", row_of(tensors.at("target"), i)}};
      step_of(*learner, feeds, {c.learning_rate, c.average_decay});
    }
    for (const auto& [name, expected] : named(tensors, c.name + "/")) {
      const ParameterMap found = learner->parameters(WeightsOf::kTrained).value();
      EXPECT_LE(relative_difference(found.find(name)->second, expected), kTolerance) << name;
    }
    if (c.average_decay > 0.0) {
      for (const auto& [name, expected] : named(tensors, c.name + "/average.")) {
        const ParameterMap found = learner->parameters(WeightsOf::kAverage).value();
        EXPECT_LE(relative_difference(found.find(name)->second, expected), kTolerance) << name;
      }
    }
  }
}

}  // namespace
}  // namespace asterism
