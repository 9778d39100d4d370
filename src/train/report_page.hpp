// RUN/report.html: what was learnt, from what and how well, in one file without any other.
#pragma once

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/learner.hpp"
#include "train/evaluation.hpp"
#include "train/recipe.hpp"
#include "train/run_folder.hpp"
#include "train/task.hpp"

namespace asterism {

// All borrowed. The learner holds what was written.
struct ReportRequest {
  const Recipe* recipe = nullptr;
  const TrainingTask* task = nullptr;
  Learner* learner = nullptr;
  const RunFolder* folder = nullptr;
  const Json* run = nullptr;
  const EncodedRows* encoded = nullptr;  // that the figures of `run` are of
};

// Figures beside their baselines, curves from metrics.csv, the data, nearest neighbours of held-out pictures,
// reconstructions where the network makes some, and every setting.
Result<void> write_report(const ReportRequest& request);

}  // namespace asterism
