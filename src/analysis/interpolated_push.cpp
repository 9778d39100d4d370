#include "analysis/interpolated_push.hpp"

#include <algorithm>
#include <cmath>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// Rows of nodes a band: at least the three that a stencil reaches into the next.
constexpr std::size_t kBandRows = 4;
constexpr std::size_t kReach = 3;
// Cells across the wider side at the least: where places lie closer than the kernel is wide, it is smooth over them.
constexpr float kCellsMin = 96.0F;
// Free cells around the places, so that every stencil fits and new places have somewhere to go.
constexpr float kMarginCells = 3.0F;
// The largest grid, a side: some 300 MB with its spectra. At nodes 0.4 apart that is 800 wide; maps of a million rows
// are a third of it.
constexpr float kCellsMax = 2000.0F;
constexpr float kTreeTheta = 0.5F;

struct Range {
  float low = 0.0F;
  float high = 0.0F;
};

Range range_of(const PlacesView& places, std::size_t coordinate) {
  const float* begin = places.values + coordinate * places.count;
  const auto [low, high] = std::minmax_element(begin, begin + places.count);
  return {.low = *low, .high = *high};
}

float extent_of(const Range& first, const Range& second) {
  return std::max({first.high - first.low, second.high - second.low, 1e-20F});
}

}  // namespace

InterpolatedPush::InterpolatedPush(float spacing_max) : spacing_max_(spacing_max), tree_(kTreeTheta) {}

void InterpolatedPush::lay_grid(const PlacesView& places, ThreadPool& pool) {
  const Range first = range_of(places, 0);
  const Range second = range_of(places, 1);
  const float extent = extent_of(first, second);
  // Halved until it fits: few values.
  int exponent = 0;
  std::frexp(std::min(extent / kCellsMin / spacing_max_, 1.0F), &exponent);
  const float spacing = std::ldexp(spacing_max_, std::min(exponent, 1) - 1);
  const auto nodes = [spacing](const Range& range) {
    return static_cast<std::size_t>((range.high - range.low) / spacing + 2.0F * kMarginCells) + 2;
  };
  shape_ = {.rows = nodes(first), .columns = nodes(second), .spacing = spacing};
  origin_first_ = first.low - kMarginCells * spacing;
  origin_second_ = second.low - kMarginCells * spacing;
  grid_.reshape(shape_, pool);
}

// Weights of Lagrange's cubic through the nodes at -1, 0, 1 and 2 cells, `t` of a cell after the second.
InterpolatedPush::Stencil InterpolatedPush::stencil_at(float coordinate, float origin,
                                                       std::size_t node_count) const noexcept {
  const float last = static_cast<float>(node_count) - 2.5F;
  const float position = std::clamp((coordinate - origin) / shape_.spacing, 1.0F, last);
  const float cell = std::floor(position);
  const float t = position - cell;
  const float before = t + 1.0F;
  const float after = t - 1.0F;
  const float beyond = t - 2.0F;
  Stencil stencil;
  stencil.first = static_cast<std::size_t>(cell) - 1;
  stencil.weights[0] = t * after * beyond * (-1.0F / 6.0F);
  stencil.weights[1] = before * after * beyond * 0.5F;
  stencil.weights[2] = before * t * beyond * -0.5F;
  stencil.weights[3] = before * t * after * (1.0F / 6.0F);
  return stencil;
}

void InterpolatedPush::sort_into_bands(const PlacesView& places) {
  const std::size_t band_count = (shape_.rows + kBandRows - 1) / kBandRows;
  row_band_.resize(places.count);
  band_rows_.resize(places.count);
  band_begin_.assign(band_count + 1, 0);
  for (std::size_t i = 0; i < places.count; ++i) {
    const std::size_t band = stencil_at(places.values[i], origin_first_, shape_.rows).first / kBandRows;
    row_band_[i] = static_cast<std::uint32_t>(band);
    ++band_begin_[band + 1];
  }
  for (std::size_t band = 0; band < band_count; ++band) {
    band_begin_[band + 1] += band_begin_[band];
  }
  std::vector<std::uint32_t> next(band_begin_.begin(), band_begin_.end() - 1);
  for (std::size_t i = 0; i < places.count; ++i) {
    band_rows_[next[row_band_[i]]++] = static_cast<std::uint32_t>(i);
  }
}

void InterpolatedPush::spread(const PlacesView& places, ThreadPool& pool) {
  const std::size_t band_count = band_begin_.size() - 1;
  const std::size_t stride = grid_.stride();
  const std::span<float> charges = grid_.charges();
  overflow_.assign(band_count * kReach * stride, 0.0F);
  pool.parallel_for(band_count, 1, [&](std::size_t band, std::size_t) {
    const auto node_row = [&](std::size_t row) {
      const std::size_t in_band = row - band * kBandRows;
      return in_band < kBandRows ? charges.data() + row * stride
                                 : overflow_.data() + (band * kReach + in_band - kBandRows) * stride;
    };
    for (std::uint32_t k = band_begin_[band]; k < band_begin_[band + 1]; ++k) {
      const std::uint32_t i = band_rows_[k];
      const Stencil rows = stencil_at(places.values[i], origin_first_, shape_.rows);
      const Stencil columns = stencil_at(places.values[places.count + i], origin_second_, shape_.columns);
      for (std::size_t r = 0; r < 4; ++r) {
        float* to = node_row(rows.first + r) + columns.first;
        for (std::size_t c = 0; c < 4; ++c) {
          to[c] += rows.weights[r] * columns.weights[c];
        }
      }
    }
  });
  for (std::size_t band = 0; band + 1 < band_count; ++band) {
    for (std::size_t r = 0; r < kReach && (band + 1) * kBandRows + r < shape_.rows; ++r) {
      const float* from = overflow_.data() + (band * kReach + r) * stride;
      float* to = charges.data() + ((band + 1) * kBandRows + r) * stride;
      std::transform(from, from + stride, to, to, std::plus<>());
    }
  }
}

void InterpolatedPush::update(const PlacesView& places, ThreadPool& pool) {
  is_wide_ = extent_of(range_of(places, 0), range_of(places, 1)) > kCellsMax * spacing_max_;
  if (is_wide_) {
    tree_.update(places, pool);
    return;
  }
  lay_grid(places, pool);
  sort_into_bands(places);
  spread(places, pool);
  grid_.run(pool);
}

StudentPush InterpolatedPush::at(const Place& at) const {
  if (is_wide_) {
    return tree_.at(at);
  }
  const Stencil rows = stencil_at(at[0], origin_first_, shape_.rows);
  const Stencil columns = stencil_at(at[1], origin_second_, shape_.columns);
  float sums[StudentGrid::kFieldCount] = {};
  for (const auto which : {StudentGrid::kWeight, StudentGrid::kForceFirst, StudentGrid::kForceSecond}) {
    const float* field = grid_.field(which).data() + rows.first * grid_.stride() + columns.first;
    float lanes[4] = {};
    for (std::size_t r = 0; r < 4; ++r) {
      for (std::size_t c = 0; c < 4; ++c) {
        lanes[c] += rows.weights[r] * field[r * grid_.stride() + c];
      }
    }
    for (std::size_t c = 0; c < 4; ++c) {
      sums[which] += columns.weights[c] * lanes[c];
    }
  }
  return {.force = {static_cast<double>(sums[StudentGrid::kForceFirst]),
                    static_cast<double>(sums[StudentGrid::kForceSecond]), 0.0},
          .weight = static_cast<double>(sums[StudentGrid::kWeight])};
}

}  // namespace asterism
