#include "train/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ranges>

#include "train/checkpoint_match.hpp"
#include "train/checkpoint_store.hpp"
#include "train/evaluation_vectors.hpp"
#include "train/event_file.hpp"
#include "train/final_model.hpp"
#include "train/metrics_file.hpp"

namespace asterism {
namespace {

using Clock = std::chrono::steady_clock;

// Rows of metrics.csv an epoch, at most, beside the one at its end.
constexpr std::int64_t kMetricsRowsPerEpoch = 50;
// Rows named when a batch is bad.
constexpr std::size_t kNamedRowsMax = 16;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string named_rows(const std::vector<std::int64_t>& rows) {
  const auto shown = std::span(rows).first(std::min(rows.size(), kNamedRowsMax));
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     rows.size() > shown.size() ? fmt::format(" and {} more", rows.size() - shown.size()) : "");
}

bool higher_is_better(std::string_view metric) {
  return metric.ends_with("accuracy");
}

class Trainer {
 public:
  Trainer(const TrainSetup& setup, const TrainOptions& options, CheckpointStore store)
      : recipe_(*setup.recipe),
        training_(setup.recipe->training),
        task_(*setup.task),
        learner_(*setup.learner),
        folder_(*setup.folder),
        options_(options),
        store_(std::move(store)),
        length_(run_length(training_, task_.training().batch_count())) {}

  Result<TrainResult> run();

 private:
  struct StepBatches {
    std::vector<MicroBatch> micro;
    std::vector<std::vector<std::int64_t>> rows;  // of each
  };

  Result<void> start();
  Result<void> resume(const Checkpoint& checkpoint);
  Result<void> open_metrics();
  Result<StepBatches> batches_of_step(std::int64_t step);
  Result<bool> advance();
  Result<void> step();
  void note_step(const StepReport& report, const StepSettings& settings, double rows, double seconds);
  Result<void> flush_metrics(std::map<std::string, double, std::less<>> more);
  Result<void> end_epoch();
  Result<void> evaluate_epoch(std::map<std::string, double, std::less<>>& metrics);
  Result<void> keep_vectors(std::int64_t epoch);
  Result<void> judge_epoch(const std::map<std::string, double, std::less<>>& metrics);
  Result<void> checkpoint();
  Result<void> stop_cancelled();
  Error told_what_is_kept(Error error) const;
  Result<TrainResult> finish();
  Result<std::string> choose_weights(ParameterMap& parameters);
  void tell(TrainEventKind kind, std::string text = {}) const;

  EvaluationOptions evaluation_options() const {
    EvaluationOptions out = options_.evaluation;
    out.cancel = options_.cancel;
    out.whitening = recipe_.output.whitening;
    return out;
  }
  // What is evaluated and written: the average where one is kept.
  WeightsOf weights() const { return training_.average_decay > 0.0 ? WeightsOf::kAverage : WeightsOf::kTrained; }
  std::int64_t epoch() const { return std::min(progress_.step / length_.steps_per_epoch + 1, training_.epoch_count); }
  // The last step of an epoch is done, and what follows it is not.
  bool epoch_pending() const {
    return progress_.step % length_.steps_per_epoch == 0 && progress_.step > progress_.evaluated_step;
  }
  bool done() const { return !epoch_pending() && (progress_.step >= length_.step_count || progress_.stopped_early); }
  bool cancelled() const { return options_.cancel != nullptr && options_.cancel->requested(); }

