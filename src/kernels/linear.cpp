#include "kernels/linear.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <numbers>
#include <utility>
#include <vector>

#include "base/thread_pool.hpp"

// Accumulators live in arrays of vectors, which vectors of unknown length cannot.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
// After highway.h:
#include "kernels/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

// Where a tile's results go, and what happens to them there.
struct TileTarget {
  float* y;
  std::size_t y_stride;
  const float* bias;      // of the tile's columns; null unless this is the first part of the inputs
  const float* residual;  // null unless this is the last part and there is one
  Ahead ahead;
};

// erf(z) = z P(z^2) / Q(z^2), fitted for the smallest relative error on |z| <= 3.8325, where erf rounds to 1; the error
// in float32 arithmetic is below 4e-7. GELU(x) = x / 2 (1 + erf(x / sqrt 2)).
HWY_INLINE FloatVector gelu(FloatVector x) {
  const FloatTag d;
  const auto limit = hn::Set(d, 3.8325F);
  const auto scaled = hn::Mul(x, hn::Set(d, std::numbers::sqrt2_v<float> / 2.0F));
  const auto z = hn::Max(hn::Neg(limit), hn::Min(scaled, limit));
  const auto t = hn::Mul(z, z);
  auto p = hn::MulAdd(hn::Set(d, 2.1231346633634530e-06F), t, hn::Set(d, 2.8593256138265133e-04F));
  p = hn::MulAdd(p, t, hn::Set(d, 3.6524417810142040e-03F));
  p = hn::MulAdd(p, t, hn::Set(d, 5.2417546510696411e-02F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.8730154633522034e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.1283791065216064e+00F));
  auto q = hn::MulAdd(hn::Set(d, 3.8897753256605938e-05F), t, hn::Set(d, 1.1416249908506870e-03F));
  q = hn::MulAdd(q, t, hn::Set(d, 1.4741872437298298e-02F));
  q = hn::MulAdd(q, t, hn::Set(d, 1.1289761960506439e-01F));
  q = hn::MulAdd(q, t, hn::Set(d, 4.9932458996772766e-01F));
  q = hn::MulAdd(q, t, hn::Set(d, 1.0F));
  // Past the limit erf is 1 exactly: the last bits of the quotient times a huge x must not remain.
  const auto erf = hn::IfThenElse(hn::Eq(z, scaled), hn::Div(hn::Mul(z, p), q), hn::CopySign(hn::Set(d, 1.0F), x));
  const auto half = hn::Mul(x, hn::Set(d, 0.5F));
  return hn::MulAdd(half, erf, half);
}

template <LinearActivation kKind>
HWY_INLINE FloatVector activate(FloatVector x) {
  if constexpr (kKind == LinearActivation::kGeluErf) {
    return gelu(x);
  } else if constexpr (kKind == LinearActivation::kRelu) {
    return hn::Max(x, hn::Zero(FloatTag()));
  } else {
    return x;
  }
}

template <std::size_t kRows, LinearActivation kKind>
void multiply_tile(const float* HWY_RESTRICT x, std::size_t x_stride, const float* HWY_RESTRICT panel,
                   std::size_t depth, const TileTarget& target) {
  const FloatTag d;
  Tile<kRows, kTileVectors> tile;
  if (target.bias != nullptr) {
    tile.load(target.bias, 0);
  } else {
    tile.load(target.y, target.y_stride);
  }
  tile.template multiply<true>(x, x_stride, panel, depth, target.ahead);
  if (target.residual != nullptr) {
    tile.store(target.y, target.y_stride, [&](std::size_t r, std::size_t v, FloatVector sum) HWY_ATTR {
      return hn::Add(activate<kKind>(sum), hn::LoadU(d, target.residual + r * target.y_stride + v * hn::Lanes(d)));
    });
  } else {
    tile.store(target.y, target.y_stride,
               [](std::size_t, std::size_t, FloatVector sum) HWY_ATTR { return activate<kKind>(sum); });
  }
}

using TileFunction = void (*)(const float*, std::size_t, const float*, std::size_t, const TileTarget&);

template <LinearActivation kKind, std::size_t... kIndex>
TileFunction pick_rows(std::size_t rows, std::index_sequence<kIndex...>) {
  constexpr TileFunction kTiles[] = {multiply_tile<kIndex + 1, kKind>...};
  return kTiles[rows - 1];
}

