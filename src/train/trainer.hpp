// The training loop: batches to a learner, step by step, until the recipe's end; checkpoints, metrics and evaluation on
// the way, the model in the end.
//
// It knows nothing of pictures, tables or torch: a TrainingTask and a Learner come from outside (service/train.hpp puts
// them together). A run that is killed at any step and started again ends with the same bytes: the state that a step
// depends on is in the checkpoint, and batches are functions of (epoch, index).
// Ownership: borrows all that it is given. Thread-safety: one thread. Cost: see Learner::step; a checkpoint copies and
// writes the learner's state.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/log.hpp"
#include "graph/learner.hpp"
#include "train/evaluation.hpp"
#include "train/recipe.hpp"
#include "train/run_folder.hpp"
#include "train/schedule.hpp"
#include "train/task.hpp"
#include "train/train_progress.hpp"
#include "train/train_result.hpp"

namespace asterism {

enum class TrainEventKind : std::uint8_t {
  kResumed,     // goes on from a checkpoint at `step`
  kStep,        // after every step
  kEpoch,       // after every epoch: `metrics` are its means and what was evaluated
  kCheckpoint,  // was written
  kStage,       // something else takes time: `text` says what
};

struct TrainEvent {
  TrainEventKind kind = TrainEventKind::kStep;
  std::int64_t step = 0;  // steps done
  std::int64_t step_count = 0;
  std::int64_t epoch = 0;  // from 1: the one that runs, or that has just ended
  std::int64_t epoch_count = 0;
  double loss = 0.0;
  double learning_rate = 0.0;
  double rows_per_second = 0.0;
  double seconds_left = 0.0;  // 0 = unknown
  std::map<std::string, double, std::less<>> metrics = {};
  std::string text = {};
};

enum class RunStart : std::uint8_t { kResume, kAgain };

struct TrainOptions {
  RunStart start = RunStart::kResume;
  EvaluationOptions evaluation = {};
  const CancelFlag* cancel = nullptr;                    // borrowed; may be null
  std::function<void(const TrainEvent&)> on_event = {};  // from the calling thread
  LogSink log = {};
};

struct TrainSetup {
  const Recipe* recipe = nullptr;
  const TrainingTask* task = nullptr;
  Learner* learner = nullptr;
  const RunFolder* folder = nullptr;
};

// Trains, goes on where an earlier run stopped, writes the model and evaluates it. Errors: kMismatch where the folder's
// checkpoint is of another recipe (what differs is named) or of another model; kInvalidArgument where a loss is not
// finite, with the epoch, the step and the rows (the last checkpoint stays); kCancelled with a checkpoint written; kIo.
Result<TrainResult> train(const TrainSetup& setup, const TrainOptions& options);

}  // namespace asterism
