#include "reference/reference_image_ops.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

namespace asterism::reference {
namespace {

// Where a window of a map lies: input positions may be outside, in the padding.
struct MapPlace {
  std::int64_t y = 0;
  std::int64_t x = 0;

  bool inside(const Array& map) const { return y >= 0 && x >= 0 && y < map.shape[2] && x < map.shape[3]; }
};

MapPlace place_of(const Window2d& window, std::size_t oy, std::size_t ox, std::size_t ky, std::size_t kx) {
  return {static_cast<std::int64_t>(oy) * window.stride[0] - window.padding[0] +
              static_cast<std::int64_t>(ky) * window.dilation[0],
          static_cast<std::int64_t>(ox) * window.stride[1] - window.padding[1] +
              static_cast<std::int64_t>(kx) * window.dilation[1]};
}

double map_at(const Array& map, std::size_t row, std::size_t channel, MapPlace place) {
  const std::size_t line = (row * map.dim(1) + channel) * map.dim(2) + static_cast<std::size_t>(place.y);
  return map.values[line * map.dim(3) + static_cast<std::size_t>(place.x)];
}

// Calls body(row, channel, y, x, element) for each element of a map.
template <typename Body>
void for_map(Array& map, const Body& body) {
  std::size_t i = 0;
  for (std::size_t row = 0; row < map.dim(0); ++row) {
    for (std::size_t channel = 0; channel < map.dim(1); ++channel) {
      for (std::size_t y = 0; y < map.dim(2); ++y) {
        for (std::size_t x = 0; x < map.dim(3); ++x) {
          map.values[i] = body(row, channel, y, x);
          ++i;
        }
      }
    }
  }
}

std::int64_t window_count(std::int64_t length, const Window2d& window, std::size_t axis) {
  const std::int64_t reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
  return (length + window.padding[axis] + window.padding[axis + 2] - reach) / window.stride[axis] + 1;
}

double max_of_window(const Array& map, std::size_t row, std::size_t channel, const Window2d& window, MapPlace out) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t ky = 0; ky < static_cast<std::size_t>(window.kernel[0]); ++ky) {
    for (std::size_t kx = 0; kx < static_cast<std::size_t>(window.kernel[1]); ++kx) {
      const MapPlace place = place_of(window, static_cast<std::size_t>(out.y), static_cast<std::size_t>(out.x), ky, kx);
      if (place.inside(map)) {
        largest = std::max(largest, map_at(map, row, channel, place));
      }
    }
  }
  return largest;
}

// torch: the padding counts, but not what sticks out beyond it.
double mean_of_window(const Array& map, std::size_t row, std::size_t channel, const Attributes& attributes,
                      MapPlace out) {
  const Window2d& window = attributes.window;
  double sum = 0.0;
  double count = 0.0;
  for (std::size_t ky = 0; ky < static_cast<std::size_t>(window.kernel[0]); ++ky) {
    for (std::size_t kx = 0; kx < static_cast<std::size_t>(window.kernel[1]); ++kx) {
      const MapPlace place = place_of(window, static_cast<std::size_t>(out.y), static_cast<std::size_t>(out.x), ky, kx);
      const bool padded = place.y < map.shape[2] + window.padding[2] && place.x < map.shape[3] + window.padding[3];
      if (place.inside(map)) {
        sum += map_at(map, row, channel, place);
        count += 1.0;
      } else if (attributes.count_padding && padded) {
        count += 1.0;
      }
    }
  }
  return sum / count;
}

}  // namespace

Array conv2d(const Array& x, const Array& weight, const Array* bias, const Attributes& attributes) {
  const Window2d& window = attributes.window;
  Array out({x.shape[0], weight.shape[0], window_count(x.shape[2], window, 0), window_count(x.shape[3], window, 1)});
  const std::size_t group_out = out.dim(1) / static_cast<std::size_t>(attributes.group_count);
  const std::size_t group_in = weight.dim(1);
  for_map(out, [&](std::size_t row, std::size_t channel, std::size_t oy, std::size_t ox) {
    double sum = bias == nullptr ? 0.0 : bias->values[channel];
    for (std::size_t in = 0; in < group_in; ++in) {
      for (std::size_t ky = 0; ky < weight.dim(2); ++ky) {
        for (std::size_t kx = 0; kx < weight.dim(3); ++kx) {
          const MapPlace place = place_of(window, oy, ox, ky, kx);
          if (place.inside(x)) {
            const double w = weight.values[((channel * group_in + in) * weight.dim(2) + ky) * weight.dim(3) + kx];
            sum += w * map_at(x, row, channel / group_out * group_in + in, place);
          }
        }
      }
    }
    return sum;
  });
  return out;
}

