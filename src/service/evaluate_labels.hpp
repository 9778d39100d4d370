// Use cases: what labels say about an embedding. A linear probe, nearest neighbours, clusters, and the names of the
// classes themselves (zero-shot), each with the baselines beside it.
//
// Thread-safety: pure functions of their data. Cost: that of train/linear_probe.hpp, train/neighbour_accuracy.hpp and
// analysis/kmeans.hpp for every system, and one measure a bootstrap replicate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "analysis/bootstrap.hpp"
#include "analysis/estimator.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "service/evaluation_data.hpp"
#include "service/evaluation_report.hpp"

namespace asterism::service {

struct LabelTaskOptions {
  BootstrapOptions bootstrap;
  std::uint64_t seed = 0;
  double inverse_penalty = 1.0;     // C of the probe
  std::size_t neighbor_count = 20;  // of the k-NN classifier
  std::size_t cluster_count = 0;    // 0 = as many as classes
  std::size_t silhouette_row_count_max = 2000;
};

// Rows to learn from and rows to ask, of the same systems in the same order and the same classes.
struct LabelledSplit {
  EvaluationData learnt;
  EvaluationData asked;
};

// A part of each class by chance (of `asked_share`, at least one row of classes with two or more): by seed alone. Rows
// without a label are dropped. kInvalidArgument where fewer than 2 classes have labels, or no row is left to ask.
Result<LabelledSplit> split_by_class(const EvaluationData& data, double asked_share, std::uint64_t seed);

Result<TaskResult> evaluate_probe(const LabelledSplit& split, const LabelTaskOptions& options, const AnalysisRun& run);
Result<TaskResult> evaluate_knn(const LabelledSplit& split, const LabelTaskOptions& options, const AnalysisRun& run);
// k-means over rows of length 1, against the labels.
Result<TaskResult> evaluate_clustering(const EvaluationData& data, const LabelTaskOptions& options,
                                       const AnalysisRun& run);

// Each row of the first system against `class_texts` ([class_names]), embedded by the same model: the nearest by cosine
// is what is said.
Result<TaskResult> evaluate_zero_shot(const EvaluationData& data, const Embeddings& class_texts,
                                      const std::string& prompt_template, const LabelTaskOptions& options,
                                      const AnalysisRun& run);

}  // namespace asterism::service
