// Use case: which of two evaluations of the same rows is better, by how much, and is that more than chance?
//
// The interval is that of the difference over rows drawn with replacement, the same rows for both. The chance is a
// permutation test where rows of both systems may change places (shares right, ranks), else from the resampled
// differences (correlations) or from differences with rows left out (clusters). Thread-safety: pure functions. Cost:
// two measures a replicate.
#pragma once

#include <string>
#include <vector>

#include "analysis/bootstrap.hpp"
#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "service/evaluation_report.hpp"

namespace asterism::service {

// Chances below this are called more than chance.
inline constexpr double kSignificance = 0.05;

struct MeasureComparison {
  std::string task;
  std::string measure;
  std::string name_a;
  std::string name_b;
  double value_a = 0.0;
  double value_b = 0.0;
  double difference = 0.0;  // a - b
  Interval interval;        // of the difference
  double p_value = 1.0;     // two-sided
  std::size_t row_count = 0;
  std::string sentence;  // all of it, for people
};

// Of every measure that both have. kMismatch where their rows are not the same.
Result<std::vector<MeasureComparison>> compare_systems(const TaskResult& task_a, const SystemResult& a,
                                                       const TaskResult& task_b, const SystemResult& b,
                                                       const BootstrapOptions& options, const AnalysisRun& run);

// The systems that are no baselines, task by task, the first of each. kMismatch without a task in common.
Result<std::vector<MeasureComparison>> compare_reports(const EvaluationReport& a, const EvaluationReport& b,
                                                       const BootstrapOptions& options, const AnalysisRun& run);

// Within one report: the first measure of every task, of the first model and each other that is no baseline.
Result<std::vector<MeasureComparison>> compare_models(const EvaluationReport& report, const AnalysisRun& run);

Json comparisons_json(const std::vector<MeasureComparison>& comparisons);

}  // namespace asterism::service
