// Parameters on another device than the host: what a GPU asks of this module, without one (far_device.hpp).
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conform/op_cases.hpp"
#include "torch/far_device.hpp"
#include "torch/learner.hpp"
#include "torch/picture_feeds.hpp"
#include "torch/recordings.hpp"
#include "torch/small_learner.hpp"
#include "torch/tensors.hpp"
#include "unit/train/network_cases.hpp"

namespace asterism {
namespace {

// The same kernels, but that products are not split there and sums may be taken in another order.
constexpr double kTolerance = 1e-4;

std::unique_ptr<TorchLearner> learner_on(LearnerSpec spec, at::Device device) {
  auto plan = LossPlan::make(spec);
  EXPECT_TRUE(plan) << plan.error().to_string();
  return std::make_unique<TorchLearner>(std::move(spec), device, *std::move(plan));
}

void expect_near(const ParameterMap& found, const ParameterMap& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    SCOPED_TRACE(name);
    if (tensor.dtype() != DType::kF32) {
      EXPECT_TRUE(std::ranges::equal(found.at(name).bytes(), tensor.bytes()));
      continue;
    }
    const auto wanted = tensor.as<float>();
    const auto values = found.at(name).as<float>();
    ASSERT_EQ(values.size(), wanted.size());
    double largest = 0.0;
    double difference = 0.0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(wanted[i])));
      difference = std::max(difference, std::abs(static_cast<double>(values[i]) - static_cast<double>(wanted[i])));
    }
    EXPECT_LE(difference, tolerance * largest);
  }
}

TEST(FarDevice, takes_no_tensors_of_the_host) {
  const at::Tensor far = at::ones({2, 3}).to(far_device());
  EXPECT_EQ((far + 1.0).sum().item<float>(), 12.0F);
  EXPECT_THROW(at::add(far, at::ones({2, 3})), c10::Error);
  EXPECT_THROW(at::embedding(far, at::zeros({1}, at::kLong)), c10::Error);
}

