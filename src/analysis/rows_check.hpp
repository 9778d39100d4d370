// What every analysis asks of its rows before it reads them.
//
// Thread-safety: pure functions. Cost: one pass over the values on the threads of the pool.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

// As many values as the shape says, all finite. kInvalidArgument names the first row that is not (from 0 on), the value
// and its column. `who` starts the message: "pca".
Result<void> expect_finite_rows(const RowsView& rows, std::string_view who, const AnalysisRun& run);

// Rows of `dim` values, as an estimator was fitted on, and finite.
Result<void> expect_rows_of(std::size_t dim, const RowsView& rows, std::string_view who, const AnalysisRun& run);

// What t-SNE and PaCMAP ask: at least 2 rows, finite; 1 to kPlaceDimMax components; places to start from for all rows
// [row_count, component_count] or none.
Result<void> expect_rows_to_lay_out(const RowsView& rows, std::size_t component_count, std::span<const float> initial,
                                    std::string_view who, const AnalysisRun& run);

// kCancelled once the run's flag is set.
Result<void> expect_not_cancelled(const AnalysisRun& run, std::string_view who);

}  // namespace asterism
