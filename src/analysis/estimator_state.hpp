// Arrays of a fitted estimator, to and from its state.
//
// Thread-safety: pure functions. Cost: arrays are copied, since those of a file may lie at any address.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Of float, double, std::int32_t or std::int64_t. `values` has the shape's number of elements.
template <typename T>
EstimatorState::Array state_array(std::string name, Shape shape, std::span<const T> values);

template <typename T>
struct StateValues {
  Shape shape;
  std::vector<T> values;
};

// kCorrupt where the array is missing or of another type or shape; -1 in `expected` stands for any length of at
// least 1. `source` names the file in errors.
template <typename T>
Result<StateValues<T>> state_values(const EstimatorState& state, std::string_view name, const Shape& expected,
                                    std::string_view source);

}  // namespace asterism
