// All parameters of a learner in one block of memory, with their gradients and averages in blocks of the same shape.
// Private to src/torch.
//
// An update, an average, a norm or a check is then a few operations over a block instead of a few for each parameter.
// Order in the block: the trained ones, grouped by their rule; running statistics of batch norms; the others, which
// nothing changes. Each begins at a multiple of 64 bytes; the gaps hold zeros. Weights of convolutions have their input
// channels last in memory, as torch computes them fastest.
// Thread-safety: one thread at a time. All calls but make() may throw c10::Error: the caller catches.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "graph/learner.hpp"

namespace asterism {

enum class ParameterUse : std::uint8_t { kTrained, kStatistic, kFixed };

struct StoredParameter {
  std::string name;
  Shape shape;
  ParameterUse use = ParameterUse::kFixed;
  ParameterRule rule;
  bool is_convolution = false;
  std::int64_t begin = 0;  // elements of the block
  std::int64_t size = 0;
};

// Trained parameters that are learnt alike.
struct ParameterGroup {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  double learning_rate_scale = 1.0;
  double weight_decay_scale = 1.0;
};

using NamedTensors = std::map<std::string, at::Tensor, std::less<>>;

class ParameterStore {
 public:
  // What each parameter is, from the graph that is trained: a batch norm's mean and variance are statistics.
  ParameterStore(const LearnerSpec& spec, at::Device device);

  std::span<const StoredParameter> parameters() const noexcept { return parameters_; }
  std::span<const ParameterGroup> groups() const noexcept { return groups_; }

  // What the graph that learns reads: trained parameters whose gradients autograd adds to gradients(), and statistics
  // that a run may write, since they are copies until keep_statistics().
  const NamedTensors& learning() const noexcept { return learning_; }
  const NamedTensors& values() const noexcept { return values_by_name_; }
  const NamedTensors& averages() const noexcept { return averages_by_name_; }

  // The trained part of each block.
  at::Tensor trained() const { return values_.narrow(0, 0, trained_end_); }
  at::Tensor gradients() const { return gradients_; }

  void begin_step();
  void keep_statistics();
  // average += (1 - decay) * (value - average), statistics of batch norms included; others are equal anyway.
  void update_averages(double decay);

  // A block for one number a trained parameter's element: the optimizer's.
  at::Tensor new_trained_block() const;
  // The part of a block that belongs to a parameter, in its shape.
  at::Tensor part(const at::Tensor& block, const StoredParameter& parameter) const;

 private:
  void place(const LearnerSpec& spec);
  void allocate(const LearnerSpec& spec, at::Device device);

  std::vector<StoredParameter> parameters_;  // in the order of the block
  std::vector<ParameterGroup> groups_;
  std::int64_t trained_end_ = 0;
  std::int64_t statistics_end_ = 0;
  std::int64_t end_ = 0;
  at::Tensor values_;
  at::Tensor averages_;    // undefined without averages
  at::Tensor gradients_;   // of the trained
  at::Tensor statistics_;  // a step's own copy
  NamedTensors learning_;
  NamedTensors values_by_name_;
  NamedTensors averages_by_name_;
};

}  // namespace asterism