// The gradient of some parameters is zero but for rounding (an attention's key bias): a rounding is one of the largest.
double largest_norm(const std::map<std::string, Tensor>& tensors) {
  double largest = 0.0;
  for (const auto& [name, tensor] : tensors) {
    double squares = 0.0;
    for (const float value : tensor.as<float>()) {
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
    largest = std::max(largest, std::sqrt(squares));
  }
  return largest;
}

double difference_norm(const Tensor& found, const Tensor& expected) {
  EXPECT_EQ(found.shape(), expected.shape());
  double squares = 0.0;
  for (std::size_t i = 0; i < expected.element_count(); ++i) {
    const double difference = static_cast<double>(found.as<float>()[i]) - static_cast<double>(expected.as<float>()[i]);
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

struct RunResult {
  Tensor output;
  std::map<std::string, Tensor> gradients = {};
};

// Names of running means and variances, which have no gradients.
std::set<std::string, std::less<>> statistics_of(const Graph& graph) {
  std::set<std::string, std::less<>> names;
  for (const Value& value : graph.values()) {
    for (std::size_t i = 3; value.op == Op::kBatchNorm && i < value.inputs.size(); ++i) {
      names.insert(graph.value(value.inputs[i]).name);
    }
  }
  return names;
}

RunResult run_on(const conform::BuiltCase& built, at::Device device) {
  const LoweredGraph lowered = LoweredGraph::make(built.graph).value();
  std::map<std::string, at::Tensor, std::less<>> tensors;
  const auto statistics = statistics_of(built.graph);
  for (const auto& [name, tensor] : built.parameters) {
    tensors.emplace(name, borrowed(tensor).clone().to(device).requires_grad_(!statistics.contains(name)));
  }
  ParameterSlots slots = lowered.bind(tensors);
  // Where there are no parameters, nothing else says on which device the run is; this place is written to by the run.
  slots[static_cast<std::size_t>(built.graph.outputs()[0])] = at::zeros({1}).to(device);
  const auto checked = lowered.feeds().check(built.feeds);
  const at::Tensor output = lowered.run(checked.value(), slots, {}).front();
  EXPECT_EQ(output.device(), device);
  RunResult result{copied(output)};
  if (output.requires_grad()) {
    output.to(at::kFloat).square().sum().backward();
  }
  for (const auto& [name, tensor] : tensors) {
    if (tensor.grad().defined()) {
      EXPECT_EQ(tensor.grad().device(), device);
      result.gradients.emplace(name, copied(tensor.grad()));
    }
  }
  return result;
}

TEST(FarDevice, every_op_gives_what_it_gives_on_the_host) {
  for (const conform::OpCase& op_case : conform::op_cases()) {
    SCOPED_TRACE(op_case.name);
    const conform::BuiltCase built = conform::build_case(op_case, conform::test_size(), 0).value();
    const RunResult expected = run_on(built, at::kCPU);
    const RunResult found = run_on(built, far_device());
    EXPECT_LE(relative_difference(found.output, expected.output), kTolerance);
    ASSERT_EQ(found.gradients.size(), expected.gradients.size());
    const double largest = largest_norm(expected.gradients);
    for (const auto& [name, gradient] : expected.gradients) {
      EXPECT_LE(difference_norm(found.gradients.at(name), gradient), kTolerance * largest) << name;
    }
  }
}

// Every objective, every kind of encoder.
TEST(FarDevice, every_network_learns_as_on_the_host) {
  for (const NetworkCase& c : network_cases()) {
    SCOPED_TRACE(c.name);
    const TrainingNetwork network = network_of(c);
    const std::vector<Feed> feeds = feeds_of(network.feeds);
    const auto near = learner_on(network.learner, at::kCPU);
    const auto far = learner_on(network.learner, far_device());
    const StepSettings settings{.learning_rate = 1e-4, .average_decay = 0.9};
    for (int i = 0; i < 2; ++i) {
      const StepReport expected = step_of(*near, feeds, settings);
      const StepReport found = step_of(*far, feeds, settings);
      EXPECT_NEAR(found.loss, expected.loss, kTolerance * std::abs(expected.loss));
      EXPECT_NEAR(found.gradient_norm, expected.gradient_norm, 1e-2 * expected.gradient_norm);
    }
    EXPECT_NEAR(far->losses(feeds)->loss, near->losses(feeds)->loss, kTolerance * std::abs(near->losses(feeds)->loss));
    const std::vector<std::string> outputs{network.embedding};
    const auto expected = near->run(kEvaluateGraph, feeds, outputs, WeightsOf::kTrained);
    const auto found = far->run(kEvaluateGraph, feeds, outputs, WeightsOf::kTrained);
    ASSERT_TRUE(found) << found.error().to_string();
    EXPECT_LE(relative_difference(found->front(), expected->front()), 1e-2);
  }
}

// A run may go on where another device is.
TEST(FarDevice, a_state_goes_from_one_device_to_the_other) {
  for (const OptimizerKind kind : {OptimizerKind::kAdamW, OptimizerKind::kSgd, OptimizerKind::kLamb}) {
    LearnerSpec spec = small_classifier();
    spec.averaged = true;
    spec.optimizer.kind = kind;
    const StepSettings settings{.learning_rate = 0.01, .average_decay = 0.9};
    const auto near = learner_on(spec, at::kCPU);
    step_of(*near, classifier_batch(1), settings);
    const auto far = learner_on(spec, far_device());
    ASSERT_TRUE(far->restore(near->state().value()));
    expect_near(far->state().value(), near->state().value(), 0.0);
    step_of(*near, classifier_batch(2), settings);
    step_of(*far, classifier_batch(2), settings);
    expect_near(far->state().value(), near->state().value(), 1e-2);
    const auto back = learner_on(spec, at::kCPU);
    ASSERT_TRUE(back->restore(far->state().value()));
    expect_near(back->state().value(), far->state().value(), 0.0);
  }
}

}  // namespace
}  // namespace asterism
