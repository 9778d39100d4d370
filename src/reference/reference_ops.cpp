#include "reference/reference_ops.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace asterism::reference {
namespace {

template <typename Combine>
Matrix elementwise(const Matrix& a, const Matrix& b, Combine combine) {
  Matrix out(a.rows, a.columns);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) {
      out.at(i, j) = combine(a.at(i, j), b.at(b.rows == 1 ? 0 : i, j));
    }
  }
  return out;
}

double pooled(const Matrix& x, std::size_t begin, std::size_t end, std::size_t column, Pooling pooling) {
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

Matrix embedding(const Matrix& table, std::span<const std::int32_t> ids) {
  Matrix out(ids.size(), table.columns);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (std::size_t j = 0; j < table.columns; ++j) {
      out.at(i, j) = table.at(static_cast<std::size_t>(ids[i]), j);
    }
  }
  return out;
}

Matrix linear(const Matrix& x, const Matrix& weight, const Matrix* bias) {
  Matrix out(x.rows, weight.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t j = 0; j < weight.rows; ++j) {
      double sum = bias == nullptr ? 0.0 : bias->at(0, j);
      for (std::size_t k = 0; k < x.columns; ++k) {
        sum += x.at(i, k) * weight.at(j, k);
      }
      out.at(i, j) = sum;
    }
  }
  return out;
}

Matrix add(const Matrix& a, const Matrix& b) {
  return elementwise(a, b, [](double x, double y) { return x + y; });
}

Matrix multiply(const Matrix& a, const Matrix& b) {
  return elementwise(a, b, [](double x, double y) { return x * y; });
}

Matrix layer_norm(const Matrix& x, const Matrix& weight, const Matrix& bias, double epsilon) {
  Matrix out(x.rows, x.columns);
  const auto n = static_cast<double>(x.columns);
  for (std::size_t i = 0; i < x.rows; ++i) {
    double mean = 0.0;
    for (std::size_t j = 0; j < x.columns; ++j) {
      mean += x.at(i, j) / n;
    }
    double variance = 0.0;
    for (std::size_t j = 0; j < x.columns; ++j) {
      variance += (x.at(i, j) - mean) * (x.at(i, j) - mean) / n;
    }
    for (std::size_t j = 0; j < x.columns; ++j) {
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
  }
  return std::numeric_limits<double>::quiet_NaN();
}

Matrix activation(const Matrix& x, Activation activation) {
  Matrix out(x.rows, x.columns);
  std::ranges::transform(x.values, out.values.begin(), [&](double value) { return activate(value, activation); });
  return out;
}

Matrix attention(const AttentionOperands& operands, const Attributes& attributes) {
  const Matrix& query = operands.query;
  Matrix out(query.rows, query.columns);
  const std::size_t head_dim = query.columns / static_cast<std::size_t>(attributes.head_count);
  for (std::size_t text = 0; text + 1 < operands.offsets.size(); ++text) {
    const auto begin = static_cast<std::size_t>(operands.offsets[text]);
    const auto end = static_cast<std::size_t>(operands.offsets[text + 1]);
    for (std::size_t column = 0; column < query.columns; column += head_dim) {
      for (std::size_t i = begin; i < end; ++i) {
        std::vector<double> weights;
        for (std::size_t j = begin; j < end; ++j) {
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
          for (std::size_t j = begin; j < end; ++j) {
            out.at(i, k) += weights[j - begin] / sum * operands.value.at(j, k);
          }
        }
      }
    }
  }
  return out;
}

Matrix pool(const Matrix& x, std::span<const std::int32_t> ranges, Pooling pooling) {
  Matrix out(ranges.size() / 2, x.columns);
  for (std::size_t i = 0; i < out.rows; ++i) {
    const auto begin = static_cast<std::size_t>(ranges[2 * i]);
    const auto end = static_cast<std::size_t>(ranges[2 * i + 1]);
    for (std::size_t j = 0; begin < end && j < x.columns; ++j) {
      out.at(i, j) = pooled(x, begin, end, j, pooling);
    }
  }
  return out;
}

Matrix concat(std::span<const Matrix* const> parts) {
  std::size_t columns = 0;
  for (const Matrix* part : parts) {
    columns += part->columns;
  }
  Matrix out(parts[0]->rows, columns);
  for (std::size_t i = 0; i < out.rows; ++i) {
    std::size_t column = 0;
    for (const Matrix* part : parts) {
      for (std::size_t j = 0; j < part->columns; ++j) {
        out.at(i, column++) = part->at(i, j);
      }
    }
  }
  return out;
}

Matrix slice(const Matrix& x, std::size_t size) {
  Matrix out(x.rows, size);
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      out.at(i, j) = x.at(i, j);
    }
  }
  return out;
}

Matrix normalize(const Matrix& x, double epsilon) {
  Matrix out(x.rows, x.columns);
  for (std::size_t i = 0; i < x.rows; ++i) {
    double squares = 0.0;
    for (std::size_t j = 0; j < x.columns; ++j) {
      squares += x.at(i, j) * x.at(i, j);
    }
    const double norm = std::max(std::sqrt(squares), epsilon);
    for (std::size_t j = 0; j < x.columns; ++j) {
      out.at(i, j) = x.at(i, j) / norm;
    }
  }
  return out;
}

}  // namespace asterism::reference
