// Distances from one row to all others, in double: what measures that rank neighbours start from.
//
// Each distance is one sum in the order of the components, whatever else is computed, so that equal rows are at equal
// distances and the value does not depend on threads. Ownership: borrows the rows. Thread-safety: const calls from many
// threads. Cost of from(): rows x dim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

class RowDistances {
 public:
  // Euclidean, or 1 - cosine (a zero row has cosine 0 with every other). kInvalidArgument for dot, which is no
  // distance, and for values that are not finite; `name` is what the rows are called in errors.
  static Result<RowDistances> make(const RowsView& rows, Metric metric, std::string_view name);

  std::size_t row_count() const noexcept { return rows_.row_count; }
  // out: [row_count]; that of the row itself is 0.
  void from(std::size_t row, std::span<double> out) const noexcept;

  // The same one by one, to the bit: `origin` is origin(row), taken once for many.
  std::vector<double> origin(std::size_t row) const;  // [dim]
  double between(std::span<const double> origin, std::size_t row, std::size_t other) const noexcept;

 private:
  RowDistances(const RowsView& rows, Metric metric) : rows_(rows), metric_(metric) {}

  RowsView rows_;
  Metric metric_;
  std::vector<double> lengths_;  // cosine only
};

// `count` of the rows [0, row_count), in ascending order, by chance from the seed alone; all of them where count is not
// smaller.
std::vector<std::uint32_t> sample_rows(std::size_t row_count, std::size_t count, std::uint64_t seed);

}  // namespace asterism
