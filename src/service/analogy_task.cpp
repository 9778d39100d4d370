#include "service/analogy_task.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/thread_pool.hpp"

namespace asterism::service {
namespace {

// 1 where the answer is right, 0 where not, NaN where the question was not asked.
SystemResult system_of(const AnalogyEvaluation& found, std::string name) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  SystemResult system{.name = std::move(name), .is_baseline = false};
  for (std::size_t m = 0; m < found.methods.size(); ++m) {
    MeasureColumn column{std::string(analogy_method_name(found.methods[m])), {}};
    for (const AnalogyOutcome& outcome : found.outcomes) {
      column.values.push_back(!outcome.asked ? kNone : outcome.right[m] ? 1.0 : 0.0);
    }
    system.columns.push_back(std::move(column));
  }
  if (found.sections.size() > 1) {
    for (std::size_t s = 0; s < found.sections.size(); ++s) {
      MeasureColumn column{found.sections[s].name.empty() ? "no section" : found.sections[s].name, {}};
      for (const AnalogyOutcome& outcome : found.outcomes) {
        column.values.push_back(!outcome.asked || outcome.section != s ? kNone : outcome.right[0] ? 1.0 : 0.0);
      }
      system.columns.push_back(std::move(column));
    }
  }
  return system;
}

}  // namespace

Result<TaskResult> evaluate_analogy_task(const AnalogyTaskRequest& request, const AnalysisRun& run) {
  TaskResult task{.task = "analogies"};
  task.settings = {{"words", request.vocabulary.word_count_max}, {"match_case", request.vocabulary.match_case}};
  for (const std::string& model : request.models) {
    const auto found = evaluate_analogies({.model = model,
                                           .fetch = request.fetch,
                                           .thread_count = run.pool.thread_count(),
                                           .questions = request.questions,
                                           .vocabulary = request.vocabulary,
                                           .methods = request.methods});
    if (!found) {
      return std::unexpected(found.error());
    }
    if (task.rows.empty()) {
      for (const AnalogyOutcome& outcome : found->outcomes) {
        task.rows.push_back(fmt::format("{}: {}", outcome.line, outcome.text));
      }
    }
    task.notes.push_back(fmt::format("{} knows the words of {} of {} questions among its first {}", model,
                                     found->total.asked_count, found->total.question_count, found->word_count));
    if (found->problem_count > 0) {
      task.notes.push_back(fmt::format("{} lines are no questions and left out", found->problem_count));
    }
    SystemResult system = system_of(*found, model);
    std::vector<std::string> names;
    for (const MeasureColumn& column : system.columns) {
      names.push_back(column.name);
    }
    if (auto measured = measure_system(task, system, names, request.bootstrap, run); !measured) {
      return std::unexpected(measured.error());
    }
    task.systems.push_back(std::move(system));
  }
  return task;
}

}  // namespace asterism::service