TileFunction pick_tile(std::size_t rows, LinearActivation activation) {
  constexpr auto kRows = std::make_index_sequence<kTileRowsMax>();
  switch (activation) {
    case LinearActivation::kGeluErf:
      return pick_rows<LinearActivation::kGeluErf>(rows, kRows);
    case LinearActivation::kRelu:
      return pick_rows<LinearActivation::kRelu>(rows, kRows);
    default:
      return pick_rows<LinearActivation::kNone>(rows, kRows);
  }
}

// One tile whose columns end inside the panel: goes through a buffer of whole vectors.
void multiply_edge_tile(TileFunction tile, std::size_t rows, std::size_t columns, const float* x, std::size_t x_stride,
                        const float* panel, std::size_t depth, const TileTarget& target) {
  constexpr std::size_t kWidthMax = kTileVectors * HWY_MAX_BYTES / sizeof(float);
  const std::size_t width = kTileVectors * hn::Lanes(FloatTag());
  HWY_ALIGN float sums[kTileRowsMax * kWidthMax] = {};
  HWY_ALIGN float residual[kTileRowsMax * kWidthMax] = {};
  for (std::size_t r = 0; r < rows; ++r) {
    std::memcpy(sums + r * width, target.y + r * target.y_stride, columns * sizeof(float));
    if (target.residual != nullptr) {
      std::memcpy(residual + r * width, target.residual + r * target.y_stride, columns * sizeof(float));
    }
  }
  const TileTarget buffered{sums, width, target.bias, target.residual != nullptr ? residual : nullptr, target.ahead};
  tile(x, x_stride, panel, depth, buffered);
  for (std::size_t r = 0; r < rows; ++r) {
    std::memcpy(target.y + r * target.y_stride, sums + r * width, columns * sizeof(float));
  }
}

void multiply_panel(const LinearProblem& p, std::size_t row_begin, std::size_t row_end, std::size_t panel,
                    std::size_t depth_begin, std::size_t depth_end) {
  const LinearWeight& weight = *p.weight;
  const std::size_t width = weight.panel_width();
  const std::size_t column = panel * width;
  const std::size_t columns = std::min(width, weight.out() - column);
  const bool is_first = depth_begin == 0;
  const bool is_last = depth_end == weight.in();
  const float* part = weight.part(depth_begin, depth_end, panel);
  const LinearActivation activation = is_last ? p.activation : LinearActivation::kNone;
  const TileFunction whole_tile = pick_tile(kTileRowsMax, activation);
  // The tiles of this part fetch the next one, which follows it in memory, in equal shares.
  const std::size_t tile_count = (row_end - row_begin + kTileRowsMax - 1) / kTileRowsMax;
  const std::size_t depth = depth_end - depth_begin;
  const bool is_end = is_last && panel + 1 == weight.panel_count();
  Ahead ahead{is_end ? part : part + depth * width, is_end ? 0 : width / tile_count};
  for (std::size_t row = row_begin; row < row_end; row += kTileRowsMax) {
    const std::size_t rows = std::min(kTileRowsMax, row_end - row);
    const float* x = p.x + row * weight.in() + depth_begin;
    const std::size_t at = row * weight.out() + column;
    const TileTarget target{p.y + at, weight.out(), is_first ? weight.bias() + column : nullptr,
                            is_last && p.residual != nullptr ? p.residual + at : nullptr, ahead};
    const TileFunction tile = rows == kTileRowsMax ? whole_tile : pick_tile(rows, activation);
    if (columns == width) {
      tile(x, weight.in(), part, depth, target);
    } else {
      multiply_edge_tile(tile, rows, columns, x, weight.in(), part, depth, target);
    }
    ahead.address += depth * ahead.step;
  }
}

}  // namespace

std::size_t linear_panel_width() {
  return kTileVectors * hn::Lanes(FloatTag());
}

