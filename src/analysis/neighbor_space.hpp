// Rows laid out so that their distances come from products: moved to their centre (Euclidean) or to length 1 (cosine).
//
// A key orders the neighbours of one row: square(b) - 2 a.b, which is the squared distance less square(a). Products of
// near rows cancel, so what is kept is measured again by exact_distance().
// Ownership: a copy of the rows; Euclidean borrows the rows too. Thread-safety: immutable once made.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

// Largest magnitude of a value: squares of such rows still are finite.
inline constexpr float kNeighborValueMax = 1e15F;

struct NeighborSpace {
  Metric metric = Metric::kEuclidean;
  std::vector<float> centre;   // [dim]; empty for cosine
  std::vector<float> values;   // [row_count, dim]
  std::vector<float> squares;  // [row_count]; 1 for a zero row of cosine, which is at 1 from every row
  std::vector<bool> is_zero;   // [row_count]; empty for Euclidean
  RowsView exact;              // what distances are measured between

  std::size_t row_count() const noexcept { return squares.size(); }
  std::size_t dim() const noexcept { return exact.dim; }
  std::span<const float> row(std::size_t index) const noexcept {
    return std::span(values).subspan(index * dim(), dim());
  }
  float key(std::size_t a, std::size_t b) const noexcept;

  // A space that holds what it borrows from itself.
  NeighborSpace() = default;
  NeighborSpace(NeighborSpace&&) = default;
  NeighborSpace& operator=(NeighborSpace&&) = default;
  NeighborSpace(const NeighborSpace&) = delete;
  NeighborSpace& operator=(const NeighborSpace&) = delete;
};

// Of rows [begin, end): kInvalidArgument for values that are not finite or beyond kNeighborValueMax, which names the
// first; of all: for fewer values than the shape says, and kUnsupported for kDot.
Result<void> check_neighbor_rows(const RowsView& rows, Metric metric, std::size_t begin, std::size_t end);

// The row at length 1, as a cosine has it, in `to`; false for a zero row, which stays.
bool to_unit_length(std::span<const float> row, std::span<float> to);

// kInvalidArgument for values that are not finite or beyond kNeighborValueMax, kUnsupported for kDot.
Result<NeighborSpace> neighbor_space(const RowsView& rows, Metric metric, ThreadPool& pool);
// Queries in the space of `rows`: moved by the same centre. Errors as above.
Result<NeighborSpace> neighbor_queries(const RowsView& queries, const NeighborSpace& rows, ThreadPool& pool);

// Euclidean distance, or 1 - cosine, from differences: rows that are equal are at 0.
float exact_distance(const NeighborSpace& queries, std::size_t query, const NeighborSpace& rows, std::size_t row);

}  // namespace asterism