  const Recipe& recipe_;
  const TrainingRecipe& training_;
  const TrainingTask& task_;
  Learner& learner_;
  const RunFolder& folder_;
  const TrainOptions& options_;
  CheckpointStore store_;
  const RunLength length_;
  TrainProgress progress_;
  std::optional<MetricsFile> metrics_;
  std::optional<EventFile> events_;
  TrainEvent last_;
  std::int64_t session_step_begin_ = 0;
  double session_seconds_ = 0.0;
  std::int64_t checkpoint_step_ = -1;
};

void Trainer::tell(TrainEventKind kind, std::string text) const {
  if (!options_.on_event) {
    return;
  }
  TrainEvent event = last_;
  event.kind = kind;
  event.step = progress_.step;
  event.step_count = length_.step_count;
  event.epoch_count = training_.epoch_count;
  event.text = std::move(text);
  options_.on_event(event);
}

Result<void> Trainer::start() {
  if (task_.training().batch_count() < 1) {
    return fail(ErrorCode::kInvalidArgument, "training: expected rows to learn from, found none",
                "look at [data] inputs and at the shares of the splits");
  }
  if (auto checked = check_output(recipe_, task_); !checked) {
    return checked;
  }
  if (options_.start == RunStart::kAgain) {
    auto cleared = store_.clear();
    cleared = cleared ? clear_evaluations(folder_.path()) : cleared;
    if (!cleared) {
      return cleared;
    }
  }
  auto found = store_.latest(options_.log);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (*found) {
    if (auto resumed = resume(**found); !resumed) {
      return resumed;
    }
  }
  if (auto written = folder_.begin(recipe_); !written) {
    return written;
  }
  if (auto opened = open_metrics(); !opened) {
    return opened;
  }
  tidy_evaluations(folder_.path());
  if (*found) {
    tell(TrainEventKind::kResumed);
    return {};
  }
  if (auto kept = keep_vectors(0); !kept) {
    return kept;
  }
  if (task_.labels(Split::kTrain).empty()) {
    return {};
  }
  tell(TrainEventKind::kStage, "measuring the untrained encoder and the rows themselves");
  auto baselines = measure_baselines(task_, learner_, evaluation_options());
  if (!baselines) {
    return std::unexpected(baselines.error());
  }
  progress_.baselines = *std::move(baselines);
  return {};
}

Result<void> Trainer::resume(const Checkpoint& checkpoint) {
  if (auto own = expect_own_checkpoint(checkpoint, recipe_, task_); !own) {
    return own;
  }
  const std::string source = checkpoint.file.string();
  auto progress = progress_from_json(checkpoint.progress.at("progress"), source);
  if (!progress) {
    return std::unexpected(progress.error());
  }
  if (auto restored = learner_.restore(checkpoint.tensors); !restored) {
    Error error = restored.error();
    error.message = fmt::format("{}: {}", source, error.message);
    if (error.hint.empty()) {
      error.hint = "name another folder with -o, or start over with --again";
    }
    return std::unexpected(error);
  }
  progress_ = std::move(*progress);
  session_step_begin_ = progress_.step;
  checkpoint_step_ = progress_.step;
  return {};
}

Result<void> Trainer::open_metrics() {
  std::vector<std::string> columns{"epoch", "loss"};
  for (const LossTerm& term : task_.network().learner.losses) {
    columns.push_back("loss." + term.name);
  }
  for (const auto* name : {"learning_rate", "gradient_norm", "rows_per_second", "wait_share", "validation_loss",
                           "neighbour_accuracy", "probe_accuracy", "class_accuracy"}) {
    columns.emplace_back(name);
  }
  // The row of an epoch's end is written again where its evaluation is.
  const std::int64_t step = epoch_pending() ? progress_.step - 1 : progress_.step;
  auto metrics = MetricsFile::continue_at(folder_.file("metrics.csv"), std::move(columns), step);
  if (!metrics) {
    return std::unexpected(metrics.error());
  }
  metrics_ = std::move(*metrics);
  auto events = EventFile::create(folder_.path(), step);
  if (!events) {
    return std::unexpected(events.error());
  }
  events_ = std::move(*events);
  return {};
}

Result<Trainer::StepBatches> Trainer::batches_of_step(std::int64_t step) {
  const BatchSource& source = task_.training();
  const std::int64_t epoch_index = step / length_.steps_per_epoch;
  const std::int64_t first = step % length_.steps_per_epoch * training_.accumulation_count;
  const std::int64_t end = std::min(source.batch_count(), first + training_.accumulation_count);
  StepBatches out;
  for (std::int64_t index = first; index < end; ++index) {
    auto batch = source.batch(epoch_index, index);
    if (!batch) {
      return std::unexpected(batch.error());
    }
    progress_.skipped_count += static_cast<std::int64_t>(batch->skipped_count);
    if (batch->rows.empty()) {
      continue;
    }
    out.micro.push_back({.feeds = std::move(batch->feeds), .weight = static_cast<double>(batch->rows.size())});
    out.rows.push_back(std::move(batch->rows));
  }
  return out;
}

void Trainer::note_step(const StepReport& report, const StepSettings& settings, double rows, double seconds) {
  MetricsWindow& window = progress_.window;
  ++window.step_count;
  window.row_count += rows;
  window.seconds += seconds;
  window.sums["loss"] += report.loss;
  progress_.epoch_loss_sum += report.loss;
  ++progress_.epoch_loss_count;
  window.sums["gradient_norm"] += report.gradient_norm;
  const auto& losses = task_.network().learner.losses;
  for (std::size_t i = 0; i < std::min(losses.size(), report.terms.size()); ++i) {
    window.sums["loss." + losses[i].name] += report.terms[i];
  }
  progress_.row_count += rows;
  progress_.seconds += seconds;
  session_seconds_ += seconds;
  const auto steps_of_session = static_cast<double>(progress_.step - session_step_begin_);
  last_.epoch = std::min((progress_.step - 1) / length_.steps_per_epoch + 1, training_.epoch_count);
  last_.loss = report.loss;
  last_.learning_rate = settings.learning_rate;
  last_.rows_per_second = window.seconds > 0.0 ? window.row_count / window.seconds : 0.0;
  last_.seconds_left = session_seconds_ / steps_of_session * static_cast<double>(length_.step_count - progress_.step);
}

Result<void> Trainer::step() {
  const auto begin = Clock::now();
  auto batches = batches_of_step(progress_.step);
  if (!batches) {
    return std::unexpected(batches.error());
  }
  const double waited = seconds_since(begin);
  progress_.wait_seconds += waited;
  progress_.window.wait_seconds += waited;
  if (batches->micro.empty()) {
    ++progress_.step;
    return {};
  }
  const StepSettings settings{.learning_rate = learning_rate_at(training_, length_, progress_.step),
                              .average_decay = average_decay_at(training_, length_, progress_.step)};
  const auto report = learner_.step(batches->micro, settings);
  if (!report) {
    return std::unexpected(report.error());
  }
  if (!report->finite) {
    const auto& rows = batches->rows[std::min(report->bad_batch, batches->rows.size() - 1)];
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the loss is not a finite number in epoch {}, step {}, batch of rows {}{}", epoch(),
                    progress_.step + 1, named_rows(rows),
                    checkpoint_step_ >= 0 ? fmt::format("; the checkpoint of step {} is kept", checkpoint_step_) : ""),
        "lower optimizer.learning_rate, warm up longer, set optimizer.gradient_norm_max, or look at these rows");
  }
  ++progress_.step;
  double rows = 0.0;
  for (const MicroBatch& micro : batches->micro) {
    rows += micro.weight;
  }
  note_step(*report, settings, rows, seconds_since(begin));
  tell(TrainEventKind::kStep);
  return {};
}

