// What an evaluation found: figures with their intervals, and the value of every row that they were computed from, so
// that two evaluations can be compared later.
//
// A report holds tasks (probe, pairs, ...), a task holds systems: what is evaluated, and the baselines beside it.
// Ownership: values. Thread-safety: values and pure functions. Cost: a few bytes a row and column.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analysis/bootstrap.hpp"
#include "analysis/measure.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"

namespace asterism::service {

struct MeasuredValue {
  std::string name;  // of analysis/measure.hpp
  double value = 0.0;
  Interval interval;  // NaN where there is none
};

struct SystemResult {
  std::string name;          // "builtin", "tfidf"
  bool is_baseline = false;  // what is evaluated, or something to hold beside it
  std::vector<MeasuredValue> measures = {};
  std::vector<MeasureColumn> columns = {};  // of this system alone: "predicted"
};

struct TaskResult {
  std::string task;                           // "probe", "knn", "clustering", "neighbors", "retrieval", "pairs", ...
  Json settings = Json::object();             // what the figures depend on beside the data: k, seed, ...
  std::vector<std::string> notes = {};        // sentences for people: rows left out, samples taken
  std::vector<std::string> rows = {};         // ids of the rows (queries, pairs) that have values
  std::vector<std::string> class_names = {};  // of the labels in columns
  std::vector<MeasureColumn> columns = {};    // of all systems: "label", "gold"
  std::vector<SystemResult> systems = {};     // what is evaluated first
};

struct EvaluationReport {
  std::string input;
  BootstrapOptions bootstrap;
  std::vector<TaskResult> tasks;
};

// Columns of the task and of the system.
std::vector<MeasureColumn> all_columns(const TaskResult& task, const SystemResult& system);

// By bootstrap, or by jackknife where resampled rows mislead (Measure::is_resampled).
Result<Interval> interval_of(const Measure& measure, std::size_t row_count, const RowStatistic& statistic,
                             const BootstrapOptions& options, const AnalysisRun& run);

// Fills `measures` of a system whose columns are there.
Result<void> measure_system(const TaskResult& task, SystemResult& system, const std::vector<std::string>& names,
                            const BootstrapOptions& options, const AnalysisRun& run);

// Without `rows` and `columns` where `with_rows` is false: short, and no report to compare.
Json report_json(const EvaluationReport& report, bool with_rows);

// A file that report_json() wrote, with rows. kCorrupt where columns and rows differ in number, kUnsupported for
// another version of the format.
Result<EvaluationReport> read_report(const std::filesystem::path& path);
Result<EvaluationReport> report_from_json(const Json& json, std::string_view source);

}  // namespace asterism::service
