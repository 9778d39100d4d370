// What came of a run, as run.json and the report tell it.
#pragma once

#include <string>

#include "base/json.hpp"
#include "train/evaluation.hpp"
#include "train/schedule.hpp"
#include "train/train_progress.hpp"

namespace asterism {

struct TrainResult {
  RunLength length;
  TrainProgress progress = {};
  std::string split = {};  // that the final figures are of: "test", "validation" or "train"
  Quality trained = {};
  Quality untrained = {};
  Quality raw = {};
  std::string weights = {};  // "trained", "average", or "best" of early stopping
  std::int64_t dim = 0;      // of the vector that the model gives
  EncodedRows encoded = {};  // what `trained` is of; not part of the JSON
};

Json to_json(const TrainResult& result);

}  // namespace asterism
