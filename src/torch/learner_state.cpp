// What a learner saves and takes back.
#include <ATen/Functions.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "torch/learner.hpp"
#include "torch/run_scope.hpp"
#include "torch/tensors.hpp"

namespace asterism {
namespace {

constexpr std::string_view kParametersPrefix = "parameters.";
constexpr std::string_view kAveragePrefix = "average.";
constexpr std::string_view kStepCountName = "optimizer.step_count";
// Named in one message; the rest is counted.
constexpr std::size_t kNamedMax = 5;

std::string listed(const std::vector<std::string>& names) {
  const std::size_t count = std::min(names.size(), kNamedMax);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count), ", "));
  return names.size() > count ? fmt::format("{} and {} more", text, names.size() - count) : text;
}

Shape shape_of(const at::Tensor& tensor) {
  return {tensor.sizes().begin(), tensor.sizes().end()};
}

// Everything that differs between the state that is given and the one that the learner has.
Result<void> check_state(const ParameterMap& state, const NamedTensors& own) {
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::vector<std::string> misshaped;
  for (const auto& [name, tensor] : own) {
    const auto it = state.find(name);
    if (it == state.end()) {
      missing.push_back(name);
    } else if (it->second.shape() != shape_of(tensor) || it->second.dtype() != DType::kF32) {
      misshaped.push_back(fmt::format("{} (expected f32 {}, found {} {})", name, shape_to_string(shape_of(tensor)),
                                      dtype_name(it->second.dtype()), shape_to_string(it->second.shape())));
    }
  }
  for (const auto& [name, tensor] : state) {
    if (name != kStepCountName && !own.contains(name)) {
      extra.push_back(name);
    }
  }
  const auto count = state.find(kStepCountName);
  if (count == state.end() || count->second.dtype() != DType::kI64 || count->second.element_count() != 1) {
    missing.emplace_back(kStepCountName);
  }
  std::string text;
  for (const auto& [word, names] : {std::pair{"missing", &missing}, {"extra", &extra}, {"misshaped", &misshaped}}) {
    if (!names->empty()) {
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", word, listed(*names));
    }
  }
  if (!text.empty()) {
    return fail(ErrorCode::kMismatch, "the state is of another learner: " + text,
                "go on with the recipe that the checkpoint was written by");
  }
  return {};
}

}  // namespace

NamedTensors TorchLearner::state_tensors() const {
  NamedTensors tensors;
  const auto add = [&](std::string_view prefix, const NamedTensors& named) {
    for (const auto& [name, tensor] : named) {
      tensors.emplace(fmt::format("{}{}", prefix, name), tensor);
    }
  };
  add(kParametersPrefix, store_.values());
  add(kAveragePrefix, store_.averages());
  for (const Optimizer::Moment& moment : optimizer_.moments()) {
    for (const StoredParameter& parameter : store_.parameters()) {
      if (parameter.use == ParameterUse::kTrained) {
        tensors.emplace(fmt::format("optimizer.{}.{}", moment.name, parameter.name),
                        store_.part(moment.block, parameter));
      }
    }
  }
  return tensors;
}

Result<ParameterMap> TorchLearner::parameters(WeightsOf weights) const {
  if (weights == WeightsOf::kAverage && !spec_.averaged) {
    return fail(ErrorCode::kInvalidArgument, "learner: it keeps no averages: averaged must be set");
  }
  return without_exceptions("torch could not give the parameters", [&]() -> Result<ParameterMap> {
    ParameterMap parameters;
    for (const auto& [name, tensor] : weights == WeightsOf::kAverage ? store_.averages() : store_.values()) {
      parameters.emplace(name, copied(tensor));
    }
    return parameters;
  });
}

Result<ParameterMap> TorchLearner::state() const {
  return without_exceptions("torch could not give the state", [&]() -> Result<ParameterMap> {
    ParameterMap state;
    for (const auto& [name, tensor] : state_tensors()) {
      state.emplace(name, copied(tensor));
    }
    Tensor count(DType::kI64, {1});
    count.mutable_as<std::int64_t>()[0] = optimizer_.step_count();
    state.emplace(kStepCountName, count);
    return state;
  });
}

Result<void> TorchLearner::restore(const ParameterMap& state) {
  return without_exceptions("torch could not take the state", [&]() -> Result<void> {
    const RunScope scope(spec_.thread_count, Gradients::kNone);
    const NamedTensors own = state_tensors();
    if (auto ok = check_state(state, own); !ok) {
      return ok;
    }
    for (const auto& [name, tensor] : own) {
      tensor.copy_(borrowed(state.find(name)->second));
    }
    optimizer_.set_step_count(state.find(kStepCountName)->second.as<std::int64_t>()[0]);
    return {};
  });
}

}  // namespace asterism
