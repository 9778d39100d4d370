#include "analysis/estimator_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tensor/dtype.hpp"

namespace asterism {
namespace {

template <typename T>
constexpr DType kDTypeOf = DType::kF32;
template <>
constexpr DType kDTypeOf<double> = DType::kF64;
template <>
constexpr DType kDTypeOf<std::int32_t> = DType::kI32;
template <>
constexpr DType kDTypeOf<std::int64_t> = DType::kI64;

bool shape_fits(const Shape& shape, const Shape& expected) {
  return std::ranges::equal(shape, expected,
                            [](std::int64_t is, std::int64_t must) { return must == -1 ? is >= 1 : is == must; });
}

}  // namespace

template <typename T>
EstimatorState::Array state_array(std::string name, Shape shape, std::span<const T> values) {
  Tensor tensor(kDTypeOf<T>, std::move(shape));
  std::ranges::copy(values.first(tensor.element_count()), tensor.mutable_as<T>().begin());
  return {.name = std::move(name), .values = std::move(tensor)};
}

template <typename T>
Result<StateValues<T>> state_values(const EstimatorState& state, std::string_view name, const Shape& expected,
                                    std::string_view source) {
  const auto found = std::ranges::find(state.arrays, name, &EstimatorState::Array::name);
  if (found == state.arrays.end()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected an array '{}', found none", source, name));
  }
  const Tensor& tensor = found->values;
  if (tensor.dtype() != kDTypeOf<T> || !shape_fits(tensor.shape(), expected)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: array '{}': expected {} {} (-1 is any length), found {} {}",
                                                 source, name, dtype_name(kDTypeOf<T>), shape_to_string(expected),
                                                 dtype_name(tensor.dtype()), shape_to_string(tensor.shape())));
  }
  StateValues<T> out{.shape = tensor.shape(), .values = std::vector<T>(tensor.element_count())};
  std::memcpy(out.values.data(), tensor.bytes().data(), tensor.bytes().size());
  return out;
}

template EstimatorState::Array state_array(std::string, Shape, std::span<const float>);
template EstimatorState::Array state_array(std::string, Shape, std::span<const double>);
template EstimatorState::Array state_array(std::string, Shape, std::span<const std::int32_t>);
template EstimatorState::Array state_array(std::string, Shape, std::span<const std::int64_t>);
template Result<StateValues<float>> state_values(const EstimatorState&, std::string_view, const Shape&,
                                                 std::string_view);
template Result<StateValues<double>> state_values(const EstimatorState&, std::string_view, const Shape&,
                                                  std::string_view);
template Result<StateValues<std::int32_t>> state_values(const EstimatorState&, std::string_view, const Shape&,
                                                        std::string_view);
template Result<StateValues<std::int64_t>> state_values(const EstimatorState&, std::string_view, const Shape&,
                                                        std::string_view);

}  // namespace asterism
