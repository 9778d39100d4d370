// A learner on torch (graph/learner.hpp). Private to src/torch.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/learner.hpp"
#include "torch/loss_plan.hpp"
#include "torch/lowering.hpp"
#include "torch/optimizer.hpp"
#include "torch/parameter_store.hpp"

namespace asterism {

class TorchLearner final : public Learner {
 public:
  static Result<std::unique_ptr<Learner>> make(LearnerSpec spec);
  // What make() checked.
  TorchLearner(LearnerSpec spec, at::Device device, LossPlan plan);

  Result<StepReport> step(std::span<const MicroBatch> batches, const StepSettings& settings) override;
  Result<StepReport> losses(const std::vector<Feed>& feeds) override;
  Result<std::vector<Tensor>> run(std::string_view role, const std::vector<Feed>& feeds,
                                  std::span<const std::string> outputs, WeightsOf weights) override;
  Result<ParameterMap> parameters(WeightsOf weights) const override;
  Result<ParameterMap> state() const override;
  Result<void> restore(const ParameterMap& state) override;
  std::string_view device() const noexcept override;

 private:
  // One graph cut at some outputs, bound to one set of weights.
  struct BoundGraph {
    LoweredGraph graph;
    ParameterSlots trained;
    ParameterSlots averages;
  };
  Result<const BoundGraph*> bound(std::string_view role, std::span<const std::string> outputs);
  Result<void> check_batches(std::span<const MicroBatch> batches, const StepSettings& settings,
                             std::vector<PreparedBatch>& prepared) const;
  // Unweighted values of the terms, one scalar tensor each.
  std::vector<at::Tensor> term_values(const PreparedBatch& batch, RunMode mode) const;
  at::Tensor weighted_sum(const std::vector<at::Tensor>& terms) const;
  void clip_gradients(double norm);
  // Names of the state and the tensors of the learner behind them.
  NamedTensors state_tensors() const;

  LearnerSpec spec_;
  at::Device device_;
  ParameterStore store_;
  Optimizer optimizer_;
  LossPlan plan_;
  ParameterSlots learning_;  // of the graph that is trained
  ParameterSlots evaluated_;
  ParameterSlots teaching_;
  std::map<std::string, BoundGraph> bound_;
};

}  // namespace asterism
