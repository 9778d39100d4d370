#include "analysis/check_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace asterism {

Result<void> check_rows(const RowsView& rows, std::size_t row_count_min, std::string_view method) {
  if (rows.dim == 0 || rows.values.size() / rows.dim < rows.row_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected {} x {} values, found {}", method,
                                                         rows.row_count, rows.dim, rows.values.size()));
  }
  if (rows.row_count < row_count_min) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected at least {} rows, found {}", method, row_count_min, rows.row_count));
  }
  const auto values = rows.values.first(rows.row_count * rows.dim);
  const auto bad = std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
  if (bad != values.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected finite values, found {} in row {}", method, *bad,
                            static_cast<std::size_t>(bad - values.begin()) / rows.dim),
                "leave out the rows that have no vector");
  }
  return {};
}

}  // namespace asterism
