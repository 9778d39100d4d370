#include "train/train_result.hpp"

namespace asterism {

Json to_json(const TrainResult& result) {
  const TrainProgress& progress = result.progress;
  return {{"steps", progress.step},
          {"steps_per_epoch", result.length.steps_per_epoch},
          {"epochs", progress.step / result.length.steps_per_epoch},
          {"stopped_early", progress.stopped_early},
          {"best_epoch", progress.best_epoch},
          {"weights", result.weights},
          {"rows_skipped", progress.skipped_count},
          {"seconds", progress.seconds},
          {"wait_seconds", progress.wait_seconds},
          {"evaluation_seconds", progress.evaluation_seconds},
          {"rows_per_second", progress.seconds > 0.0 ? progress.row_count / progress.seconds : 0.0},
          {"metrics", progress.last_metrics},
          {"split", result.split},
          {"trained", to_json(result.trained)},
          {"untrained", to_json(result.untrained)},
          {"raw", to_json(result.raw)}};
}

}  // namespace asterism
