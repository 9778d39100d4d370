// Use case: do the cosines of pairs go with the scores that people gave them (semantic textual similarity)? Or, where
// the score is 0 or 1, do they tell which pairs belong together?
//
// Thread-safety: any thread. Cost: embedding every different text once a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/bootstrap.hpp"
#include "analysis/estimator.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "service/evaluation_report.hpp"
#include "service/model_fetch.hpp"
#include "service/pair_rows.hpp"

namespace asterism::service {

struct PairTaskRequest {
  PairFile file;
  std::vector<std::string> models;
  EncoderOptions encoder;
  ModelFetch fetch;
  bool with_baselines = true;
  std::uint64_t seed = 0;
  BootstrapOptions bootstrap;
};

Result<TaskResult> evaluate_pairs(const PairTaskRequest& request, const AnalysisRun& run);

}  // namespace asterism::service
