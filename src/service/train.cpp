#include "service/train.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/thread_pool.hpp"
#include "graph/backend_module.hpp"
#include "train/checkpoint_match.hpp"
#include "train/checkpoint_store.hpp"
#include "train/fusion.hpp"
#include "train/report_page.hpp"
#include "train/run_folder.hpp"

namespace asterism::service {
namespace {

namespace fs = std::filesystem;

// The recipe's file is what its inputs are relative to; those of the command line are made absolute.
Result<Recipe> recipe_of(const TrainRequest& request) {
  std::vector<std::string> overrides = request.overrides;
  if (!request.inputs.empty()) {
    Json inputs = Json::array();
    for (const std::string& input : request.inputs) {
      inputs.push_back(fs::absolute(input).string());
    }
    overrides.push_back("data.inputs=" + inputs.dump());
  }
  return read_recipe(request.recipe, overrides);
}

std::size_t thread_count_of(const Recipe& recipe) {
  return recipe.training.thread_count > 0 ? recipe.training.thread_count : available_processor_count();
}

Result<std::unique_ptr<Learner>> learner_of(const Recipe& recipe, const TrainingTask& task) {
  const auto module = load_backend_module("torch");
  if (!module) {
    return std::unexpected(module.error());
  }
  LearnerSpec spec = task.network().learner;
  spec.optimizer = recipe.training.optimizer;
  spec.averaged = recipe.training.average_decay > 0.0;
  spec.device = recipe.training.device;
  spec.thread_count = thread_count_of(recipe);
  if (recipe.training.precision == Precision::kBF16) {
    spec.precision = ComputePrecision::kBF16;
  } else if (recipe.training.precision == Precision::kAuto &&
             recipe.objective.kind != RecipeKind::kTabularAutoencoder) {  // numbers have more digits than bf16 keeps
    const auto report = (*module)->report();
    spec.precision = report && report->bf16_native ? ComputePrecision::kBF16 : ComputePrecision::kF32;
  }
  return (*module)->make_learner(std::move(spec));
}

Json classes_json(const std::vector<DataReport::Class>& of) {
  Json classes = Json::array();
  for (const DataReport::Class& of_class : of) {
    classes.push_back({{"name", of_class.name},
                       {"train", of_class.train_count},
                       {"validation", of_class.validation_count},
                       {"test", of_class.test_count}});
  }
  return classes;
}

Json data_json(const DataReport& data) {
  Json out = {
      {"train", data.train_count},     {"validation", data.validation_count}, {"test", data.test_count},
      {"skipped", data.skipped_count}, {"skipped_examples", data.skipped},    {"copies", data.copy_count},
      {"copy_examples", data.copies},  {"warnings", data.warnings},           {"classes", classes_json(data.classes)}};
  if (data.evaluated) {
    out["evaluated"] = {{"train", data.evaluated->train_count},
                        {"test", data.evaluated->test_count},
                        {"classes", classes_json(data.evaluated->classes)}};
  }
  return out;
}

// Warnings from number `first` on.
void warn(const TrainRequest& request, const DataReport& data, std::size_t first = 0) {
  for (std::size_t i = first; i < data.warnings.size(); ++i) {
    log(request.log, LogLevel::kWarning, data.warnings[i]);
  }
}

// What showed only when rows were read: those before `known` were told at the start.
void warn_of_skipped(const TrainRequest& request, const DataReport& data, std::size_t known) {
  if (data.skipped_count > 0) {
    log(request.log, LogLevel::kWarning,
        fmt::format("{} skipped: {}{}",
                    data.skipped_count == 1 ? "1 row was" : fmt::format("{} rows were", data.skipped_count),
                    data.skipped.front(), data.skipped_count > 1 ? "; the report names more" : ""));
  }
  warn(request, data, known);
}

// A fusion has no steps and no learner: it is fitted at once, on machines without libtorch, too.
Result<void> fit_fusion(const TrainRequest& request, const Recipe& recipe, const RunFolder& folder,
                        const TaskWatch& watch, TrainResponse& response) {
  if (auto written = folder.begin(recipe); !written) {
    return written;
  }
  const auto fused = train_fusion(recipe, folder.path(), watch);
  if (!fused) {
    return std::unexpected(fused.error());
  }
  warn_of_skipped(request, fused->data, 0);
  response.run = {{"recipe", recipe.name},
                  {"kind", recipe_kind_name(recipe.objective.kind)},
                  {"dim", fused->dim},
                  {"data", data_json(fused->data)},
                  {"result", fused->result}};
  return folder.write_result(response.run);
}

// Everything else: steps of a learner, from the last checkpoint where there is one.
Result<void> learn(const TrainRequest& request, const Recipe& recipe, const RunFolder& folder, const TaskWatch& watch,
                   TrainResponse& response) {
  const auto task = recipe.objective.kind == RecipeKind::kTabularAutoencoder
                        ? make_table_task(recipe)
                        : make_picture_task(recipe, folder.file("cache"), watch);
  if (!task) {
    return std::unexpected(task.error());
  }
  warn(request, (*task)->data());
  const std::size_t warning_count = (*task)->data().warnings.size();
  const auto learner = learner_of(recipe, **task);
  if (!learner) {
    return std::unexpected(learner.error());
  }
  const TrainSetup setup{&recipe, task->get(), learner->get(), &folder};
  const TrainOptions options{.start = request.start,
                             .evaluation = {.thread_count = thread_count_of(recipe)},
                             .cancel = request.cancel,
                             .on_event = request.on_event,
                             .log = request.log};
  const auto result = asterism::train(setup, options);
  if (!result) {
    return std::unexpected(result.error());
  }
  response.run = {{"recipe", recipe.name},
                  {"kind", recipe_kind_name(recipe.objective.kind)},
                  {"device", (*learner)->device()},
                  {"parameters", (*task)->network().parameter_count},
                  {"dim", result->dim},
                  {"data", data_json((*task)->data())},
                  {"result", to_json(*result)}};
  const ReportRequest report{.recipe = &recipe,
                             .task = task->get(),
                             .learner = learner->get(),
                             .folder = &folder,
                             .run = &response.run,
                             .encoded = &result->encoded};
  if (auto ok = write_report(report); !ok) {
    return ok;
  }
  warn_of_skipped(request, (*task)->data(), warning_count);
  return folder.write_result(response.run);
}

// Whether a finished run differs from the recipe in its [output] alone: its last checkpoint is then fitted to the new
// one. kMismatch where it differs in more: its results are not those that are asked for. What it was told is in its
// folder; a recipe of an earlier version that is no longer read is taken as it was.
Result<bool> asks_other_output(const RunFolder& folder, const Recipe& recipe) {
  const auto told = read_recipe(folder.file("recipe.toml"), {});
  if (!told) {
    return false;
  }
  if (auto same = expect_no_differences(settings_differences(told->settings, recipe.settings),
                                        fmt::format("{}: a finished run of another recipe", folder.path().string()));
      !same) {
    return std::unexpected(same.error());
  }
  if (told->output == recipe.output) {
    return false;
  }
  const auto checkpoints = CheckpointStore::open(folder.file("checkpoints"), recipe.training.checkpoint_count);
  const auto steps = checkpoints ? checkpoints->steps() : std::unexpected(checkpoints.error());
  if (!steps) {
    return std::unexpected(steps.error());
  }
  if (steps->empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected a checkpoint of the finished run, to fit another [output] to, found none",
                            folder.file("checkpoints").string()),
                "set [output] back, or train again with --again");
  }
  return true;
}

}  // namespace

