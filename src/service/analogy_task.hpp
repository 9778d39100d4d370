// Use case: word analogies as a task of an evaluation, a row a question, so that models are compared question by
// question (service/evaluate_analogies.hpp).
//
// A question with a word that a model does not know has no value for it and counts in the coverage alone.
// Thread-safety: any thread. Cost: loading the models; the questions; one mean a resample and section.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/bootstrap.hpp"
#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "service/evaluate_analogies.hpp"
#include "service/evaluation_report.hpp"

namespace asterism::service {

struct AnalogyTaskRequest {
  std::string questions;
  std::vector<std::string> models;
  ModelFetch fetch;
  WordTaskVocabulary vocabulary;
  std::vector<AnalogyMethod> methods = {AnalogyMethod::kCosAdd};
  BootstrapOptions bootstrap;
};

// Measures: the share right by every method, and of the first by every section of the file.
Result<TaskResult> evaluate_analogy_task(const AnalogyTaskRequest& request, const AnalysisRun& run);

}  // namespace asterism::service
