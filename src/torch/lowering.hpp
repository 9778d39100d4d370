// A graph on torch: every op as the call that means it, so that autograd can follow. Private to src/torch.
//
// What a run needs to know of the graph is worked out once. Ownership: a lowered graph holds no parameters; a run is
// given them, one a value. Thread-safety: immutable. All calls may throw c10::Error: the caller catches.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/feeds.hpp"
#include "graph/graph.hpp"

namespace asterism {

enum class RunMode : std::uint8_t { kEvaluation, kTraining };

struct RunSettings {
  RunMode mode = RunMode::kEvaluation;
  // Of training: how much a batch norm's running statistics take of the batch's, which are written in place.
  double batch_norm_momentum = 0.1;
  // What the caller has autocast set to.
  ComputePrecision precision = ComputePrecision::kF32;
};

// Tensors of one value each, by ValueId; undefined where the value is no parameter.
using ParameterSlots = std::vector<at::Tensor>;

class LoweredGraph {
 public:
  // `fixed_batch_norms`: names of weights whose batch norms keep their statistics in training, too.
  static Result<LoweredGraph> make(Graph graph, std::span<const std::string> fixed_batch_norms = {});

  const Graph& graph() const noexcept { return graph_; }
  const FeedPlan& feeds() const noexcept { return feeds_; }
  // The tensors of `all` in the places where a run wants them; every parameter of the graph is in it.
  ParameterSlots bind(const std::map<std::string, at::Tensor, std::less<>>& all) const;
  // Outputs of the graph in its order. Results may share memory with feeds and parameters.
  std::vector<at::Tensor> run(const CheckedFeeds& feeds, const ParameterSlots& parameters,
                              const RunSettings& settings) const;
  // A batch norm that learns its statistics sees a single value a channel when there is one row: it has no variance.
  bool needs_two_rows() const noexcept { return needs_two_rows_; }

 private:
  explicit LoweredGraph(Graph graph) : graph_(std::move(graph)) {}
  void plan_releases();
  void plan_layouts();
  void plan_batch_norms(std::span<const std::string> fixed_batch_norms);
  at::Tensor fed(const Tensor& tensor, std::size_t index, at::Device device) const;

  Graph graph_;
  FeedPlan feeds_;
  std::vector<std::vector<std::size_t>> releases_;  // values that nothing needs after this one
  std::vector<bool> is_convolved_;                  // inputs that a convolution reads: channels go last
  std::vector<bool> learns_statistics_;             // batch norms
  bool needs_two_rows_ = false;
};

}  // namespace asterism
