// Linear probe: how well a linear classifier on frozen vectors does, the usual measure of what an encoder knows.
//
// Multinomial logistic regression with an L2 penalty on the weights, not on the intercepts, on features standardised by
// the training rows: the objective of scikit-learn's LogisticRegression,
//
//   1/2 |W|^2 + C * sum over rows of -log softmax(W x + b)[label],
//
// minimised by L-BFGS from zero (lbfgs.hpp). Products are sums in float32, the rest is in double. Deterministic: the
// same bits with any number of threads. Thread-safety: pure functions. Cost: two products rows x dim x classes an
// iteration; with few rows of many features one eigendecomposition of [rows, rows] comes first, and dim is the
// number of rows. Memory: three copies of the features.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "asterism/error.hpp"
#include "train/labelled_vectors.hpp"

namespace asterism {

struct LinearProbeOptions {
  double inverse_penalty = 1.0;  // C
  std::int64_t iteration_count_max = 200;
  // Ends when no part of the gradient of the mean loss is larger.
  double gradient_tolerance = 1e-5;
  std::size_t thread_count = 1;
};

struct LinearProbeResult {
  double accuracy = 0.0;  // of the test rows, in [0, 1]
  double loss = 0.0;      // the objective, divided by C * rows
  std::int64_t iteration_count = 0;
  std::vector<std::int32_t> predicted;  // of each test row; -1 of those without a label
};

// Labels are 0...; -1 rows are left out. kInvalidArgument with fewer than two classes to learn from, or no test row.
Result<LinearProbeResult> linear_probe(const LabelledVectors& train, const LabelledVectors& test,
                                       const LinearProbeOptions& options = {});

}  // namespace asterism
