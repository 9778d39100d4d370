#include "kernels/column_products.hpp"

#include <algorithm>
#include <utility>

// Accumulators live in arrays of vectors, which vectors of unknown length cannot.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/column_products.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
// After highway.h:
#include "kernels/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

// One tile's place among the sums.
struct TileSums {
  double* at;
  std::size_t stride;
  std::size_t columns;  // that are there; the panel may have more
};

// sums[i, j] += sum of left[r, i] * right[r, j] over `depth` rows, both panels `width` wide.
template <std::size_t kRows>
void product_tile(const float* HWY_RESTRICT left, const float* HWY_RESTRICT right, std::size_t depth,
                  const TileSums& sums) {
  constexpr std::size_t kWidthMax = kTileVectors * HWY_MAX_BYTES / sizeof(float);
  const std::size_t width = kTileVectors * hn::Lanes(FloatTag());
  HWY_ALIGN float block[kRows * kWidthMax] = {};
  Tile<kRows, kTileVectors> tile;
  tile.clear();
  tile.multiply_columns(left, width, right, depth);
  tile.store(block, width, [](std::size_t, std::size_t, FloatVector sum) HWY_ATTR { return sum; });
  for (std::size_t r = 0; r < kRows; ++r) {
    double* const out = sums.at + r * sums.stride;
    for (std::size_t c = 0; c < sums.columns; ++c) {
      out[c] += static_cast<double>(block[r * width + c]);
    }
  }
}

using TileFunction = void (*)(const float*, const float*, std::size_t, const TileSums&);

template <std::size_t... kIndex>
TileFunction pick_tile(std::size_t rows, std::index_sequence<kIndex...>) {
  constexpr TileFunction kTiles[] = {product_tile<kIndex + 1>...};
  return kTiles[rows - 1];
}

}  // namespace

std::size_t column_panel_width() {
  return kTileVectors * hn::Lanes(FloatTag());
}

void add_panel_products(const float* left, std::size_t left_columns, const float* right, std::size_t right_columns,
                        std::size_t row_count, double* sums, std::size_t stride) {
  const std::size_t width = column_panel_width();
  for (std::size_t begin = 0; begin < row_count; begin += kProductRowsMax) {
    const std::size_t depth = std::min(kProductRowsMax, row_count - begin);
    for (std::size_t i = 0; i < left_columns; i += kTileRowsMax) {
      const std::size_t rows = std::min(kTileRowsMax, left_columns - i);
      const TileFunction tile = pick_tile(rows, std::make_index_sequence<kTileRowsMax>());
      tile(left + begin * width + i, right + begin * width, depth, {sums + i * stride, stride, right_columns});
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(column_panel_width);
HWY_EXPORT(add_panel_products);

ColumnPanels::ColumnPanels(std::size_t row_count_max, std::size_t column_count)
    : column_count_(column_count),
      panel_width_(HWY_DYNAMIC_DISPATCH(column_panel_width)()),
      panel_count_((column_count + panel_width_ - 1) / panel_width_),
      panel_size_(row_count_max * panel_width_),
      values_(DType::kF32, {static_cast<std::int64_t>(panel_count_ * panel_size_)}) {
  std::ranges::fill(values_.mutable_as<float>(), 0.0F);
}

void ColumnPanels::set_row(std::size_t row, std::span<const float> values) noexcept {
  for (std::size_t index = 0; index < panel_count_; ++index) {
    const std::size_t begin = index * panel_width_;
    std::ranges::copy(values.subspan(begin, std::min(panel_width_, column_count_ - begin)),
                      panel(index) + row * panel_width_);
  }
}

void add_column_products(const ColumnPanels& left, std::size_t left_panel, const ColumnPanels& right,
                         std::size_t right_panel, std::size_t row_count, std::span<double> sums) {
  const std::size_t left_begin = left_panel * left.panel_width();
  const std::size_t right_begin = right_panel * right.panel_width();
  HWY_DYNAMIC_DISPATCH(add_panel_products)
  (left.panel(left_panel), std::min(left.panel_width(), left.column_count() - left_begin), right.panel(right_panel),
   std::min(right.panel_width(), right.column_count() - right_begin), row_count,
   sums.data() + left_begin * right.column_count() + right_begin, right.column_count());
}

void add_column_products_scalar(const ColumnPanels& left, std::size_t left_panel, const ColumnPanels& right,
                                std::size_t right_panel, std::size_t row_count, std::span<double> sums) {
  const std::size_t width = left.panel_width();
  for (std::size_t i = 0; i < std::min(width, left.column_count() - left_panel * width); ++i) {
    for (std::size_t j = 0; j < std::min(width, right.column_count() - right_panel * width); ++j) {
      double sum = 0.0;
      for (std::size_t r = 0; r < row_count; ++r) {
        sum += static_cast<double>(left.panel(left_panel)[r * width + i]) *
               static_cast<double>(right.panel(right_panel)[r * width + j]);
      }
      sums[(left_panel * width + i) * right.column_count() + right_panel * width + j] += sum;
    }
  }
}

}  // namespace asterism
#endif  // HWY_ONCE
