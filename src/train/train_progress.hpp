// Where a run stands: what goes into each checkpoint beside the learner's state, so that a resumed run counts on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "asterism/error.hpp"
#include "base/json.hpp"

namespace asterism {

// Sums of steps since the last row of metrics.csv.
struct MetricsWindow {
  std::int64_t step_count = 0;
  double row_count = 0.0;
  double seconds = 0.0;
  double wait_seconds = 0.0;  // of them, waited for data
  // Sums of losses and norms by column.
  std::map<std::string, double, std::less<>> sums;
};

struct TrainProgress {
  std::int64_t step = 0;            // steps done
  std::int64_t evaluated_step = 0;  // the last end of an epoch that was evaluated
  double seconds = 0.0;             // of training, over all sessions; evaluation and checkpoints apart
  double wait_seconds = 0.0;
  double evaluation_seconds = 0.0;
  double row_count = 0.0;          // learnt from, over all epochs
  std::int64_t skipped_count = 0;  // rows that could not be read when they were asked for, each time
  std::optional<double> best;      // value of the early-stopping metric
  std::int64_t best_epoch = 0;     // from 1
  std::int64_t stale_epochs = 0;   // evaluated since then
  bool stopped_early = false;
  std::map<std::string, double, std::less<>> last_metrics;  // of the last evaluated epoch
  Json baselines = Json::object();                          // {"raw": ..., "untrained": ...}
  MetricsWindow window;
  double epoch_loss_sum = 0.0;  // of the steps of the epoch that runs
  std::int64_t epoch_loss_count = 0;
};

Json to_json(const TrainProgress& progress);
// kCorrupt, naming `source`.
Result<TrainProgress> progress_from_json(const Json& json, std::string_view source);

}  // namespace asterism
