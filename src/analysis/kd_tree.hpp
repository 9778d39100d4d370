// Rows of few dimensions in boxes, so that what lies near a row is found without a look at most of the others.
//
// Bentley 1975, "Multidimensional binary search trees used for associative searching": a box is halved at the median of
// its widest side. Rows are numbered by their place in the order of the boxes. Squared distances are sums in double in
// the order of the dimensions, to rows and to boxes alike, so that no box is farther than a row in it. Beyond some
// twenty dimensions nearly every box is near: ask all pairs there.
// Ownership: a copy of the rows. Thread-safety: immutable once made. Cost: rows x log(rows) to make, on one thread; a
// search is some log(rows) boxes. Memory: the rows again, and 12 bytes a row.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/rows_view.hpp"

namespace asterism {

class KdTree {
 public:
  // At least one row, finite.
  explicit KdTree(const RowsView& rows);

  std::size_t row_count() const noexcept { return rows_.size(); }
  std::uint32_t row(std::size_t place) const noexcept { return rows_[place]; }

  // Boxes are numbered from 0, which holds all rows; halves of a box are 2 box + 1 and 2 box + 2, and come after it.
  std::size_t box_count() const noexcept { return begins_.size(); }
  bool is_halved(std::size_t box) const noexcept { return box < first_leaf_; }
  // Places [begin, end) lie in it.
  std::uint32_t begin(std::size_t box) const noexcept { return begins_[box]; }
  std::uint32_t end(std::size_t box) const noexcept { return ends_[box]; }

  // Looks at the boxes from the row at `place` on, near ones first. `enters(box, square)`: whether a box at so large a
  // squared distance may hold what is sought; `visit(place, square)`: a row of a box that was entered, itself too.
  template <typename Enters, typename Visit>
  void search(std::size_t place, const Enters& enters, const Visit& visit) const {
    struct Open {
      std::size_t box;
      double square;
    };
    std::array<Open, kOpenMax> open;
    std::size_t count = 0;
    open[count++] = {0, 0.0};
    const float* const from = values_.data() + place * dim_;
    while (count > 0) {
      const auto [box, square] = open[--count];
      if (!enters(box, square)) {
        continue;
      }
      if (!is_halved(box)) {
        for (std::size_t other = begins_[box]; other < ends_[box]; ++other) {
          visit(other, square_to_row(from, other));
        }
        continue;
      }
      const Open left{2 * box + 1, square_to_box(from, 2 * box + 1)};
      const Open right{2 * box + 2, square_to_box(from, 2 * box + 2)};
      const bool right_first = right.square < left.square;
      open[count++] = right_first ? left : right;
      open[count++] = right_first ? right : left;
    }
  }

 private:
  // Each level leaves one box open: enough for 2^32 rows.
  static constexpr std::size_t kOpenMax = 40;

  void make_box(const RowsView& rows, std::size_t box, std::uint32_t begin, std::uint32_t end);

  double square_to_row(const float* from, std::size_t place) const noexcept {
    const float* const to = values_.data() + place * dim_;
    double square = 0.0;
    for (std::size_t d = 0; d < dim_; ++d) {
      const double apart = static_cast<double>(from[d]) - static_cast<double>(to[d]);
      square += apart * apart;
    }
    return square;
  }

  double square_to_box(const float* from, std::size_t box) const noexcept {
    const float* const low = lows_.data() + box * dim_;
    const float* const high = highs_.data() + box * dim_;
    double square = 0.0;
    for (std::size_t d = 0; d < dim_; ++d) {
      const double apart = static_cast<double>(from[d]) - static_cast<double>(std::clamp(from[d], low[d], high[d]));
      square += apart * apart;
    }
    return square;
  }

  std::size_t dim_ = 0;
  std::size_t first_leaf_ = 0;
  std::vector<std::uint32_t> rows_;    // [place]
  std::vector<float> values_;          // [place, dim]
  std::vector<std::uint32_t> begins_;  // [box]
  std::vector<std::uint32_t> ends_;    // [box]
  std::vector<float> lows_;            // [box, dim]
  std::vector<float> highs_;           // [box, dim]
};

}  // namespace asterism
