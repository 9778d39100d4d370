// A training run as a collection, so that an atlas shows how the space of its encoder forms: the evaluated rows that
// the run kept (evaluation_vectors.hpp), a named version for each evaluation.
//
// Items are pictures (small ones, with their label and split as metadata) or rows of a table (their cells). A row
// without a vector in one evaluation is not in that version. Ownership: the collection is the caller's. Thread-safety:
// any thread. Cost: a copy of every row and vector for each evaluation.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"

namespace asterism::service {

// Whether the folder is one of `asterism train`.
bool is_run_folder(const std::filesystem::path& folder);

struct RunCollection {
  std::vector<std::string> versions;  // "epoch 0" (before the first step), "epoch 5", ...: oldest first
  std::size_t row_count = 0;
};

// A new collection at `location`. kNotFound where the run kept no vectors, kInvalidArgument where it kept one
// evaluation alone, kCorrupt, kCancelled.
Result<RunCollection> collect_run(const std::filesystem::path& run, const std::string& location,
                                  const CancelFlag* cancel, const ProgressSink& progress);

}  // namespace asterism::service
