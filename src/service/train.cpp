#include "service/train.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/thread_pool.hpp"
#include "graph/backend_module.hpp"
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

Json data_json(const DataReport& data) {
  Json classes = Json::array();
  for (const DataReport::Class& of_class : data.classes) {
    classes.push_back({{"name", of_class.name},
                       {"train", of_class.train_count},
                       {"validation", of_class.validation_count},
                       {"test", of_class.test_count}});
  }
  return {{"train", data.train_count},     {"validation", data.validation_count}, {"test", data.test_count},
          {"skipped", data.skipped_count}, {"skipped_examples", data.skipped},    {"copies", data.copy_count},
          {"copy_examples", data.copies},  {"warnings", data.warnings},           {"classes", classes}};
}

void warn(const TrainRequest& request, const DataReport& data) {
  for (const std::string& warning : data.warnings) {
    log(request.log, LogLevel::kWarning, warning);
  }
}

// A fusion has no steps and no learner: it is fitted at once, on machines without libtorch, too.
Result<void> fit_fusion(const TrainRequest& request, const Recipe& recipe, const RunFolder& folder,
                        const TaskWatch& watch, TrainResponse& response) {
  if (auto written = folder.write_recipe(recipe); !written) {
    return written;
  }
  const auto fused = train_fusion(recipe, folder.path(), watch);
  if (!fused) {
    return std::unexpected(fused.error());
  }
  warn(request, fused->data);
  response.run = {{"recipe", recipe.name},
                  {"kind", recipe_kind_name(recipe.objective.kind)},
                  {"dim", fused->dim},
                  {"data", data_json(fused->data)},
                  {"result", fused->result}};
  return folder.write_result(response.run);
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
    response.run = **finished;
    response.already_finished = true;
    return response;
  }
  if (auto ok = folder->forget_result(); !ok) {
    return std::unexpected(ok.error());
  }
  TaskWatch watch{.cancel = request.cancel};
  watch.on_progress = [&](std::string_view stage, double share) {
    if (request.on_event) {
      request.on_event({.kind = TrainEventKind::kStage, .text = fmt::format("{} {:.0f}%", stage, 100.0 * share)});
    }
  };
  if (recipe->objective.kind == RecipeKind::kFusion) {
    if (auto fitted = fit_fusion(request, *recipe, *folder, watch, response); !fitted) {
      return std::unexpected(fitted.error());
    }
    return response;
  }
  const auto task = recipe->objective.kind == RecipeKind::kTabularAutoencoder
                        ? make_table_task(*recipe)
                        : make_picture_task(*recipe, folder->file("cache"), watch);
  if (!task) {
    return std::unexpected(task.error());
  }
  warn(request, (*task)->data());
  const auto learner = learner_of(*recipe, **task);
  if (!learner) {
    return std::unexpected(learner.error());
  }
  const TrainSetup setup{&*recipe, task->get(), learner->get(), &*folder};
  const TrainOptions options{.start = request.start,
                             .evaluation = {.thread_count = thread_count_of(*recipe)},
                             .cancel = request.cancel,
                             .on_event = request.on_event,
                             .log = request.log};
  const auto result = asterism::train(setup, options);
  if (!result) {
    return std::unexpected(result.error());
  }
  response.run = {{"recipe", recipe->name},         {"kind", recipe_kind_name(recipe->objective.kind)},
                  {"device", (*learner)->device()}, {"parameters", (*task)->network().parameter_count},
                  {"dim", (*task)->network().dim},  {"data", data_json((*task)->data())},
                  {"result", to_json(*result)}};
  const ReportRequest report{
      .recipe = &*recipe, .task = task->get(), .learner = learner->get(), .folder = &*folder, .run = &response.run};
  if (auto ok = write_report(report); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = folder->write_result(response.run); !ok) {
    return std::unexpected(ok.error());
  }
  return response;
}

}  // namespace asterism::service