Result<TrainResponse> train(const TrainRequest& request) {
  const auto recipe = recipe_of(request);
  if (!recipe) {
    return std::unexpected(recipe.error());
  }
  TrainResponse response;
  response.folder = request.output.empty() ? (fs::path("runs") / recipe->name).string() : request.output;
  const auto folder = RunFolder::open(response.folder);
  if (!folder) {
    return std::unexpected(folder.error());
  }
  const auto finished = folder->finished();
  if (!finished) {
    return std::unexpected(finished.error());
  }
  if (*finished && request.start == RunStart::kResume) {
    const auto fit_again = asks_other_output(*folder, *recipe);
    if (!fit_again) {
      return std::unexpected(fit_again.error());
    }
    if (!*fit_again) {
      response.run = **finished;
      response.already_finished = true;
      return response;
    }
  }
  TaskWatch watch{.cancel = request.cancel};
  watch.on_progress = [&](std::string_view stage, double share) {
    if (request.on_event) {
      request.on_event({.kind = TrainEventKind::kStage, .text = fmt::format("{} {:.0f}%", stage, 100.0 * share)});
    }
  };
  const auto make = recipe->objective.kind == RecipeKind::kFusion ? fit_fusion : learn;
  if (auto made = make(request, *recipe, *folder, watch, response); !made) {
    return std::unexpected(made.error());
  }
  return response;
}

}  // namespace asterism::service
