// Use case: is this embedding any good? All that the data allows: what labels say, what stays near what, and baselines
// beside it.
//
// Thread-safety: any thread. Cost: embedding, then that of the tasks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/neighborhood_scores.hpp"
#include "asterism/error.hpp"
#include "service/evaluate_labels.hpp"
#include "service/evaluation_data.hpp"
#include "service/evaluation_report.hpp"

namespace asterism::service {

enum class LabelTask : std::uint8_t { kProbe, kKnn, kClustering, kNeighbors, kZeroShot };

struct EvaluateRequest {
  EvaluationDataRequest data;
  std::optional<RowSourceOptions> asked;  // rows to ask; else a part of the input
  double asked_share = 0.2;
  std::vector<LabelTask> tasks;  // empty = all that the data allows
  LabelTaskOptions labels;
  NeighborhoodOptions neighborhood;
  std::string prompt_template = "{}";  // of zero-shot: every {} stands for the class
  bool with_baselines = true;
};

// kInvalidArgument for a task that the data does not allow, where it was asked for by name; else a note.
Result<EvaluationReport> evaluate(const EvaluateRequest& request, const AnalysisRun& run);

struct EvaluateNeighborsRequest {
  EvaluationDataRequest original;
  EvaluationDataRequest compared;
  NeighborhoodOptions neighborhood;
  BootstrapOptions bootstrap;
  bool with_baselines = true;  // random vectors
};

// Two sets of vectors, row by row: by their ids where both have some, else by their places in the input, of which there
// must then be as many. kMismatch where no row is in both; kInvalidArgument for an id that is there twice.
Result<EvaluationReport> evaluate_two_spaces(const EvaluateNeighborsRequest& request, const AnalysisRun& run);

}  // namespace asterism::service
