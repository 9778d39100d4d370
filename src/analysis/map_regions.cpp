#include "analysis/map_regions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace asterism {
namespace {

constexpr std::size_t kDimMax = 3;
// Along the longest edge of the coarsest level; twice that at each finer one, within what three dimensions allow.
constexpr std::size_t kCoarsestEdge = 16;
constexpr std::size_t kFinestEdge2d = 256;
constexpr std::size_t kFinestEdge3d = 64;
constexpr std::size_t kRegionRowShare = 200;
constexpr std::size_t kRegionRowCountMin = 4;

struct Box {
  std::array<float, kDimMax> low{};
  float edge = 0.0F;  // the longest
};

bool is_finite(std::span<const float> row) {
  return std::ranges::all_of(row, [](float value) { return std::isfinite(value); });
}

Box bounding_box(const RowsView& points) {
  Box box;
  std::array<float, kDimMax> high{};
  box.low.fill(std::numeric_limits<float>::infinity());
  high.fill(-std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < points.row_count; ++i) {
    const auto row = points.row(i);
    for (std::size_t d = 0; is_finite(row) && d < points.dim; ++d) {
      box.low.at(d) = std::min(box.low.at(d), row[d]);
      high.at(d) = std::max(high.at(d), row[d]);
    }
  }
  for (std::size_t d = 0; d < points.dim; ++d) {
    box.edge = std::max(box.edge, high.at(d) - box.low.at(d));
  }
  return box;
}

// Cells of one level, numbered with the first coordinate fastest.
class Grid {
 public:
  Grid(const RowsView& points, const Box& box, std::size_t edge) : points_(points), box_(box), edge_(edge) {
    std::size_t cell_count = 1;
    for (std::size_t d = 0; d < points.dim; ++d) {
      cell_count *= edge;
    }
    density_.assign(cell_count, 0.0F);
    cell_of_.resize(points.row_count);
    for (std::size_t i = 0; i < points.row_count; ++i) {
      cell_of_[i] = cell(points.row(i));
      if (cell_of_[i] != kNoRegion) {
        density_[cell_of_[i]] += 1.0F;
      }
    }
    blur();
    blur();
  }

  // For each cell the one of its peak.
  std::vector<std::uint32_t> peaks() const {
    std::vector<std::uint32_t> up(density_.size());
    for (std::uint32_t i = 0; i < up.size(); ++i) {
      up[i] = fullest_neighbor(i);
    }
    // Steps go uphill only, so that they end; each cell's way is shortened on the way.
    for (std::uint32_t i = 0; i < up.size(); ++i) {
      std::uint32_t top = i;
      while (up[top] != top) {
        top = up[top];
      }
      for (std::uint32_t at = i; up[at] != top && at != top;) {
        const std::uint32_t next = up[at];
        up[at] = top;
        at = next;
      }
    }
    return up;
  }
  std::span<const std::uint32_t> cells_of_rows() const noexcept { return cell_of_; }

 private:
  std::uint32_t cell(std::span<const float> row) const {
    if (!is_finite(row)) {
      return kNoRegion;
    }
    std::size_t out = 0;
    for (std::size_t d = row.size(); d-- > 0;) {
      const float share = box_.edge > 0.0F ? (row[d] - box_.low.at(d)) / box_.edge : 0.0F;
      const auto place = static_cast<std::size_t>(share * static_cast<float>(edge_));
      out = out * edge_ + std::min(place, edge_ - 1);
    }
    return static_cast<std::uint32_t>(out);
  }

  // [1 2 1] / 4 along each dimension.
  void blur() {
    std::size_t stride = 1;
    std::vector<float> before;
    for (std::size_t d = 0; d < points_.dim; ++d, stride *= edge_) {
      before = density_;
      for (std::size_t i = 0; i < density_.size(); ++i) {
        const std::size_t place = i / stride % edge_;
        const float left = place > 0 ? before[i - stride] : 0.0F;
        const float right = place + 1 < edge_ ? before[i + stride] : 0.0F;
        density_[i] = 0.25F * left + 0.5F * before[i] + 0.25F * right;
      }
    }
  }