Result<void> Trainer::flush_metrics(std::map<std::string, double, std::less<>> more) {
  MetricsWindow& window = progress_.window;
  MetricsRow row{.step = progress_.step, .values = std::move(more)};
  if (window.step_count > 0) {
    for (const auto& [name, sum] : window.sums) {
      row.values[name] = sum / static_cast<double>(window.step_count);
    }
    row.values["learning_rate"] = last_.learning_rate;
    if (window.seconds > 0.0) {
      row.values["rows_per_second"] = window.row_count / window.seconds;
      row.values["wait_share"] = window.wait_seconds / window.seconds;
    }
  }
  if (row.values.empty()) {
    return {};
  }
  row.values["epoch"] = static_cast<double>(progress_.step) / static_cast<double>(length_.steps_per_epoch);
  window = {};
  if (auto written = metrics_->append(row); !written) {
    return written;
  }
  return events_->scalars(row.step, row.values);
}

Result<void> Trainer::evaluate_epoch(std::map<std::string, double, std::less<>>& metrics) {
  const auto begin = Clock::now();
  const auto loss = held_out_loss(task_, learner_, options_.cancel);
  if (!loss) {
    return std::unexpected(loss.error());
  }
  if (*loss) {
    metrics["validation_loss"] = **loss;
  }
  const std::int64_t done = progress_.step / length_.steps_per_epoch;
  if (done % training_.evaluation_epochs == 0 || progress_.step >= length_.step_count) {
    const auto quality = evaluate_encoder(task_, learner_, weights(), watched_split(task_), evaluation_options());
    if (!quality) {
      return std::unexpected(quality.error());
    }
    for (const auto& [name, figure] :
         {std::pair("neighbour_accuracy", quality->neighbour_accuracy),
          std::pair("probe_accuracy", quality->probe_accuracy), std::pair("class_accuracy", quality->class_accuracy)}) {
      if (figure) {
        metrics[name] = *figure;
      }
    }
    if (auto kept = keep_vectors(done); !kept) {
      return kept;
    }
  }
  progress_.evaluation_seconds += seconds_since(begin);
  return {};
}

