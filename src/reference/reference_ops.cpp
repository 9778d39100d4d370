#include "reference/reference_ops.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace asterism::reference {
namespace {

// b spreads to a's shape as in numpy.
template <typename Combine>
Array elementwise(const Array& a, const Array& b, Combine combine) {
  Array out(a.shape);
  const std::size_t missing = a.shape.size() - b.shape.size();
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    std::size_t place = 0;
    for (std::size_t axis = missing; axis < a.shape.size(); ++axis) {
      const std::size_t index = i / a.stride(axis) % a.dim(axis);
      place += b.dim(axis - missing) == 1 ? 0 : index * b.stride(axis - missing);
    }
    out.values[i] = combine(a.values[i], b.values[place]);
  }
  return out;
}

double pooled(const Array& x, std::size_t begin, std::size_t end, std::size_t column, Pooling pooling) {
  if (pooling == Pooling::kCls) {
    return x.at(begin, column);
  }
  if (pooling == Pooling::kLastToken) {
    return x.at(end - 1, column);
  }
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0.0;
  double weights = 0.0;
  for (std::size_t i = begin; i < end; ++i) {
    const double weight = pooling == Pooling::kWeightedMean ? static_cast<double>(i - begin + 1) : 1.0;
    largest = std::max(largest, x.at(i, column));
    sum += weight * x.at(i, column);
    weights += weight;
  }
  if (pooling == Pooling::kMax) {
    return largest;
  }
  return pooling == Pooling::kMeanSqrtLen ? sum / std::sqrt(weights) : sum / weights;
}

}  // namespace

Array embedding(const Array& table, std::span<const std::int32_t> ids) {
  Array out({static_cast<std::int64_t>(ids.size()), table.shape.back()});
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (std::size_t j = 0; j < table.columns(); ++j) {
      out.at(i, j) = table.at(static_cast<std::size_t>(ids[i]), j);
    }
  }
  return out;
}

Array linear(const Array& x, const Array& weight, const Array* bias) {
  Shape shape = x.shape;
  shape.back() = weight.shape[0];
  Array out(std::move(shape));
  for (std::size_t i = 0; i < x.rows(); ++i) {
    for (std::size_t j = 0; j < weight.rows(); ++j) {
      double sum = bias == nullptr ? 0.0 : bias->at(0, j);
      for (std::size_t k = 0; k < x.columns(); ++k) {
        sum += x.at(i, k) * weight.at(j, k);
      }
      out.at(i, j) = sum;
    }
  }
  return out;
}

Array add(const Array& a, const Array& b) {
  return elementwise(a, b, [](double x, double y) { return x + y; });
}

Array multiply(const Array& a, const Array& b) {
  return elementwise(a, b, [](double x, double y) { return x * y; });
}

Array layer_norm(const Array& x, const Array& weight, const Array& bias, double epsilon) {
  Array out(x.shape);
  const auto n = static_cast<double>(x.columns());
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double mean = 0.0;
    for (std::size_t j = 0; j < x.columns(); ++j) {
      mean += x.at(i, j) / n;
    }
    double variance = 0.0;
    for (std::size_t j = 0; j < x.columns(); ++j) {
      variance += (x.at(i, j) - mean) * (x.at(i, j) - mean) / n;
    }
    for (std::size_t j = 0; j < x.columns(); ++j) {
      out.at(i, j) = (x.at(i, j) - mean) / std::sqrt(variance + epsilon) * weight.at(0, j) + bias.at(0, j);
    }
  }
  return out;
}

