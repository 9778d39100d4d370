// Rows that an analysis reads.
#pragma once

#include <cstddef>
#include <span>

namespace asterism {

// Rows of `dim` floats, one after the other; borrowed.
struct RowsView {
  std::span<const float> values;  // [row_count, dim]
  std::size_t row_count = 0;
  std::size_t dim = 0;

  std::span<const float> row(std::size_t index) const noexcept { return values.subspan(index * dim, dim); }
};

}  // namespace asterism
