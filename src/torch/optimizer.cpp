#include "torch/optimizer.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>

namespace asterism {

Optimizer::Optimizer(const OptimizerOptions& options, ParameterStore& store) : options_(options), store_(&store) {
  if (options.kind == OptimizerKind::kSgd) {
    if (options.momentum != 0.0) {
      moments_.push_back({"momentum", store.new_trained_block()});
    }
  } else {
    moments_.push_back({"first", store.new_trained_block()});
    moments_.push_back({"second", store.new_trained_block()});
  }
}

void Optimizer::update(double learning_rate) {
  ++step_count_;
  if (options_.kind == OptimizerKind::kLamb) {
    for (const StoredParameter& parameter : store_->parameters()) {
      if (parameter.use == ParameterUse::kTrained) {
        update_lamb(parameter, learning_rate);
      }
    }
    return;
  }
  for (const ParameterGroup& group : store_->groups()) {
    const std::int64_t size = group.end - group.begin;
    const Part part{store_->trained().narrow(0, group.begin, size), store_->gradients().narrow(0, group.begin, size),
                    learning_rate * group.learning_rate_scale, options_.weight_decay * group.weight_decay_scale};
    if (options_.kind == OptimizerKind::kAdamW) {
      update_adamw(part, group);
    } else {
      update_sgd(part, group);
    }
  }
}

// Kingma and Ba 2015, algorithm 1: m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).
at::Tensor Optimizer::adam_step(const at::Tensor& gradients, std::int64_t begin) {
  const at::Tensor first = moments_[0].block.narrow(0, begin, gradients.numel());
  const at::Tensor second = moments_[1].block.narrow(0, begin, gradients.numel());
  const auto steps = static_cast<double>(step_count_);
  first.lerp_(gradients, 1.0 - options_.beta1);
  second.mul_(options_.beta2).addcmul_(gradients, gradients, 1.0 - options_.beta2);
  const double first_share = 1.0 - std::pow(options_.beta1, steps);
  const double second_share = 1.0 - std::pow(options_.beta2, steps);
  at::Tensor step = second.sqrt().div_(std::sqrt(second_share)).add_(options_.epsilon);
  return at::div_out(step, first, step).div_(first_share);
}

// Loshchilov and Hutter 2019, algorithm 2.
void Optimizer::update_adamw(const Part& part, const ParameterGroup& group) {
  const at::Tensor step = adam_step(part.gradients, group.begin);
  part.values.mul_(1.0 - part.learning_rate * part.weight_decay);
  part.values.sub_(step, part.learning_rate);
}

// As torch.optim.SGD has it: the decay is part of the gradient, and the first momentum is the first gradient.
void Optimizer::update_sgd(const Part& part, const ParameterGroup& group) {
  at::Tensor step = part.gradients;
  if (part.weight_decay != 0.0) {
    step = step.add(part.values, part.weight_decay);
  }
  if (!moments_.empty()) {
    const at::Tensor momentum = moments_[0].block.narrow(0, group.begin, step.numel());
    momentum.mul_(options_.momentum).add_(step);
    step = options_.nesterov ? step.add(momentum, options_.momentum) : momentum;
  }
  part.values.sub_(step, part.learning_rate);
}

// You et al. 2020, algorithm 2, phi being the identity: the step is scaled to the norm of what it changes.
void Optimizer::update_lamb(const StoredParameter& parameter, double learning_rate) {
  const at::Tensor values = store_->trained().narrow(0, parameter.begin, parameter.size);
  const at::Tensor gradients = store_->gradients().narrow(0, parameter.begin, parameter.size);
  at::Tensor step = adam_step(gradients, parameter.begin);
  step.add_(values, options_.weight_decay * parameter.rule.weight_decay_scale);
  const double value_norm = values.norm().item<double>();
  const double step_norm = step.norm().item<double>();
  const double trust = value_norm > 0.0 && step_norm > 0.0 ? value_norm / step_norm : 1.0;
  values.sub_(step, learning_rate * parameter.rule.learning_rate_scale * trust);
}

}  // namespace asterism
