#include "torch/parameter_store.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "torch/tensors.hpp"

namespace asterism {
namespace {

// 64 bytes: what vector instructions and oneDNN like best.
constexpr std::int64_t kAlignment = 16;

std::int64_t aligned(std::int64_t count) {
  return (count + kAlignment - 1) / kAlignment * kAlignment;
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t dim : shape) {
    count *= dim;
  }
  return count;
}

struct Uses {
  std::set<std::string, std::less<>> trained;
  std::set<std::string, std::less<>> statistics;
  std::set<std::string, std::less<>> convolutions;
};

Uses uses_of(const Graph& graph) {
  Uses uses;
  for (const Value& value : graph.values()) {
    for (std::size_t i = 0; i < value.inputs.size(); ++i) {
      const Value& input = graph.value(value.inputs[i]);
      if (input.op == Op::kParameter) {
        const bool is_statistic = value.op == Op::kBatchNorm && i >= 3;
        if (value.op == Op::kConv2d && i == 1) {
          uses.convolutions.insert(input.name);
        }
        (is_statistic ? uses.statistics : uses.trained).insert(input.name);
      }
    }
  }
  return uses;
}

// In a frozen batch norm the statistics are as fixed as the weight.
std::set<std::string, std::less<>> fixed_statistics(const LearnerSpec& spec, const Graph& graph) {
  std::set<std::string, std::less<>> fixed;
  for (const Value& value : graph.values()) {
    if (value.op != Op::kBatchNorm) {
      continue;
    }
    const auto rule = spec.rules.find(graph.value(value.inputs[1]).name);
    if (rule != spec.rules.end() && !rule->second.trained) {
      fixed.insert(graph.value(value.inputs[3]).name);
      fixed.insert(graph.value(value.inputs[4]).name);
    }
  }
  return fixed;
}

}  // namespace

ParameterStore::ParameterStore(const LearnerSpec& spec, at::Device device) {
  place(spec);
  allocate(spec, device);
}

void ParameterStore::place(const LearnerSpec& spec) {
  const Graph& graph = spec.graphs.find(kTrainGraph)->second;
  const Uses uses = uses_of(graph);
  const auto fixed = fixed_statistics(spec, graph);
  for (const auto& [name, tensor] : spec.parameters) {
    StoredParameter parameter{name,
                              tensor.shape(),
                              ParameterUse::kFixed,
                              {},
                              uses.convolutions.contains(name),
                              0,
                              element_count(tensor.shape())};
    if (const auto rule = spec.rules.find(name); rule != spec.rules.end()) {
      parameter.rule = rule->second;
    }
    if (uses.statistics.contains(name)) {
      parameter.use = fixed.contains(name) ? ParameterUse::kFixed : ParameterUse::kStatistic;
    } else if (uses.trained.contains(name) && parameter.rule.trained) {
      parameter.use = ParameterUse::kTrained;
    }
    parameters_.push_back(std::move(parameter));
  }
  std::ranges::stable_sort(parameters_, {}, [](const StoredParameter& p) {
    return std::tuple(p.use, p.rule.learning_rate_scale, p.rule.weight_decay_scale);
  });
  for (StoredParameter& parameter : parameters_) {
    parameter.begin = end_;
    end_ += aligned(parameter.size);
    if (parameter.use == ParameterUse::kTrained) {
      const ParameterRule& rule = parameter.rule;
      if (groups_.empty() || groups_.back().learning_rate_scale != rule.learning_rate_scale ||
          groups_.back().weight_decay_scale != rule.weight_decay_scale) {
        groups_.push_back({parameter.begin, end_, rule.learning_rate_scale, rule.weight_decay_scale});
      }
      groups_.back().end = end_;
      trained_end_ = end_;
    }
    if (parameter.use != ParameterUse::kFixed) {
      statistics_end_ = end_;
    }
  }
}

void ParameterStore::allocate(const LearnerSpec& spec, at::Device device) {
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(device);
  values_ = at::zeros({end_}, options);
  gradients_ = at::zeros({trained_end_}, options);
  statistics_ = at::zeros({statistics_end_ - trained_end_}, options);
  for (const StoredParameter& parameter : parameters_) {
    const at::Tensor value = part(values_, parameter);
    value.copy_(borrowed(spec.parameters.find(parameter.name)->second.to_f32()));
    values_by_name_.emplace(parameter.name, value);
    at::Tensor learnt = value.detach();
    if (parameter.use == ParameterUse::kTrained) {
      learnt.requires_grad_(true);
      learnt.mutable_grad() = part(gradients_, parameter);
    } else if (parameter.use == ParameterUse::kStatistic) {
      learnt = statistics_.narrow(0, parameter.begin - trained_end_, parameter.size).view(parameter.shape);
    }
    learning_.emplace(parameter.name, learnt);
  }
  if (spec.averaged) {
    averages_ = values_.clone();
    for (const StoredParameter& parameter : parameters_) {
      averages_by_name_.emplace(parameter.name, part(averages_, parameter));
    }
  }
}

void ParameterStore::begin_step() {
  gradients_.zero_();
  statistics_.copy_(values_.narrow(0, trained_end_, statistics_end_ - trained_end_));
}

void ParameterStore::keep_statistics() {
  values_.narrow(0, trained_end_, statistics_end_ - trained_end_).copy_(statistics_);
}

void ParameterStore::update_averages(double decay) {
  averages_.narrow(0, 0, statistics_end_).lerp_(values_.narrow(0, 0, statistics_end_), 1.0 - decay);
}

at::Tensor ParameterStore::new_trained_block() const {
  return at::zeros_like(gradients_);
}

at::Tensor ParameterStore::part(const at::Tensor& block, const StoredParameter& parameter) const {
  const at::Tensor flat = block.narrow(0, parameter.begin, parameter.size);
  const Shape& shape = parameter.shape;
  if (parameter.is_convolution) {
    return flat.view({shape[0], shape[2], shape[3], shape[1]}).permute({0, 3, 1, 2});
  }
  return flat.view(shape);
}

}  // namespace asterism
