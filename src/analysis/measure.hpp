// Measures by name: what a figure of a report is computed from, so that it can be computed again over other rows.
//
// A report keeps a value a row in named columns ("label" and "predicted", "score" and "gold"); a measure is a function
// of such columns. Names that are not in the table are means of the column of that name. Ownership: the table is
// constant. Thread-safety: pure functions. Cost: that of the measure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

struct MeasureColumn {
  std::string name;
  std::vector<double> values;  // [rows]; labels are whole numbers from 0
};

struct Measure {
  std::string name;
  std::string title;                 // "macro F1"
  std::vector<std::string> columns;  // that it is computed from, in order
  bool higher_is_better = true;
  // Rows of two systems may change places: their columns mean the same on the same scale.
  bool is_exchangeable = true;
  // Of columns of one length; NaN where there is no such figure.
  double (*value)(std::span<const std::span<const double>> columns) = nullptr;
};

// The row of the table, or the mean of the column `name`.
Measure find_measure(std::string_view name);

// The measure over rows (some of them maybe more than once) of columns that it finds by name. kNotFound names a column
// that is not there.
Result<std::vector<std::span<const double>>> columns_of(const Measure& measure, std::span<const MeasureColumn> columns);
double measure_over(const Measure& measure, std::span<const std::span<const double>> columns,
                    std::span<const std::uint32_t> rows);

}  // namespace asterism