Array batch_norm(const BatchNormOperands& operands, double epsilon) {
  Array out(operands.x.shape);
  const std::size_t size = out.stride(1);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    const std::size_t channel = i / size % out.dim(1);
    const double centred = operands.x.values[i] - operands.mean.values[channel];
    out.values[i] = centred / std::sqrt(operands.variance.values[channel] + epsilon) * operands.weight.values[channel] +
                    operands.bias.values[channel];
  }
  return out;
}

Array pool2d(const Array& x, const Value& value) {
  Array out({x.shape[0], x.shape[1], value.shape[2], value.shape[3]});
  for_map(out, [&](std::size_t row, std::size_t channel, std::size_t oy, std::size_t ox) {
    const MapPlace place{static_cast<std::int64_t>(oy), static_cast<std::int64_t>(ox)};
    return value.op == Op::kMaxPool2d ? max_of_window(x, row, channel, value.attributes.window, place)
                                      : mean_of_window(x, row, channel, value.attributes, place);
  });
  return out;
}

// Position i of n takes the inputs from floor(i * length / n) to ceil((i + 1) * length / n).
Array adaptive_avg_pool2d(const Array& x, const Attributes& attributes) {
  Array out({x.shape[0], x.shape[1], attributes.dims[0], attributes.dims[1]});
  const auto first = [&](std::size_t i, std::size_t axis) { return i * x.dim(axis) / out.dim(axis); };
  const auto last = [&](std::size_t i, std::size_t axis) {
    return ((i + 1) * x.dim(axis) + out.dim(axis) - 1) / out.dim(axis);
  };
  for_map(out, [&](std::size_t row, std::size_t channel, std::size_t oy, std::size_t ox) {
    double sum = 0.0;
    double count = 0.0;
    for (std::size_t y = first(oy, 2); y < last(oy, 2); ++y) {
      for (std::size_t column = first(ox, 3); column < last(ox, 3); ++column) {
        sum += map_at(x, row, channel, {static_cast<std::int64_t>(y), static_cast<std::int64_t>(column)});
        count += 1.0;
      }
    }
    return sum / count;
  });
  return out;
}

Array reduce(const Array& x, const Attributes& attributes) {
  const std::set<std::int64_t> axes(attributes.dims.begin(), attributes.dims.end());
  Shape kept = x.shape;
  Shape shape;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    const bool reduced = axes.contains(static_cast<std::int64_t>(axis));
    kept[axis] = reduced ? 1 : x.shape[axis];
    if (!reduced || attributes.keep_dims) {
      shape.push_back(kept[axis]);
    }
  }
  const bool is_max = attributes.reduction == Reduction::kMax;
  const bool is_gem = attributes.reduction == Reduction::kGem;
  Array out(kept);
  std::ranges::fill(out.values, is_max ? -std::numeric_limits<double>::infinity() : 0.0);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < kept.size(); ++axis) {
      place += kept[axis] == 1 ? 0 : i / x.stride(axis) % x.dim(axis) * out.stride(axis);
    }
    const double value =
        is_gem ? std::pow(std::max(x.values[i], attributes.epsilon), attributes.exponent) : x.values[i];
    out.values[place] = is_max ? std::max(out.values[place], value) : out.values[place] + value;
  }
  const double count = static_cast<double>(x.values.size()) / static_cast<double>(out.values.size());
  for (double& value : out.values) {
    value = is_max ? value : value / count;
    value = is_gem ? std::pow(value, 1.0 / attributes.exponent) : value;
  }
  out.shape = shape;
  return out;
}

