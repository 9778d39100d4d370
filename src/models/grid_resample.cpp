#include "models/grid_resample.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace asterism {
namespace {

// What one output position takes of the input: weights of inputs first, first + 1, ...
struct Taps {
  std::vector<std::int64_t> indices;
  std::vector<double> weights;
};

// Keys 1981; torch takes a = -0.75, and with antialias Pillow's -0.5 (ATen, UpSample.h and UpSampleKernel.cpp).
constexpr double kCubicA = -0.75;
constexpr double kCubicAntialiasA = -0.5;
constexpr double kCubicSupport = 2.0;

double cubic(double distance, double a) {
  const double x = std::abs(distance);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  }
  if (x < 2.0) {
    return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  }
  return 0.0;
}

Taps cubic_taps(double source, std::int64_t size) {
  Taps taps;
  const double floor = std::floor(source);
  for (std::int64_t offset = -1; offset <= 2; ++offset) {
    const auto index = static_cast<std::int64_t>(floor) + offset;
    taps.indices.push_back(std::clamp<std::int64_t>(index, 0, size - 1));
    taps.weights.push_back(cubic(source - floor - static_cast<double>(offset), kCubicA));
  }
  return taps;
}

Taps linear_taps(double source, std::int64_t size) {
  const double clamped = std::max(source, 0.0);
  const auto left = std::min(static_cast<std::int64_t>(clamped), size - 1);
  const double share = clamped - static_cast<double>(left);
  return {{left, std::min(left + 1, size - 1)}, {1.0 - share, share}};
}

Taps antialias_taps(std::int64_t index, std::int64_t from, double scale) {
  const double stretch = std::max(scale, 1.0);
  const double support = kCubicSupport * stretch;
  const double center = scale * (static_cast<double>(index) + 0.5);
  const auto begin = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
  const auto end = std::min(static_cast<std::int64_t>(center + support + 0.5), from);
  Taps taps;
  double total = 0.0;
  for (std::int64_t i = begin; i < end; ++i) {
    const double weight = cubic((static_cast<double>(i) - center + 0.5) / stretch, kCubicAntialiasA);
    taps.indices.push_back(i);
    taps.weights.push_back(weight);
    total += weight;
  }
  for (double& weight : taps.weights) {
    weight /= total;
  }
  return taps;
}

std::vector<Taps> axis_taps(std::int64_t from, std::int64_t to, Resampling resampling) {
  std::vector<Taps> all;
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  for (std::int64_t i = 0; i < to; ++i) {
    const double source = scale * (static_cast<double>(i) + 0.5) - 0.5;
    switch (resampling) {
      case Resampling::kBicubic:
        all.push_back(cubic_taps(source, from));
        break;
      case Resampling::kBicubicAlignCorners: {
        const double step = to > 1 ? static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0.0;
        all.push_back(cubic_taps(step * static_cast<double>(i), from));
        break;
      }
      case Resampling::kBicubicAntialias:
        all.push_back(antialias_taps(i, from, scale));
        break;
      case Resampling::kBilinear:
        all.push_back(linear_taps(source, from));
        break;
    }
  }
  return all;
}

}  // namespace

std::vector<float> resample_grid(std::span<const float> values, std::int64_t dim, const Grid& from, const Grid& to,
                                 Resampling resampling) {
  const auto rows = axis_taps(from.height, to.height, resampling);
  const auto columns = axis_taps(from.width, to.width, resampling);
  const auto size = static_cast<std::size_t>(dim);
  std::vector<float> out(static_cast<std::size_t>(to.area()) * size);
  std::vector<double> sum(size);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    for (std::size_t x = 0; x < columns.size(); ++x) {
      std::ranges::fill(sum, 0.0);
      for (std::size_t i = 0; i < rows[y].indices.size(); ++i) {
        for (std::size_t k = 0; k < columns[x].indices.size(); ++k) {
          const double weight = rows[y].weights[i] * columns[x].weights[k];
          const auto cell = static_cast<std::size_t>(rows[y].indices[i] * from.width + columns[x].indices[k]);
          for (std::size_t c = 0; c < size; ++c) {
            sum[c] += weight * static_cast<double>(values[cell * size + c]);
          }
        }
      }
      const std::size_t at = (y * columns.size() + x) * size;
      std::ranges::transform(sum, out.begin() + static_cast<std::ptrdiff_t>(at),
                             [](double value) { return static_cast<float>(value); });
    }
  }
  return out;
}

}  // namespace asterism
