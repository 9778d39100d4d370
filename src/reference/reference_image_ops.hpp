// The ops of images as their definitions read, in double: private to the reference backend and its tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "graph/graph.hpp"
#include "reference/array.hpp"

namespace asterism::reference {

// Shapes are those of the op table; feeds were checked before.
Array conv2d(const Array& x, const Array& weight, const Array* bias, const Attributes& attributes);

struct BatchNormOperands {
  const Array& x;
  const Array& weight;
  const Array& bias;
  const Array& mean;
  const Array& variance;
};
Array batch_norm(const BatchNormOperands& operands, double epsilon);

// kMaxPool2d and kAvgPool2d; the value's shape is the result's.
Array pool2d(const Array& x, const Value& value);
Array adaptive_avg_pool2d(const Array& x, const Attributes& attributes);
Array reduce(const Array& x, const Attributes& attributes);
Array reshape(const Array& x, const Attributes& attributes);
Array transpose(const Array& x, const Attributes& attributes);
Array broadcast_rows(const Array& parameter, std::size_t row_count);

struct ScaledDotProductOperands {
  const Array& query;
  const Array& key;
  const Array& value;
  const Array* bias;
};
Array scaled_dot_product(const ScaledDotProductOperands& operands, double scale);
Array pad(const Array& x, const Attributes& attributes);
Array gather_tokens(const Array& x, std::span<const std::int32_t> ids);

}  // namespace asterism::reference
