#include "models/relative_position.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace asterism {
namespace {

constexpr std::int64_t kClassRowCount = 3;
enum ClassRow : std::size_t { kClassToToken, kTokenToClass, kClassToClass };

Grid distance_grid(const Grid& window) {
  return {2 * window.height - 1, 2 * window.width - 1};
}

// How far from the middle the values of a table of `from` distances lie, so that the last lies near half of `to`: 1,
// 1 + q, 1 + q + q^2, ... The bisection and its bounds are timm's, on which the result depends.
std::vector<double> geometric_positions(std::int64_t from, std::int64_t to) {
  constexpr double kPrecision = 1e-6;
  double left = 1.01;
  double right = 1.5;
  double ratio = 0.0;
  const std::int64_t half = from / 2;
  while (right - left > kPrecision) {
    ratio = (left + right) / 2.0;
    const double sum = (1.0 - std::pow(ratio, static_cast<double>(half))) / (1.0 - ratio);
    (sum > static_cast<double>(to / 2) ? right : left) = ratio;
  }
  std::vector<double> outward;
  double current = 1.0;
  for (std::int64_t i = 0; i < half; ++i) {
    outward.push_back(current);
    current += std::pow(ratio, static_cast<double>(i + 1));
  }
  std::vector<double> positions;
  std::transform(outward.rbegin(), outward.rend(), std::back_inserter(positions), [](double x) { return -x; });
  positions.push_back(0.0);
  positions.insert(positions.end(), outward.begin(), outward.end());
  return positions;
}

struct Between {
  std::size_t left = 0;
  std::size_t right = 0;
  double left_weight = 0.0;
  double right_weight = 0.0;
};

// Linear between two positions, constant outside.
std::vector<Between> geometric_taps(std::int64_t from, std::int64_t to) {
  std::vector<double> positions = geometric_positions(from, to);
  // timm keeps them in float32.
  std::ranges::transform(positions, positions.begin(),
                         [](double x) { return static_cast<double>(static_cast<float>(x)); });
  std::vector<Between> taps;
  for (std::int64_t i = 0; i < to; ++i) {
    const auto x = static_cast<double>(i - to / 2);
    const auto found = std::ranges::lower_bound(positions, x) - positions.begin();
    const auto right = std::min(static_cast<std::size_t>(found), positions.size() - 1);
    const std::size_t left = right == 0 ? 0 : right - 1;
    double from_left = std::max(x - positions[left], 0.0);
    double to_right = std::max(positions[right] - x, 0.0);
    if (from_left == 0.0 && to_right == 0.0) {
      from_left = to_right = 1.0;
    }
    const double sum = from_left + to_right;
    taps.push_back({left, right, to_right / sum, from_left / sum});
  }
  return taps;
}

std::vector<float> resample_geometric(const BiasTable& table, const Grid& to) {
  const Grid from = distance_grid(table.window);
  const auto rows = geometric_taps(from.height, to.height);
  const auto columns = geometric_taps(from.width, to.width);
  const auto heads = static_cast<std::size_t>(table.head_count);
  const auto at = [&](std::size_t y, std::size_t x, std::size_t head) {
    return static_cast<double>(table.distances[(y * static_cast<std::size_t>(from.width) + x) * heads + head]);
  };
  std::vector<float> out;
  for (const Between& y : rows) {
    for (const Between& x : columns) {
      for (std::size_t head = 0; head < heads; ++head) {
        const double upper = x.left_weight * at(y.left, x.left, head) + x.right_weight * at(y.left, x.right, head);
        const double lower = x.left_weight * at(y.right, x.left, head) + x.right_weight * at(y.right, x.right, head);
        out.push_back(static_cast<float>(y.left_weight * upper + y.right_weight * lower));
      }
    }
  }
  return out;
}

}  // namespace

Grid square_window(std::int64_t row_count, ClassRows rows) noexcept {
  const std::int64_t distances = row_count - (rows == ClassRows::kThree ? kClassRowCount : 0);
  if (distances < 1) {
    return {};
  }
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(distances))));
  const bool fits = side * side == distances && side % 2 == 1;
  return fits ? Grid{(side + 1) / 2, (side + 1) / 2} : Grid{};
}

Result<BiasTable> read_bias_table(const Tensor& table, std::string_view name, const Grid& window, ClassRows rows,
                                  std::string_view source) {
  const std::int64_t distances = distance_grid(window).area();
  const std::int64_t row_count = distances + (rows == ClassRows::kThree ? kClassRowCount : 0);
  const Shape& shape = table.shape();
  if (window.area() < 1 || shape.size() != 2 || shape[0] != row_count || shape[1] < 1) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}\": expected [{}, heads] for a window of {} x {}, found {}", source, name,
                            row_count, window.height, window.width, shape_to_string(shape)),
                "check that config.json and the weights belong to the same model");
  }
  const Tensor values = table.to_f32();
  const auto split = static_cast<std::ptrdiff_t>(distances * shape[1]);
  const auto all = values.as<float>();
  return BiasTable{window, shape[1], {all.begin(), all.begin() + split}, {all.begin() + split, all.end()}};
}

BiasTable resample_bias_table(const BiasTable& table, const Grid& window, BiasResampling resampling) {
  if (table.window == window) {
    return table;
  }
  BiasTable out = table;
  out.window = window;
  const Grid to = distance_grid(window);
  out.distances =
      resampling == BiasResampling::kGeometric
          ? resample_geometric(table, to)
          : resample_grid(table.distances, table.head_count, distance_grid(table.window), to, Resampling::kBilinear);
  return out;
}

std::vector<float> spread_bias(const BiasTable& table) {
  const auto height = static_cast<std::size_t>(table.window.height);
  const auto width = static_cast<std::size_t>(table.window.width);
  const auto heads = static_cast<std::size_t>(table.head_count);
  const std::size_t first = table.class_token.empty() ? 0 : 1;
  const std::size_t count = height * width + first;
  std::vector<float> out(heads * count * count);
  for (std::size_t head = 0; head < heads; ++head) {
    const auto class_bias = [&](ClassRow row) { return table.class_token[row * heads + head]; };
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < count; ++k) {
        float& cell = out[(head * count + i) * count + k];
        if (i < first || k < first) {
          cell = class_bias(i < first && k < first ? kClassToClass : i < first ? kClassToToken : kTokenToClass);
          continue;
        }
        const std::size_t from = i - first;
        const std::size_t to = k - first;
        const std::size_t dy = from / width + height - 1 - to / width;
        const std::size_t dx = from % width + width - 1 - to % width;
        cell = table.distances[(dy * (2 * width - 1) + dx) * heads + head];
      }
    }
  }
  return out;
}

}  // namespace asterism
