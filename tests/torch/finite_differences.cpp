#include "torch/finite_differences.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <utility>

#include "reference/reference_backend.hpp"
#include "torch/lowering.hpp"
#include "torch/tensors.hpp"

namespace asterism {
namespace {

// Of the root mean square of the tensor that is changed. The next is taken where the one before crosses a kink.
constexpr std::array kStepShares{3e-3, 1e-3, 3e-4, 1e-4};
// Where the slopes to both sides differ by more than this share of the largest gradient, the step crosses a kink (of a
// ReLU, of a maximum). Elements with a kink in the smallest step, too, have no derivative to compare with.
constexpr double kKinkShare = 3e-3;
constexpr double kKinkCountShareMax = 0.1;
// Rounding an output to float32 is off by some 0.2 epsilon of it (root mean square); a central difference halves the
// sum of two such errors, so that this is close to twice the expected error.
constexpr double kRoundingShare = 0.25 * static_cast<double>(std::numeric_limits<float>::epsilon());

using NamedTensors = std::map<std::string, at::Tensor, std::less<>>;

std::vector<double> projection_of(std::size_t size) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  std::vector<double> weights(size);
  std::ranges::generate(weights, [&] { return normal(random); });
  return weights;
}

// The projected output of the reference, and the size of its terms: what a rounding of the outputs changes.
class Projected {
 public:
  explicit Projected(const GradientCase& gradient_case) : case_(gradient_case) {}

  double value() {
    const auto executable = make_reference_backend()->compile(case_.graph, case_.parameters, {});
    EXPECT_TRUE(executable) << executable.error().to_string();
    const auto outputs = (*executable)->run(case_.feeds);
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    const std::span<const float> values = outputs->front().as<float>();
    if (weights_.empty()) {
      weights_ = projection_of(values.size());
    }
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double term = weights_[i] * static_cast<double>(values[i]);
      sum += term;
      squares += term * term;
    }
    size_ = std::sqrt(squares);
    return sum;
  }
  double size() const { return size_; }
  const std::vector<double>& weights() const { return weights_; }

  // The tensor of a feed or a parameter: this copy of the case may be changed.
  Tensor& tensor(const std::string& name) {
    const auto feed = std::ranges::find(case_.feeds, name, &Feed::name);
    return feed != case_.feeds.end() ? feed->tensor : case_.parameters.find(name)->second;
  }

 private:
  GradientCase case_;
  std::vector<double> weights_;
  double size_ = 0.0;
};

Tensor cloned(const Tensor& tensor) {
  Tensor copy(tensor.dtype(), tensor.shape());
  std::ranges::copy(tensor.as<float>(), copy.mutable_as<float>().begin());
  return copy;
}

