// The ops as their definitions read, in double: private to the reference backend and its tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.hpp"
#include "reference/array.hpp"

namespace asterism {

namespace reference {

// Shapes are those of the op table; feeds were checked before. Parameters of one dimension are single rows.
Array embedding(const Array& table, std::span<const std::int32_t> ids);
Array linear(const Array& x, const Array& weight, const Array* bias);
Array add(const Array& a, const Array& b);
Array multiply(const Array& a, const Array& b);
Array layer_norm(const Array& x, const Array& weight, const Array& bias, double epsilon);
Array activation(const Array& x, Activation activation);

struct AttentionOperands {
  const Array& query;
  const Array& key;
  const Array& value;
  std::span<const std::int32_t> offsets;
};
// Rows that belong to no text come out as zeros.
Array attention(const AttentionOperands& operands, const Attributes& attributes);
Array pool(const Array& x, std::span<const std::int32_t> ranges, Pooling pooling);
Array concat(std::span<const Array* const> parts, std::size_t axis);
Array slice(const Array& x, const Attributes& attributes);
Array normalize(const Array& x, double epsilon);

double activate(double x, Activation activation);

}  // namespace reference
}  // namespace asterism
