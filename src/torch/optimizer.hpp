// AdamW, SGD and LAMB over the block of trained parameters. Private to src/torch.
//
// Our own and not torch::optim's: its state is saved by parameter names and means the same with every libtorch
// (decision 0121). Thread-safety: one thread at a time. Calls may throw c10::Error: the caller catches.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/learner.hpp"
#include "torch/parameter_store.hpp"

namespace asterism {

class Optimizer {
 public:
  // `store` is borrowed.
  Optimizer(const OptimizerOptions& options, ParameterStore& store);

  // Changes the trained parameters by their gradients.
  void update(double learning_rate);

  // What is remembered between updates: blocks of one number a trained parameter's element, by a word for each, and how
  // many updates there were.
  struct Moment {
    std::string_view name;
    at::Tensor block;
  };
  const std::vector<Moment>& moments() const noexcept { return moments_; }
  std::int64_t step_count() const noexcept { return step_count_; }
  void set_step_count(std::int64_t count) noexcept { step_count_ = count; }

 private:
  struct Part {
    at::Tensor values, gradients;
    double learning_rate, weight_decay;
  };
  void update_adamw(const Part& part, const ParameterGroup& group);
  void update_sgd(const Part& part, const ParameterGroup& group);
  void update_lamb(const StoredParameter& parameter, double learning_rate);
  at::Tensor adam_step(const at::Tensor& gradients, std::int64_t begin);

  OptimizerOptions options_;
  ParameterStore* store_;
  std::vector<Moment> moments_;
  std::int64_t step_count_ = 0;
};

}  // namespace asterism
