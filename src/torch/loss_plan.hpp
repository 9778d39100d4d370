// Which values the losses need of which graph, and where each finds its own among them. Private to src/torch.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/learner.hpp"
#include "torch/losses.hpp"
#include "torch/lowering.hpp"

namespace asterism {

// A batch whose feeds were checked; borrows from it.
struct PreparedBatch {
  CheckedFeeds train;
  std::optional<CheckedFeeds> teacher;
  std::vector<std::vector<const Tensor*>> loss_feeds;  // by term
};

class LossPlan {
 public:
  // kInvalidArgument for losses that do not fit their graphs, or that no trained parameter can change.
  static Result<LossPlan> make(const LearnerSpec& spec);

  // Cut to what the losses need.
  const LoweredGraph& train() const noexcept { return *train_; }
  const LoweredGraph* teacher() const noexcept { return teacher_ ? &*teacher_ : nullptr; }

  Result<PreparedBatch> prepare(const std::vector<Feed>& feeds) const;
  // `outputs` and `teacher_outputs` are those of the two graphs, `batch` was prepared by this plan.
  LossOperands operands(std::size_t term, const PreparedBatch& batch, const std::vector<at::Tensor>& outputs,
                        const std::vector<at::Tensor>& teacher_outputs) const;

 private:
  struct TermPlaces {
    std::vector<std::size_t> outputs;
    std::vector<std::size_t> teacher_outputs;
  };
  std::vector<LossTerm> terms_;
  std::vector<TermPlaces> places_;
  std::optional<LoweredGraph> train_;
  std::optional<LoweredGraph> teacher_;
};

}  // namespace asterism
