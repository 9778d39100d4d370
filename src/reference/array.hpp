// What the reference interpreter computes on: an array of doubles with a shape. Private to src/reference and its tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tensor/tensor.hpp"

namespace asterism {

struct Array {
  Array() = default;
  explicit Array(Shape dims) : shape(std::move(dims)), values(count(shape)) {}

  // Most ops work on the last dimension and see everything before it as rows. One dimension is a single row.
  std::size_t columns() const { return shape.empty() ? 1 : static_cast<std::size_t>(shape.back()); }
  std::size_t rows() const { return columns() == 0 ? 0 : values.size() / columns(); }
  double& at(std::size_t row, std::size_t column) { return values[row * columns() + column]; }
  double at(std::size_t row, std::size_t column) const { return values[row * columns() + column]; }
  std::size_t dim(std::size_t axis) const { return static_cast<std::size_t>(shape[axis]); }
  // Elements from one index of `axis` to the next.
  std::size_t stride(std::size_t axis) const {
    std::size_t product = 1;
    for (std::size_t i = axis + 1; i < shape.size(); ++i) {
      product *= dim(i);
    }
    return product;
  }

  Shape shape;
  std::vector<double> values;

 private:
  static std::size_t count(const Shape& dims) {
    std::size_t product = 1;
    for (const std::int64_t dim : dims) {
      product *= static_cast<std::size_t>(dim);
    }
    return product;
  }
};

}  // namespace asterism
