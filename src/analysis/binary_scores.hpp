// How well a score tells pairs (rows) that belong from pairs that do not: average precision, ROC area, best thresholds.
//
// Average precision and ROC area as scikit-learn's average_precision_score and roc_auc_score: rows of equal score are
// taken together. The best thresholds are those of sentence-transformers' BinaryClassificationEvaluator, with rows of
// equal score on one side. NaN where one of the two kinds is missing. Thread-safety: pure functions. Cost: n log n.
#pragma once

#include <span>

namespace asterism {

struct ThresholdScore {
  double score = 0.0;      // accuracy or F1
  double threshold = 0.0;  // midway between the last score that is in and the first that is out
};

// `labels`: 1 where the row belongs, else 0; larger scores say that it does. The spans have one length.
double average_precision(std::span<const double> scores, std::span<const double> labels);
double roc_area(std::span<const double> scores, std::span<const double> labels);
ThresholdScore best_accuracy(std::span<const double> scores, std::span<const double> labels);
ThresholdScore best_f1(std::span<const double> scores, std::span<const double> labels);

}  // namespace asterism
