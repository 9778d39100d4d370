// Sums over rows of products of columns, A^T B: covariances, and what power iterations are made of.
//
// The columns of a block of rows are kept in panels of a few vectors' width, row after row, so that both factors are
// read in order. Products are summed in float over at most kProductRowsMax rows and in double from there on: the error
// is that of float over a few hundred terms, whatever the number of rows. Source of the scheme: Goto and van de Geijn
// 2008, "Anatomy of High-Performance Matrix Multiplication". Thread-safety: calls on disjoint sums may run at once.
// Cost: 2 * rows * columns * columns operations.
#pragma once

#include <cstddef>
#include <span>

#include "tensor/tensor.hpp"

namespace asterism {

// Rows whose products are summed in float.
inline constexpr std::size_t kProductRowsMax = 256;

// A block of rows, its columns in panels; zeros past the last column.
class ColumnPanels {
 public:
  ColumnPanels(std::size_t row_count_max, std::size_t column_count);

  std::size_t column_count() const noexcept { return column_count_; }
  std::size_t panel_count() const noexcept { return panel_count_; }
  std::size_t panel_width() const noexcept { return panel_width_; }
  // [row_count_max, panel_width]
  float* panel(std::size_t index) noexcept { return values_.mutable_as<float>().data() + index * panel_size_; }
  const float* panel(std::size_t index) const noexcept { return values_.as<float>().data() + index * panel_size_; }
  // `values` are the row's columns.
  void set_row(std::size_t row, std::span<const float> values) noexcept;

 private:
  std::size_t column_count_ = 0;
  std::size_t panel_width_ = 0;
  std::size_t panel_count_ = 0;
  std::size_t panel_size_ = 0;
  Tensor values_;
};

// sums[i, j] += sum over the first `row_count` rows of left[r, i] * right[r, j], for the columns i of one panel of
// `left` and j of one of `right`; sums is [left.column_count(), right.column_count()].
void add_column_products(const ColumnPanels& left, std::size_t left_panel, const ColumnPanels& right,
                         std::size_t right_panel, std::size_t row_count, std::span<double> sums);

// The same in plain double arithmetic: the oracle of the tests.
void add_column_products_scalar(const ColumnPanels& left, std::size_t left_panel, const ColumnPanels& right,
                                std::size_t right_panel, std::size_t row_count, std::span<double> sums);

}  // namespace asterism