double activate(double x, Activation activation) {
  switch (activation) {
    case Activation::kIdentity:
      return x;
    case Activation::kGeluErf:
      return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case Activation::kGeluTanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::kRelu:
      return x < 0.0 ? 0.0 : x;
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
    case Activation::kGeluQuick:
      return x / (1.0 + std::exp(-1.702 * x));
    case Activation::kRelu6:
      return std::clamp(x, 0.0, 6.0);
    case Activation::kHardSigmoid:
      return std::clamp(x + 3.0, 0.0, 6.0) / 6.0;
    case Activation::kHardSwish:
      return x * std::clamp(x + 3.0, 0.0, 6.0) / 6.0;
    case Activation::kExp:
      return std::exp(x);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

Array activation(const Array& x, Activation activation) {
  Array out(x.shape);
  std::ranges::transform(x.values, out.values.begin(), [&](double value) { return activate(value, activation); });
  return out;
}

Array attention(const AttentionOperands& operands, const Attributes& attributes) {
  const Array& query = operands.query;
  Array out(query.shape);
  const std::size_t head_dim = query.columns() / static_cast<std::size_t>(attributes.head_count);
  for (std::size_t text = 0; text + 1 < operands.offsets.size(); ++text) {
    const auto begin = static_cast<std::size_t>(operands.offsets[text]);
    const auto end = static_cast<std::size_t>(operands.offsets[text + 1]);
    for (std::size_t column = 0; column < query.columns(); column += head_dim) {
      for (std::size_t i = begin; i < end; ++i) {
        std::vector<double> weights;
        const std::size_t seen = attributes.causal ? i + 1 : end;
        for (std::size_t j = begin; j < seen; ++j) {
          double dot = 0.0;
          for (std::size_t k = column; k < column + head_dim; ++k) {
            dot += query.at(i, k) * operands.key.at(j, k);
          }
          weights.push_back(dot * attributes.scale);
        }
        const double largest = *std::ranges::max_element(weights);
        double sum = 0.0;
        for (double& weight : weights) {
          weight = std::exp(weight - largest);
          sum += weight;
        }
        for (std::size_t k = column; k < column + head_dim; ++k) {
          for (std::size_t j = begin; j < seen; ++j) {
            out.at(i, k) += weights[j - begin] / sum * operands.value.at(j, k);
          }
        }
      }
    }
  }
  return out;
}

Array pool(const Array& x, std::span<const std::int32_t> ranges, Pooling pooling) {
  Array out({static_cast<std::int64_t>(ranges.size() / 2), x.shape.back()});
  for (std::size_t i = 0; i < out.rows(); ++i) {
    const auto begin = static_cast<std::size_t>(ranges[2 * i]);
    const auto end = static_cast<std::size_t>(ranges[2 * i + 1]);
    for (std::size_t j = 0; begin < end && j < x.columns(); ++j) {
      out.at(i, j) = pooled(x, begin, end, j, pooling);
    }
  }
  return out;
}

Array concat(std::span<const Array* const> parts, std::size_t axis) {
  Shape shape = parts[0]->shape;
  shape[axis] = 0;
  for (const Array* part : parts) {
    shape[axis] += part->shape[axis];
  }
  Array out(shape);
  const std::size_t block = out.dim(axis) * out.stride(axis);
  std::size_t place = 0;
  for (const Array* part : parts) {
    const std::size_t size = part->dim(axis) * part->stride(axis);
    for (std::size_t i = 0; i < part->values.size(); ++i) {
      out.values[i / size * block + place + i % size] = part->values[i];
    }
    place += size;
  }
  return out;
}

Array slice(const Array& x, const Attributes& attributes) {
  const auto axis = static_cast<std::size_t>(attributes.axis);
  Shape shape = x.shape;
  shape[axis] = attributes.size;
  Array out(shape);
  const std::size_t size = out.dim(axis) * out.stride(axis);
  const std::size_t block = x.dim(axis) * x.stride(axis);
  const std::size_t first = static_cast<std::size_t>(attributes.begin) * x.stride(axis);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    out.values[i] = x.values[i / size * block + first + i % size];
  }
  return out;
}

Array normalize(const Array& x, double epsilon) {
  Array out(x.shape);
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double squares = 0.0;
    for (std::size_t j = 0; j < x.columns(); ++j) {
      squares += x.at(i, j) * x.at(i, j);
    }
    const double norm = std::max(std::sqrt(squares), epsilon);
    for (std::size_t j = 0; j < x.columns(); ++j) {
      out.at(i, j) = x.at(i, j) / norm;
    }
  }
  return out;
}

}  // namespace asterism::reference