Result<void> Trainer::keep_vectors(std::int64_t epoch) {
  return keep_evaluation(folder_.path(),
                         {.task = task_,
                          .learner = learner_,
                          .training = training_,
                          .weights = weights(),
                          .cancel = options_.cancel,
                          .log = options_.log},
                         epoch, progress_.step);
}

Result<void> Trainer::judge_epoch(const std::map<std::string, double, std::less<>>& metrics) {
  const std::string& name = training_.early_stopping_metric;
  const auto found = metrics.find(name);
  if (found == metrics.end()) {
    const bool is_known = name == "validation_loss" || name == "neighbour_accuracy" || name == "probe_accuracy" ||
                          name == "class_accuracy" || name == "loss";
    if (training_.early_stopping_epochs > 0 &&
        (!is_known || progress_.step >= length_.steps_per_epoch * training_.evaluation_epochs)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("training.early_stopping_metric: expected one of what is measured ({}), found '{}'",
                              fmt::join(metrics | std::views::keys, ", "), name),
                  "accuracies need labels, validation_loss needs a validation split");
    }
    return {};
  }
  const double value = found->second;
  const bool better = std::isfinite(value) &&
                      (!progress_.best || (higher_is_better(name) ? value > *progress_.best : value < *progress_.best));
  if (!better) {
    ++progress_.stale_epochs;
    progress_.stopped_early =
        training_.early_stopping_epochs > 0 && progress_.stale_epochs >= training_.early_stopping_epochs;
    return {};
  }
  progress_.best = value;
  progress_.best_epoch = progress_.step / length_.steps_per_epoch;
  progress_.stale_epochs = 0;
  const auto parameters = learner_.parameters(weights());
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  return store_.save_best(*parameters, {{"epoch", progress_.best_epoch}, {name, value}});
}

Result<void> Trainer::end_epoch() {
  std::map<std::string, double, std::less<>> metrics;
  if (progress_.epoch_loss_count > 0) {
    metrics["loss"] = progress_.epoch_loss_sum / static_cast<double>(progress_.epoch_loss_count);
  }
  tell(TrainEventKind::kStage, "evaluating");
  if (auto evaluated = evaluate_epoch(metrics); !evaluated) {
    return evaluated;
  }
  if (auto judged = judge_epoch(metrics); !judged) {
    return judged;
  }
  progress_.last_metrics = metrics;
  last_.metrics = metrics;
  tell(TrainEventKind::kEpoch);
  metrics.erase("loss");
  progress_.evaluated_step = progress_.step;
  progress_.epoch_loss_sum = 0.0;
  progress_.epoch_loss_count = 0;
  return flush_metrics(std::move(metrics));
}

Result<void> Trainer::checkpoint() {
  const auto state = learner_.state();
  if (!state) {
    return std::unexpected(state.error());
  }
  const Json progress{{"settings", recipe_.settings},
                      {"row_count", task_.training().row_count()},
                      {"data", task_.data().digests},
                      {"progress", to_json(progress_)}};
  if (auto saved = store_.save(progress_.step, *state, progress); !saved) {
    Error error = saved.error();
    error.hint = checkpoint_step_ >= 0
                     ? fmt::format("make room; the same command then goes on from step {}", checkpoint_step_)
                     : "make room and start again";
    return std::unexpected(error);
  }
  checkpoint_step_ = progress_.step;
  tell(TrainEventKind::kCheckpoint);
  return {};
}

Result<void> Trainer::stop_cancelled() {
  if (checkpoint_step_ != progress_.step) {
    if (auto saved = checkpoint(); !saved) {
      return saved;
    }
  }
  return fail(ErrorCode::kCancelled, fmt::format("stopped after step {} of {}", progress_.step, length_.step_count),
              fmt::format("the same command goes on from there; {} holds the checkpoint", folder_.path().string()));
}

