#include "analysis/kd_tree.hpp"

#include <numeric>
#include <utility>

namespace asterism {
namespace {

constexpr std::size_t kLeafRowsMax = 16;

}  // namespace

KdTree::KdTree(const RowsView& rows) : dim_(rows.dim), rows_(rows.row_count) {
  std::iota(rows_.begin(), rows_.end(), std::uint32_t{0});
  std::size_t leaf_count = 1;
  while ((rows.row_count + leaf_count - 1) / leaf_count > kLeafRowsMax) {
    leaf_count *= 2;
  }
  first_leaf_ = leaf_count - 1;
  const std::size_t box_count = 2 * leaf_count - 1;
  begins_.resize(box_count);
  ends_.resize(box_count);
  lows_.resize(box_count * dim_);
  highs_.resize(box_count * dim_);
  make_box(rows, 0, 0, static_cast<std::uint32_t>(rows.row_count));
  values_.reserve(rows.row_count * dim_);
  for (const std::uint32_t row : rows_) {
    const auto values = rows.row(row);
    values_.insert(values_.end(), values.begin(), values.end());
  }
}

void KdTree::make_box(const RowsView& rows, std::size_t box, std::uint32_t begin, std::uint32_t end) {
  begins_[box] = begin;
  ends_[box] = end;
  float* const low = lows_.data() + box * dim_;
  float* const high = highs_.data() + box * dim_;
  const auto first = rows.row(rows_[begin]);
  std::ranges::copy(first, low);
  std::ranges::copy(first, high);
  for (std::size_t place = begin + 1; place < end; ++place) {
    const auto values = rows.row(rows_[place]);
    for (std::size_t d = 0; d < dim_; ++d) {
      low[d] = std::min(low[d], values[d]);
      high[d] = std::max(high[d], values[d]);
    }
  }
  if (!is_halved(box)) {
    return;
  }
  std::size_t widest = 0;
  for (std::size_t d = 1; d < dim_; ++d) {
    widest = high[d] - low[d] > high[widest] - low[widest] ? d : widest;
  }
  const std::uint32_t middle = begin + (end - begin) / 2;
  const auto at = [&](std::uint32_t place) { return rows_.begin() + static_cast<std::ptrdiff_t>(place); };
  std::nth_element(at(begin), at(middle), at(end), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(rows.row(a)[widest], a) < std::pair(rows.row(b)[widest], b);
  });
  make_box(rows, 2 * box + 1, begin, middle);
  make_box(rows, 2 * box + 2, middle, end);
}

}  // namespace asterism