  // Itself at a peak; of equally full ones the first.
  std::uint32_t fullest_neighbor(std::uint32_t cell) const {
    std::uint32_t best = cell;
    const auto consider = [&](std::size_t other) {
      if (density_[other] > density_[best] || (density_[other] == density_[best] && other < best)) {
        best = static_cast<std::uint32_t>(other);
      }
    };
    visit_neighbors(cell, 0, 1, cell, consider);
    return best;
  }

  template <typename Visit>
  void visit_neighbors(std::size_t cell, std::size_t d, std::size_t stride, std::size_t at, const Visit& visit) const {
    if (d == points_.dim) {
      visit(at);
      return;
    }
    const std::size_t place = cell / stride % edge_;
    visit_neighbors(cell, d + 1, stride * edge_, at, visit);
    if (place > 0) {
      visit_neighbors(cell, d + 1, stride * edge_, at - stride, visit);
    }
    if (place + 1 < edge_) {
      visit_neighbors(cell, d + 1, stride * edge_, at + stride, visit);
    }
  }

  const RowsView& points_;
  const Box& box_;
  std::size_t edge_;
  std::vector<float> density_;
  std::vector<std::uint32_t> cell_of_;
};

// The mean of the rows in the peak's own cell, or of the whole region where that cell is empty (it was blurred into).
std::vector<float> center_of(const RowsView& points, std::span<const std::uint32_t> rows, const Grid& grid,
                             std::uint32_t peak) {
  std::vector<double> sum(points.dim, 0.0);
  std::size_t count = 0;
  for (const bool in_peak : {true, false}) {
    for (const std::uint32_t row : rows) {
      if (in_peak && grid.cells_of_rows()[row] != peak) {
        continue;
      }
      ++count;
      for (std::size_t d = 0; d < points.dim; ++d) {
        sum[d] += static_cast<double>(points.row(row)[d]);
      }
    }
    if (count > 0) {
      break;
    }
  }
  std::vector<float> out;
  for (const double value : sum) {
    out.push_back(static_cast<float>(value / static_cast<double>(std::max<std::size_t>(1, count))));
  }
  return out;
}

MapLevel read_level(const RowsView& points, const Box& box, std::size_t edge, std::size_t row_count_min) {
  const Grid grid(points, box, edge);
  const std::vector<std::uint32_t> peaks = grid.peaks();
  std::vector<std::vector<std::uint32_t>> rows_of(peaks.size());
  for (std::uint32_t row = 0; row < points.row_count; ++row) {
    if (const std::uint32_t cell = grid.cells_of_rows()[row]; cell != kNoRegion) {
      rows_of[peaks[cell]].push_back(row);
    }
  }
  std::vector<std::uint32_t> order;
  for (std::uint32_t peak = 0; peak < rows_of.size(); ++peak) {
    if (rows_of[peak].size() >= row_count_min) {
      order.push_back(peak);
    }
  }
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::uint32_t peak) { return rows_of[peak].size(); });
  MapLevel out;
  out.edge_cell_count = edge;
  out.region_of.assign(points.row_count, kNoRegion);
  for (const std::uint32_t peak : order) {
    const auto index = static_cast<std::uint32_t>(out.regions.size());
    out.regions.push_back({.center = center_of(points, rows_of[peak], grid, peak), .row_count = rows_of[peak].size()});
    for (const std::uint32_t row : rows_of[peak]) {
      out.region_of[row] = index;
    }
  }
  return out;
}

}  // namespace

Result<std::vector<MapLevel>> map_regions(const RowsView& points, const MapRegionOptions& options) {
  if (points.dim < 2 || points.dim > kDimMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("map: expected points in 2 or 3 dimensions, found {}", points.dim));
  }
  const Box box = bounding_box(points);
  std::vector<MapLevel> out;
  std::size_t edge = kCoarsestEdge;
  std::size_t row_count_min = std::max(kRegionRowCountMin, points.row_count / kRegionRowShare);
  for (std::size_t level = 0; level < options.level_count; ++level) {
    out.push_back(read_level(points, box, edge, options.row_count_min > 0 ? options.row_count_min : row_count_min));
    edge = std::min(edge * 2, points.dim == 2 ? kFinestEdge2d : kFinestEdge3d);
    row_count_min = std::max(kRegionRowCountMin, row_count_min / 2);
  }
  return out;
}

}  // namespace asterism