Result<std::string> Trainer::choose_weights(ParameterMap& parameters) {
  if (training_.early_stopping_epochs > 0) {
    auto best = store_.best();
    if (!best) {
      return std::unexpected(best.error());
    }
    if (*best) {
      parameters = std::move((*best)->tensors);
      return "best";
    }
  }
  auto last = learner_.parameters(weights());
  if (!last) {
    return std::unexpected(last.error());
  }
  parameters = std::move(*last);
  return weights() == WeightsOf::kAverage ? "average" : "trained";
}

// An end before the first step or after the last one asks for no checkpoint, but whoever stopped it wants to know.
Error Trainer::told_what_is_kept(Error error) const {
  if (error.code == ErrorCode::kCancelled && error.hint.empty()) {
    error.hint = checkpoint_step_ < 0 ? "nothing has been learnt yet: the same command begins again"
                                      : fmt::format("the same command goes on after step {}; {} holds the checkpoint",
                                                    checkpoint_step_, folder_.path().string());
  }
  return error;
}

Result<TrainResult> Trainer::finish() {
  TrainResult result{.length = length_, .progress = progress_};
  ParameterMap parameters;
  auto chosen = choose_weights(parameters);
  if (!chosen) {
    return std::unexpected(chosen.error());
  }
  result.weights = *chosen;
  const Split split = final_split(task_);
  result.split = split == Split::kTest ? "test" : split == Split::kValidation ? "validation" : "train";
  auto model = write_final_model(
      {.recipe = &recipe_,
       .task = &task_,
       .learner = &learner_,
       .parameters = &parameters,
       .baselines = &progress_.baselines,
       .evaluation = evaluation_options(),
       .folder = folder_.path(),
       .on_stage = [this](std::string_view stage) { tell(TrainEventKind::kStage, std::string(stage)); }});
  if (!model) {
    return std::unexpected(model.error());
  }
  result.trained = model->trained;
  result.untrained = model->untrained;
  result.raw = quality_from_json(progress_.baselines.value("raw", Json::object()));
  result.dim = model->dim;
  result.encoded = std::move(model->encoded);
  return result;
}

// One step, or what an epoch ends with; true where a checkpoint is due.
Result<bool> Trainer::advance() {
  if (epoch_pending()) {
    if (auto ended = end_epoch(); !ended) {
      return std::unexpected(ended.error());
    }
    return training_.checkpoint_steps == 0 || done();
  }
  if (auto stepped = step(); !stepped) {
    return std::unexpected(stepped.error());
  }
  if (!epoch_pending()) {
    const std::int64_t row_steps = std::max<std::int64_t>(1, length_.steps_per_epoch / kMetricsRowsPerEpoch);
    if (progress_.step % row_steps == 0) {
      if (auto flushed = flush_metrics({}); !flushed) {
        return std::unexpected(flushed.error());
      }
    }
  }
  return training_.checkpoint_steps > 0 && progress_.step % training_.checkpoint_steps == 0;
}

Result<TrainResult> Trainer::run() {
  if (auto started = start(); !started) {
    return std::unexpected(told_what_is_kept(started.error()));
  }
  while (!done()) {
    if (cancelled()) {
      return std::unexpected(stop_cancelled().error());
    }
    const auto due = advance();
    if (!due && due.error().code == ErrorCode::kCancelled) {
      return std::unexpected(stop_cancelled().error());
    }
    if (!due) {
      return std::unexpected(due.error());
    }
    if (*due) {
      if (auto saved = checkpoint(); !saved) {
        return std::unexpected(saved.error());
      }
    }
  }
  auto result = finish();
  return result ? std::move(result) : std::unexpected(told_what_is_kept(result.error()));
}

}  // namespace

Result<TrainResult> train(const TrainSetup& setup, const TrainOptions& options) {
  auto store = CheckpointStore::open(setup.folder->file("checkpoints"), setup.recipe->training.checkpoint_count);
  if (!store) {
    return std::unexpected(store.error());
  }
  return Trainer(setup, options, std::move(*store)).run();
}

}  // namespace asterism
