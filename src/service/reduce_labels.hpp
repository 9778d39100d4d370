// Labels of the rows that a reduction learns from, as classes or numbers.
//
// Thread-safety: pure functions. Cost: one pass over the labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "service/analysis_rows.hpp"

namespace asterism::service {

// Whether `labels` names a file (.npy, or one that is there) rather than a column.
bool is_label_file(const std::string& labels);

// Classes 0, 1, 2 ... in the order of their names, kNoLabel where there is none: of the file, or of the rows' column of
// that name. [row_count]. kMismatch where a file has another number of labels than the input has rows.
Result<std::vector<std::int32_t>> read_labels(const std::string& labels, const AnalysisRows& rows);

// Numbers, NaN where there is none: of the file (.npy of numbers, or a line a row), or of the rows' column of that
// name. [row_count]. kInvalidArgument for what is no number; errors as above.
Result<std::vector<float>> read_targets(const std::string& targets, const AnalysisRows& rows);

}  // namespace asterism::service
