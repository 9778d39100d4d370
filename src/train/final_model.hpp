// What a run ends with: its weights measured, the last layer of `[output]` fitted to them, and both written.
//
// A function of the weights and the data: done again with another `[output]`, or after a kill, it gives what it would
// have given the first time. Ownership: borrows all that it is given. Thread-safety: one thread. Cost: an evaluation,
// or two where the untrained encoder was measured by another `[output]`, and writing the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/learner.hpp"
#include "train/evaluation.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

// kInvalidArgument for more directions than the vector has values, or not fewer than the rows to fit them on.
Result<void> check_output(const Recipe& recipe, const TrainingTask& task);

// Figures before the first step: {"raw": ..., "untrained": ..., "whitening": N}; empty without labels.
Result<Json> measure_baselines(const TrainingTask& task, Learner& learner, const EvaluationOptions& options);

struct FinalModelRequest {
  const Recipe* recipe = nullptr;
  const TrainingTask* task = nullptr;
  Learner* learner = nullptr;  // holds `parameters` as its trained ones afterwards
  const ParameterMap* parameters = nullptr;
  const Json* baselines = nullptr;  // of measure_baselines()
  EvaluationOptions evaluation = {};
  std::filesystem::path folder = {};
  std::function<void(std::string_view stage)> on_stage = {};
};

struct FinalModel {
  Quality trained = {};
  Quality untrained = {};
  EncodedRows encoded = {};  // what `trained` is of
  std::int64_t dim = 0;      // of the vector that the model gives
};

// kInvalidArgument where the vectors vary along fewer directions than `[output] whitening` asks for; the model is not
// written then, and the run's checkpoints stay.
Result<FinalModel> write_final_model(const FinalModelRequest& request);

}  // namespace asterism