double root_mean_square(const Tensor& tensor) {
  double squares = 0.0;
  for (const float value : tensor.as<float>()) {
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  return std::sqrt(squares / static_cast<double>(tensor.element_count()));
}

struct Slopes {
  double forward = 0.0;
  double backward = 0.0;
  double central() const { return (forward + backward) / 2.0; }
};

// By one element of the named tensor. The step is what float32 makes of it.
Slopes slopes_at(Projected& projected, const std::string& name, std::size_t element, double step) {
  const Tensor original = projected.tensor(name);
  Tensor changed = cloned(original);
  projected.tensor(name) = changed;
  const auto centre_at = static_cast<double>(original.as<float>()[element]);
  const auto value_at = [&](double place) {
    changed.mutable_as<float>()[element] = static_cast<float>(place);
    return std::pair(static_cast<double>(changed.as<float>()[element]), projected.value());
  };
  const auto [low, low_value] = value_at(centre_at - step);
  const auto [high, high_value] = value_at(centre_at + step);
  const auto [centre, centre_value] = value_at(centre_at);
  projected.tensor(name) = original;
  return {(high_value - centre_value) / (high - centre), (centre_value - low_value) / (centre - low)};
}

// Statistics of batch norms: nothing learns them by gradient, and torch refuses to.
std::set<std::string> statistics_of(const Graph& graph) {
  std::set<std::string> names;
  for (const Value& value : graph.values()) {
    if (value.op == Op::kBatchNorm) {
      names.insert({graph.value(value.inputs[3]).name, graph.value(value.inputs[4]).name});
    }
  }
  return names;
}

// Inputs become parameters that autograd follows.
std::map<std::string, Tensor> torch_gradients(const GradientCase& gradient_case, const std::vector<double>& weights) {
  std::vector<Value> values(gradient_case.graph.values().begin(), gradient_case.graph.values().end());
  const std::set<std::string> statistics = statistics_of(gradient_case.graph);
  NamedTensors leaves;
  for (Value& value : values) {
    if (value.op == Op::kInput && value.dtype == DType::kF32) {
      const auto feed = std::ranges::find(gradient_case.feeds, value.name, &Feed::name);
      value.op = Op::kParameter;
      value.shape = feed->tensor.shape();
      leaves.emplace(value.name, borrowed(feed->tensor).clone().requires_grad_(true));
    } else if (value.op == Op::kParameter) {
      const Tensor tensor = gradient_case.parameters.find(value.name)->second;
      leaves.emplace(value.name, borrowed(tensor).clone().requires_grad_(!statistics.contains(value.name)));
    }
  }
  const std::vector<ValueId> outputs(gradient_case.graph.outputs().begin(), gradient_case.graph.outputs().end());
  const auto lowered = LoweredGraph::make(Graph(std::move(values), outputs));
  EXPECT_TRUE(lowered) << lowered.error().to_string();
  CheckedFeeds feeds;
  for (const FeedSlot& slot : lowered->feeds().slots()) {
    feeds.tensors.push_back(&std::ranges::find(gradient_case.feeds, slot.name, &Feed::name)->tensor);
  }
  const at::Tensor output = lowered->run(feeds, lowered->bind(leaves), {}).front();
  const at::Tensor projection = at::tensor(weights, at::TensorOptions(at::kDouble)).view(output.sizes());
  (output.to(at::kDouble) * projection).sum().backward();
  std::map<std::string, Tensor> gradients;
  for (const auto& [name, leaf] : leaves) {
    if (statistics.contains(name)) {
      continue;
    }
    gradients.emplace(name, copied(leaf.grad().defined() ? leaf.grad() : at::zeros_like(leaf)));
  }
  return gradients;
}

// What is known of one element: its slope by the largest step without a kink, and the error that rounding gives it.
struct Measured {
  std::size_t element = 0;
  Slopes slopes;
  double noise = 0.0;
  bool has_kink = false;
};

Measured measure(Projected& projected, const std::string& name, std::size_t element, double step) {
  return {element, slopes_at(projected, name, element, step), kRoundingShare * projected.size() / step};
}

std::vector<Measured> measure_tensor(Projected& projected, const std::string& name, std::size_t count,
                                     std::size_t wanted) {
  const double size = root_mean_square(projected.tensor(name));
  std::vector<Measured> all;
  double largest = 0.0;
  for (std::size_t i = 0; i < wanted; ++i) {
    all.push_back(measure(projected, name, i * count / wanted, kStepShares[0] * size));
    largest = std::max(largest, std::abs(all.back().slopes.central()));
  }
  for (Measured& one : all) {
    for (std::size_t i = 0;; ++i) {
      one.has_kink = std::abs(one.slopes.forward - one.slopes.backward) > kKinkShare * largest + 8.0 * one.noise;
      if (!one.has_kink || i + 1 == kStepShares.size()) {
        break;
      }
      one = measure(projected, name, one.element, kStepShares[i + 1] * size);
    }
  }
  return all;
}

void compare(Projected& projected, const std::string& name, const Tensor& gradient, const DifferenceOptions& options) {
  const std::size_t count = gradient.element_count();
  const std::size_t wanted = options.element_count_max == 0 ? count : std::min(count, options.element_count_max);
  double expected = 0.0;
  double difference = 0.0;
  double noise = 0.0;
  std::size_t kinks = 0;
  for (const Measured& one : measure_tensor(projected, name, count, wanted)) {
    if (one.has_kink) {
      ++kinks;
      continue;
    }
    const double gap = static_cast<double>(gradient.as<float>()[one.element]) - one.slopes.central();
    expected += one.slopes.central() * one.slopes.central();
    difference += gap * gap;
    noise += one.noise * one.noise;
  }
  EXPECT_LE(static_cast<double>(kinks), std::max(1.0, kKinkCountShareMax * static_cast<double>(wanted))) << name;
  EXPECT_LE(std::sqrt(difference), options.tolerance * std::sqrt(expected) + std::sqrt(noise))
      << name << ": gradient of size " << std::sqrt(expected) << ", rounding " << std::sqrt(noise);
}

}  // namespace

void expect_gradients_near_differences(const GradientCase& gradient_case, const DifferenceOptions& options) {
  Projected projected(gradient_case);
  projected.value();
  for (const auto& [name, gradient] : torch_gradients(gradient_case, projected.weights())) {
    ASSERT_TRUE(std::ranges::all_of(gradient.as<float>(), [](float value) { return std::isfinite(value); })) << name;
    compare(projected, name, gradient, options);
  }
}

}  // namespace asterism
