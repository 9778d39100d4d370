// What an encoder's vectors are worth while it is trained: neighbour accuracy and linear probe on rows that it did not
// learn from, beside raw rows and the untrained encoder.
//
// Large splits are thinned to whole batches at even distances, so that the cost of an evaluation is bounded whatever
// the data set. Thread-safety: one thread. Cost: a forward run over at most the row counts of the options, then
// neighbour_accuracy.hpp and linear_probe.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "analysis/whitening.hpp"
#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/learner.hpp"
#include "train/labelled_vectors.hpp"
#include "train/task.hpp"

namespace asterism {

// The split that figures of the end are of: the first of test, validation and train that has rows.
Split final_split(const TrainingTask& task);

// What an evaluation on the way is of: the validation split, or where it has no rows what is learnt from.
Split watched_split(const TrainingTask& task);

struct EvaluationOptions {
  std::int64_t bank_row_count_max = 10'000;   // of the training split, to compare with and to learn the probe from
  std::int64_t query_row_count_max = 10'000;  // of the split that is asked
  std::int64_t whitening = 0;                 // directions of the vectors that are compared; 0 = vectors as they are
  std::size_t thread_count = 1;               // of the figures; the learner has its own
  const CancelFlag* cancel = nullptr;         // borrowed; may be null
};

struct Quality {
  std::optional<double> neighbour_accuracy;  // in [0, 1]; none without labels
  std::optional<double> probe_accuracy;      // none without two classes
  std::optional<double> class_accuracy;      // of the network's own classifier, where it has one
  std::int64_t query_count = 0;
};

Json to_json(const Quality& quality);
// What to_json() gave; what is not there stays unset.
Quality quality_from_json(const Json& json);

// Vectors of a split's rows in its order, thinned to `row_count_max`, by value `network().embedding`. `rows`: which
// rows of the split they are.
struct SplitVectors {
  LabelledVectors vectors;
  std::vector<std::int32_t> predictions;  // labels by the network's own classifier; empty without one
  std::vector<std::int64_t> rows;         // positions in plain(split)
};
Result<SplitVectors> encode_split(const TrainingTask& task, Learner& learner, WeightsOf weights, Split split,
                                  std::int64_t row_count_max, const CancelFlag* cancel);
// The same rows by raw_vector().
Result<SplitVectors> raw_split(const TrainingTask& task, Split split, std::int64_t row_count_max,
                               const CancelFlag* cancel);

// `queries` of the same task as `bank`; no queries: each row of the bank against the others, and no probe.
Result<Quality> measure_quality(const SplitVectors& bank, const SplitVectors& queries, std::size_t thread_count = 1);

// What an evaluation compares: rows of plain(kTrain), and those that are asked about; none of the latter where
// `queries` has no rows or is kTrain.
struct EncodedRows {
  SplitVectors bank;
  SplitVectors queries;
  // Fitted on the rows that are learnt from, and applied to both; nothing where none was asked for. May keep fewer
  // directions than asked for, where the vectors vary along fewer.
  std::optional<Whitening> whitening;
};
Result<EncodedRows> encode_rows(const TrainingTask& task, Learner& learner, WeightsOf weights, Split queries,
                                const EvaluationOptions& options);

// Figures of encode_rows(). Nothing is encoded where no label could be asked for.
Result<Quality> evaluate_encoder(const TrainingTask& task, Learner& learner, WeightsOf weights, Split queries,
                                 const EvaluationOptions& options);
Result<Quality> evaluate_raw(const TrainingTask& task, Split queries, const EvaluationOptions& options);

// Mean of Learner::losses over held_out(), weighted by rows; nothing where it has no rows.
Result<std::optional<double>> held_out_loss(const TrainingTask& task, Learner& learner, const CancelFlag* cancel);

}  // namespace asterism