void linear_block(const LinearProblem& p, const LinearBlock& block) {
  const std::size_t in = p.weight->in();
  const std::size_t depth = p.weight->depth();
  for (std::size_t begin = 0; begin < in; begin += depth) {
    for (std::size_t panel = block.panel_begin; panel < block.panel_end; ++panel) {
      multiply_panel(p, block.row_begin, block.row_end, panel, begin, std::min(in, begin + depth));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(linear_panel_width);
HWY_EXPORT(linear_block);

namespace {
constexpr std::align_val_t kAlignment{64};
}

void LinearWeight::AlignedDelete::operator()(float* p) const noexcept {
  ::operator delete(p, kAlignment);
}

LinearWeight::LinearWeight(std::span<const LinearPart> parts, std::size_t in)
    : in_(in), panel_width_(HWY_DYNAMIC_DISPATCH(linear_panel_width)()) {
  for (const LinearPart& part : parts) {
    out_ += part.weight.size() / in_;
  }
  panel_count_ = (out_ + panel_width_ - 1) / panel_width_;
  const std::size_t part_count = std::max<std::size_t>(1, (in_ + kDepthMax - 1) / kDepthMax);
  depth_ = (in_ + part_count - 1) / part_count;
  const std::size_t size = panel_count_ * panel_width_ * (in_ + 1);
  values_.reset(static_cast<float*>(::operator new(size * sizeof(float), kAlignment)));
  float* const bias_values = values_.get() + panel_count_ * panel_width_ * in_;
  std::fill(bias_values, values_.get() + size, 0.0F);
  std::size_t column = 0;
  for (const LinearPart& part : parts) {
    std::ranges::copy(part.bias, bias_values + column);
    for (std::size_t begin = 0; begin < part.weight.size(); begin += in_) {
      set_column(column++, part.weight.subspan(begin, in_));
    }
  }
  const std::vector<float> zeros(in_, 0.0F);
  while (column < panel_count_ * panel_width_) {
    set_column(column++, zeros);
  }
}

void LinearWeight::set_column(std::size_t column, std::span<const float> values) {
  for (std::size_t begin = 0; begin < in_; begin += depth_) {
    const std::size_t end = std::min(in_, begin + depth_);
    float* to = values_.get() + (part(begin, end, column / panel_width_) - values_.get()) + column % panel_width_;
    for (std::size_t k = begin; k < end; ++k, to += panel_width_) {
      *to = values[k];
    }
  }
}

void linear(const LinearProblem& problem, const LinearBlock& block) {
  HWY_DYNAMIC_DISPATCH(linear_block)(problem, block);
}

void linear(const LinearProblem& problem, std::size_t row_count, ThreadPool& pool) {
  // Few panels are divided finely, so that every thread has some.
  constexpr std::size_t kGroupPanels = 4;
  constexpr std::size_t kGroupCountMin = 8;
  const std::size_t panel_count = problem.weight->panel_count();
  const std::size_t panels = std::clamp<std::size_t>(panel_count / kGroupCountMin, 1, kGroupPanels);
  const std::size_t group_count = (panel_count + panels - 1) / panels;
  const std::size_t block_count = (row_count + kLinearRowBlock - 1) / kLinearRowBlock;
  const std::size_t step_count = (row_count + kLinearRowStep - 1) / kLinearRowStep;
  const auto row_at = [&](std::size_t block) {
    return std::min(row_count, step_count * block / block_count * kLinearRowStep);
  };
  // Blocks of rows change fastest: those of one group of panels read the same weights.
  pool.parallel_for(group_count * block_count, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t item = begin; item < end; ++item) {
      const std::size_t panel = item / block_count * panels;
      const std::size_t block = item % block_count;
      linear(problem, {row_at(block), row_at(block + 1), panel, std::min(panel_count, panel + panels)});
    }
  });
}

void linear_scalar(const LinearProblem& p, const LinearPart& plain, const LinearBlock& block) {
  const auto [weight, bias] = plain;
  const std::size_t in = p.weight->in();
  const std::size_t out = p.weight->out();
  const std::size_t column_end = std::min(out, block.panel_end * p.weight->panel_width());
  for (std::size_t row = block.row_begin; row < block.row_end; ++row) {
    for (std::size_t column = block.panel_begin * p.weight->panel_width(); column < column_end; ++column) {
      double sum = bias.empty() ? 0.0 : static_cast<double>(bias[column]);
      for (std::size_t k = 0; k < in; ++k) {
        sum += static_cast<double>(p.x[row * in + k]) * static_cast<double>(weight[column * in + k]);
      }
      if (p.activation == LinearActivation::kGeluErf) {
        sum = 0.5 * sum * (1.0 + std::erf(sum / std::numbers::sqrt2));
      } else if (p.activation == LinearActivation::kRelu) {
        sum = std::max(sum, 0.0);
      }
      const std::size_t at = row * out + column;
      p.y[at] = static_cast<float>(p.residual != nullptr ? sum + static_cast<double>(p.residual[at]) : sum);
    }
  }
}

}  // namespace asterism
#endif  // HWY_ONCE
