// How the space forms while an encoder learns: vectors of a few evaluated rows at some evaluations, kept in the run's
// folder for `asterism atlas RUN`.
//
//   RUN/evaluations/rows.safetensors         who the rows are: metadata `rows` (JSON: [{"id", "label", "split",
//                                            "cells"}]); pictures as JPEG in `pictures` u8 [bytes], `picture_offsets`
//                                            i64 [rows + 1]
//   RUN/evaluations/epoch-00000003.safetensors   `vectors` f32 [rows, dim], NaN where a row could not be read; metadata
//                                                `epoch`, `step`
//
// Bounded: at most training.evaluation_vectors rows, kEvaluationCountMax evaluations, pictures of
// kEvaluationPictureEdge pixels. Each file appears whole or not at all; the readers trust nothing. Ownership: values.
// Thread-safety: one thread writes. Cost: a forward run over those rows, and one file, each time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "graph/learner.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

inline constexpr std::int64_t kEvaluationCountMax = 24;  // beside the last
inline constexpr std::int64_t kEvaluationPictureEdge = 96;

// Whether the vectors of that epoch (from 1; 0: before the first step) are kept: of long runs every few evaluations,
// and those of the last epoch.
bool keeps_vectors_of(std::int64_t epoch, std::int64_t epoch_count, std::int64_t evaluation_epochs);

struct KeepRequest {
  const TrainingTask& task;
  Learner& learner;
  const TrainingRecipe& training;
  WeightsOf weights = WeightsOf::kTrained;
  const CancelFlag* cancel = nullptr;  // borrowed; may be null
  LogSink log = {};
};
// Writes the vectors of one evaluation of watched_split(), where it is one of those that are kept, and first of all who
// the rows are. kCancelled writes nothing. What else goes wrong, as a full disk, is logged: what is kept to be looked
// at is no reason to lose what was learnt.
Result<void> keep_evaluation(const std::filesystem::path& run, const KeepRequest& request, std::int64_t epoch,
                             std::int64_t step);
// Removes what a killed run left half written.
void tidy_evaluations(const std::filesystem::path& run);
// Starting over.
Result<void> clear_evaluations(const std::filesystem::path& run);

struct EvaluationRow {
  std::string id;
  std::string label;  // empty = none
  std::string split;
  Json cells = Json::object();  // of tables
  std::string picture;          // a JPEG file; empty of tables
};
struct KeptEvaluation {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  std::vector<float> vectors;  // [rows, dim]
  std::size_t dim = 0;
};
// Whether the folder is one of a run; it may have kept no vectors.
bool is_training_run(const std::filesystem::path& folder);
// kNotFound where the run kept none, with what to set; kCorrupt.
Result<std::vector<EvaluationRow>> read_evaluation_rows(const std::filesystem::path& run);
// Files of evaluations, the earliest first.
std::vector<std::filesystem::path> list_evaluations(const std::filesystem::path& run);
// kCorrupt (a lying file, or not `row_count` rows).
Result<KeptEvaluation> read_evaluation(const std::filesystem::path& file, std::size_t row_count);

}  // namespace asterism
