// The ops as their definitions read, in double: private to the reference backend and its tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.hpp"

namespace asterism {

struct Matrix {
  Matrix() = default;
  Matrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), values(row_count * column_count) {}
  double& at(std::size_t row, std::size_t column) { return values[row * columns + column]; }
  double at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }

  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> values;
};

namespace reference {

// Shapes are those of the op table; feeds were checked before. Parameters of one dimension are single rows.
Matrix embedding(const Matrix& table, std::span<const std::int32_t> ids);
Matrix linear(const Matrix& x, const Matrix& weight, const Matrix* bias);
Matrix add(const Matrix& a, const Matrix& b);
Matrix multiply(const Matrix& a, const Matrix& b);
Matrix layer_norm(const Matrix& x, const Matrix& weight, const Matrix& bias, double epsilon);
Matrix activation(const Matrix& x, Activation activation);

struct AttentionOperands {
  const Matrix& query;
  const Matrix& key;
  const Matrix& value;
  std::span<const std::int32_t> offsets;
};
// Rows that belong to no text come out as zeros.
Matrix attention(const AttentionOperands& operands, const Attributes& attributes);
Matrix pool(const Matrix& x, std::span<const std::int32_t> ranges, Pooling pooling);
Matrix concat(std::span<const Matrix* const> parts);
Matrix slice(const Matrix& x, std::size_t size);
Matrix normalize(const Matrix& x, double epsilon);

double activate(double x, Activation activation);

}  // namespace reference
}  // namespace asterism