Array reshape(const Array& x, const Attributes& attributes) {
  Array out = x;
  out.shape.resize(1);
  out.shape.insert(out.shape.end(), attributes.dims.begin(), attributes.dims.end());
  return out;
}

Array transpose(const Array& x, const Attributes& attributes) {
  Shape shape;
  for (const std::int64_t axis : attributes.dims) {
    shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
  }
  Array out(shape);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      place += i / out.stride(axis) % out.dim(axis) * x.stride(static_cast<std::size_t>(attributes.dims[axis]));
    }
    out.values[i] = x.values[place];
  }
  return out;
}

Array broadcast_rows(const Array& parameter, std::size_t row_count) {
  Shape shape = parameter.shape;
  shape[0] = static_cast<std::int64_t>(row_count);
  Array out(shape);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    out.values[i] = parameter.values[i % parameter.values.size()];
  }
  return out;
}

namespace {

// Element [index of scores] of a bias that spreads to the scores without their rows.
double bias_at(const Array& bias, const Shape& scores, std::size_t index) {
  std::size_t place = 0;
  std::size_t stride = 1;
  for (std::size_t back = 1; back <= bias.shape.size(); ++back) {
    const std::size_t axis = bias.shape.size() - back;
    const auto length = static_cast<std::size_t>(scores[scores.size() - back]);
    place += bias.dim(axis) == 1 ? 0 : index % length * stride;
    stride *= bias.dim(axis);
    index /= length;
  }
  return bias.values[place];
}

}  // namespace

Array scaled_dot_product(const ScaledDotProductOperands& operands, double scale) {
  const Array& query = operands.query;
  const Array& key = operands.key;
  const Array& value = operands.value;
  const std::size_t rank = query.shape.size();
  const std::size_t n = query.dim(rank - 2);
  const std::size_t m = key.dim(rank - 2);
  Shape scores = query.shape;
  scores.back() = static_cast<std::int64_t>(m);
  Shape shape = query.shape;
  shape.back() = value.shape.back();
  Array out(shape);
  for (std::size_t row = 0; row < query.rows(); ++row) {
    const std::size_t block = row / n * m;
    std::vector<double> weights(m, 0.0);
    for (std::size_t j = 0; j < m; ++j) {
      for (std::size_t k = 0; k < query.columns(); ++k) {
        weights[j] += query.at(row, k) * key.at(block + j, k);
      }
      weights[j] *= scale;
      weights[j] += operands.bias == nullptr ? 0.0 : bias_at(*operands.bias, scores, row * m + j);
    }
    const double largest = std::ranges::max(weights);
    double sum = 0.0;
    for (double& weight : weights) {
      weight = std::exp(weight - largest);
      sum += weight;
    }
    for (std::size_t k = 0; k < value.columns(); ++k) {
      for (std::size_t j = 0; j < m; ++j) {
        out.at(row, k) += weights[j] / sum * value.at(block + j, k);
      }
    }
  }
  return out;
}

Array pad(const Array& x, const Attributes& attributes) {
  const std::size_t rank = x.shape.size();
  Shape shape = x.shape;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    shape[axis] += attributes.dims[axis] + attributes.dims[rank + axis];
  }
  Array out(shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const std::size_t index = i / x.stride(axis) % x.dim(axis);
      place += (index + static_cast<std::size_t>(attributes.dims[axis])) * out.stride(axis);
    }
    out.values[place] = x.values[i];
  }
  return out;
}

Array gather_tokens(const Array& x, std::span<const std::int32_t> ids) {
  const std::size_t per_row = x.dim(0) == 0 ? 0 : ids.size() / x.dim(0);
  Shape shape = x.shape;
  shape[1] = static_cast<std::int64_t>(per_row);
  Array out(shape);
  const std::size_t size = x.stride(1);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t from = i / per_row * x.dim(1) + static_cast<std::size_t>(ids[i]);
    std::copy_n(x.values.begin() + static_cast<std::ptrdiff_t>(from * size), size,
                out.values.begin() + static_cast<std::ptrdiff_t>(i * size));
  }
  return out;
}

}  // namespace asterism::reference
