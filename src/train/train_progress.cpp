#include "train/train_progress.hpp"

#include <fmt/format.h>

namespace asterism {

Json to_json(const TrainProgress& progress) {
  const MetricsWindow& window = progress.window;
  return {{"step", progress.step},
          {"evaluated_step", progress.evaluated_step},
          {"seconds", progress.seconds},
          {"wait_seconds", progress.wait_seconds},
          {"evaluation_seconds", progress.evaluation_seconds},
          {"rows", progress.row_count},
          {"skipped", progress.skipped_count},
          {"best", progress.best ? Json(*progress.best) : Json()},
          {"best_epoch", progress.best_epoch},
          {"stale_epochs", progress.stale_epochs},
          {"stopped_early", progress.stopped_early},
          {"last_metrics", progress.last_metrics},
          {"baselines", progress.baselines},
          {"epoch_loss_sum", progress.epoch_loss_sum},
          {"epoch_loss_count", progress.epoch_loss_count},
          {"window",
           {{"steps", window.step_count},
            {"rows", window.row_count},
            {"seconds", window.seconds},
            {"wait_seconds", window.wait_seconds},
            {"sums", window.sums}}}};
}

Result<TrainProgress> progress_from_json(const Json& json, std::string_view source) {
  try {
    TrainProgress progress;
    json.at("step").get_to(progress.step);
    json.at("evaluated_step").get_to(progress.evaluated_step);
    json.at("seconds").get_to(progress.seconds);
    json.at("wait_seconds").get_to(progress.wait_seconds);
    json.at("evaluation_seconds").get_to(progress.evaluation_seconds);
    json.at("rows").get_to(progress.row_count);
    json.at("skipped").get_to(progress.skipped_count);
    if (!json.at("best").is_null()) {
      progress.best = json.at("best").get<double>();
    }
    json.at("best_epoch").get_to(progress.best_epoch);
    json.at("stale_epochs").get_to(progress.stale_epochs);
    json.at("stopped_early").get_to(progress.stopped_early);
    for (const auto& [name, value] : json.at("last_metrics").items()) {
      progress.last_metrics[name] = value.get<double>();
    }
    json.at("epoch_loss_sum").get_to(progress.epoch_loss_sum);
    json.at("epoch_loss_count").get_to(progress.epoch_loss_count);
    progress.baselines = json.at("baselines");
    const Json& window = json.at("window");
    window.at("steps").get_to(progress.window.step_count);
    window.at("rows").get_to(progress.window.row_count);
    window.at("seconds").get_to(progress.window.seconds);
    window.at("wait_seconds").get_to(progress.window.wait_seconds);
    for (const auto& [name, value] : window.at("sums").items()) {
      progress.window.sums[name] = value.get<double>();
    }
    return progress;
  } catch (const Json::exception& e) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected the progress of a run: {}", source, e.what()),
                "start over with --again");
  }
}

}  // namespace asterism
