#include "analysis/barnes_hut_push.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// Bits a coordinate in a code, and so the depth of the tree: 3 x 20 fit into 64 bits.
constexpr std::uint32_t kLevels = 20;
// A cell of so few places is asked place by place.
constexpr std::uint32_t kLeafPlaces = 8;
constexpr std::size_t kRowsPerTask = 4096;

// Bits of all coordinates, highest first, taken in turn.
std::uint64_t code_of(const Place& place, const Place& low, float scale, std::size_t dim) {
  std::uint32_t cells[kPlaceDimMax] = {};
  constexpr std::uint32_t kLast = (1U << kLevels) - 1;
  for (std::size_t c = 0; c < dim; ++c) {
    cells[c] = std::min(static_cast<std::uint32_t>((place[c] - low[c]) * scale), kLast);
  }
  std::uint64_t code = 0;
  for (std::uint32_t level = kLevels; level-- > 0;) {
    for (std::size_t c = 0; c < dim; ++c) {
      code = code << 1U | (cells[c] >> level & 1U);
    }
  }
  return code;
}

}  // namespace

void BarnesHutPush::update(const PlacesView& places, ThreadPool& pool) {
  dim_ = places.dim;
  Place low = {};
  float extent = 1e-20F;
  for (std::size_t c = 0; c < dim_; ++c) {
    const float* begin = places.values + c * places.count;
    const auto [least, most] = std::minmax_element(begin, begin + places.count);
    low[c] = *least;
    extent = std::max(extent, *most - *least);
  }
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order(places.count);
  const float scale = static_cast<float>(1U << kLevels) / extent * 0.999F;
  const auto place_of = [&places](std::size_t row) {
    Place place = {};
    for (std::size_t c = 0; c < places.dim; ++c) {
      place[c] = places.values[c * places.count + row];
    }
    return place;
  };
  pool.parallel_for(places.count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      order[i] = {code_of(place_of(i), low, scale, dim_), static_cast<std::uint32_t>(i)};
    }
  });
  std::ranges::sort(order);
  codes_.resize(places.count);
  places_.resize(places.count);
  for (std::size_t i = 0; i < places.count; ++i) {
    codes_[i] = order[i].first;
    places_[i] = place_of(order[i].second);
  }
  cells_.clear();
  if (places.count > 0) {
    add_cell(0, static_cast<std::uint32_t>(places.count), 0, extent);
  }
}

void BarnesHutPush::add_cell(std::uint32_t begin, std::uint32_t end, std::uint32_t level, float width) {
  const std::size_t self = cells_.size();
  Cell cell{.begin = begin, .end = end};
  std::array<double, kPlaceDimMax> sum = {};
  for (std::uint32_t i = begin; i < end; ++i) {
    for (std::size_t c = 0; c < dim_; ++c) {
      sum[c] += static_cast<double>(places_[i][c]);
    }
  }
  for (std::size_t c = 0; c < dim_; ++c) {
    cell.center[c] = static_cast<float>(sum[c] / (end - begin));
  }
  const bool leaf = end - begin <= kLeafPlaces || level == kLevels;
  cell.width_square = leaf ? 0.0F : width * width;
  cells_.push_back(cell);
  if (!leaf) {
    const auto dim = static_cast<std::uint32_t>(dim_);
    const std::uint32_t shift = dim * (kLevels - 1 - level);
    std::uint32_t from = begin;
    while (from < end) {
      const std::uint64_t prefix = codes_[from] >> shift;
      const auto past = std::partition_point(codes_.begin() + from, codes_.begin() + end,
                                             [&](std::uint64_t code) { return code >> shift == prefix; });
      const auto to = static_cast<std::uint32_t>(past - codes_.begin());
      add_cell(from, to, level + 1, width * 0.5F);
      from = to;
    }
  }
  cells_[self].next = static_cast<std::uint32_t>(cells_.size());
}

StudentPush BarnesHutPush::at(const Place& at) const {
  StudentPush push;
  const auto add = [&](const Place& from, double count) {
    std::array<double, kPlaceDimMax> difference = {};
    double square = 0.0;
    for (std::size_t c = 0; c < dim_; ++c) {
      difference[c] = static_cast<double>(at[c]) - static_cast<double>(from[c]);
      square += difference[c] * difference[c];
    }
    const double weight = 1.0 / (1.0 + square);
    push.weight += count * weight;
    for (std::size_t c = 0; c < dim_; ++c) {
      push.force[c] += count * weight * weight * difference[c];
    }
  };
  const float theta_square = theta_ * theta_;
  for (std::uint32_t index = 0; index < cells_.size();) {
    const Cell& cell = cells_[index];
    float square = 0.0F;
    for (std::size_t c = 0; c < dim_; ++c) {
      square += (at[c] - cell.center[c]) * (at[c] - cell.center[c]);
    }
    const bool leaf = cell.width_square == 0.0F;
    if (!leaf && cell.width_square < theta_square * square) {
      add(cell.center, static_cast<double>(cell.end - cell.begin));
      index = cell.next;
      continue;
    }
    if (leaf) {
      for (std::uint32_t i = cell.begin; i < cell.end; ++i) {
        add(places_[i], 1.0);
      }
    }
    ++index;
  }
  return push;
}

}  // namespace asterism
