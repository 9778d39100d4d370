// Use case: train an encoder by a recipe; what comes out is a folder that every other command takes as a model.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "train/trainer.hpp"

namespace asterism::service {

struct TrainRequest {
  std::string recipe;                  // file
  std::string output;                  // folder of the run; empty = "runs/NAME" by the recipe's name
  std::vector<std::string> overrides;  // "training.epochs=3"
  std::vector<std::string> inputs;     // in place of [data] inputs, relative to the working directory
  RunStart start = RunStart::kResume;
  const CancelFlag* cancel = nullptr;                    // borrowed; may be null
  std::function<void(const TrainEvent&)> on_event = {};  // from the calling thread
  LogSink log = {};
};

struct TrainResponse {
  std::string folder;
  Json run;                       // what RUN/run.json holds
  bool already_finished = false;  // an earlier run came to its end: nothing was done
};

// Errors: those of reading the recipe and its data; what to install where libtorch is missing (a fusion needs none);
// those of train() and train_fusion().
Result<TrainResponse> train(const TrainRequest& request);

}  // namespace asterism::service
