// What every analysis asks of its rows before it starts.
//
// Thread-safety: pure. Cost: one pass over the values.
#pragma once

#include <cstddef>
#include <string_view>

#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

// kInvalidArgument, after `method` ("k-means"), where there are fewer than `row_count_min` rows, values are missing or
// one is not finite; the first such row is named.
Result<void> check_rows(const RowsView& rows, std::size_t row_count_min, std::string_view method);

}  // namespace asterism
