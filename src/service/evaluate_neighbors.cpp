#include "service/evaluate_neighbors.hpp"

#include <fmt/format.h>

#include <utility>

namespace asterism::service {
namespace {

void add_columns(NeighborhoodScores& scores, SystemResult& system) {
  system.columns.push_back({"overlap", std::move(scores.overlap)});
  system.columns.push_back({"trustworthiness", std::move(scores.trustworthiness)});
  system.columns.push_back({"continuity", std::move(scores.continuity)});
  system.columns.push_back({"mrre_false", std::move(scores.mrre_false)});
  system.columns.push_back({"mrre_missing", std::move(scores.mrre_missing)});
  system.columns.push_back({"distance_rank_correlation", std::move(scores.distance_rank_correlation)});
  system.columns.push_back({"triplet_accuracy", std::move(scores.triplet_accuracy)});
  if (!scores.label_agreement_b.empty()) {
    system.columns.push_back({"label_agreement", std::move(scores.label_agreement_b)});
  }
}

Result<void> measure_columns(const TaskResult& task, SystemResult& system, const BootstrapOptions& options,
                             const AnalysisRun& run) {
  std::vector<std::string> names;
  for (const MeasureColumn& column : system.columns) {
    names.push_back(column.name);
  }
  return measure_system(task, system, names, options, run);
}

}  // namespace

Result<TaskResult> evaluate_neighbors(const VectorSystem& original, std::span<const VectorSystem> systems,
                                      std::span<const std::string> ids, std::span<const std::int32_t> labels,
                                      const NeighborTaskOptions& options, const AnalysisRun& run) {
  TaskResult task{.task = "neighbors"};
  task.settings = {{"k", options.neighborhood.neighbor_count},
                   {"original", original.name},
                   {"metric_original", metric_name(options.neighborhood.metric_a)},
                   {"metric", metric_name(options.neighborhood.metric_b)},
                   {"seed", options.neighborhood.seed}};
  std::vector<double> of_original;
  for (const VectorSystem& vectors : systems) {
    auto scores = neighborhood_scores(original.view(), vectors.view(), labels, options.neighborhood, run);
    if (!scores) {
      return std::unexpected(scores.error());
    }
    if (task.rows.empty()) {
      for (const std::uint32_t row : scores->rows) {
        task.rows.push_back(ids[row]);
      }
      if (scores->rows.size() < ids.size()) {
        task.notes.push_back(fmt::format("asked are {} of {} rows by chance (seed {}), against all others",
                                         scores->rows.size(), ids.size(), options.neighborhood.seed));
      }
      of_original = std::move(scores->label_agreement_a);
    }
    SystemResult system{.name = vectors.name, .is_baseline = vectors.is_baseline};
    add_columns(*scores, system);
    if (auto measured = measure_columns(task, system, options.bootstrap, run); !measured) {
      return std::unexpected(measured.error());
    }
    task.systems.push_back(std::move(system));
  }
  if (!of_original.empty()) {
    SystemResult system{.name = original.name, .is_baseline = true};
    system.columns.push_back({"label_agreement", std::move(of_original)});
    if (auto measured = measure_columns(task, system, options.bootstrap, run); !measured) {
      return std::unexpected(measured.error());
    }
    task.systems.push_back(std::move(system));
  }
  return task;
}

}  // namespace asterism::service
