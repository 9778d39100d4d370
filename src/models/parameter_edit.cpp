#include "models/parameter_edit.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace asterism {
namespace {

constexpr std::string_view kHint = "check that config.json and the weights belong to the same model";

std::unexpected<Error> wrong_shape(std::string_view source, std::string_view name, std::string_view expected,
                                   const Shape& found) {
  return fail(ErrorCode::kMismatch,
              fmt::format("{}: tensor \"{}\": expected {}, found {}", source, name, expected, shape_to_string(found)),
              std::string(kHint));
}

}  // namespace

Result<Tensor> find_parameter(const ParameterMap& parameters, std::string_view name, std::string_view source) {
  const auto it = parameters.find(name);
  if (it == parameters.end()) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: the weights do not fit the configuration: 1 missing: {}", source, name),
                std::string(kHint));
  }
  return it->second;
}

Result<Tensor> find_parameter(const ParameterMap& parameters, std::string_view name, const Shape& shape,
                              std::string_view source) {
  auto tensor = find_parameter(parameters, name, source);
  if (tensor && tensor->shape() != shape) {
    return wrong_shape(source, name, shape_to_string(shape), tensor->shape());
  }
  return tensor;
}

Result<void> reshape_parameter(ParameterMap& parameters, std::string_view name, const Shape& shape,
                               std::string_view source) {
  const auto tensor = find_parameter(parameters, name, source);
  if (!tensor) {
    return std::unexpected(tensor.error());
  }
  const auto count = shape_element_count(shape);
  if (!count || *count != tensor->element_count()) {
    return wrong_shape(source, name, shape_to_string(shape), tensor->shape());
  }
  auto owner = std::make_shared<const Tensor>(*tensor);
  const auto bytes = owner->bytes();
  parameters.find(name)->second = Tensor(tensor->dtype(), shape, bytes, std::move(owner));
  return {};
}

Result<std::int64_t> parameter_size(const ParameterMap& parameters, std::string_view name, std::size_t axis,
                                    std::string_view source) {
  const auto tensor = find_parameter(parameters, name, source);
  if (!tensor) {
    return std::unexpected(tensor.error());
  }
  if (axis >= tensor->shape().size() || tensor->shape()[axis] < 1) {
    return wrong_shape(source, name, fmt::format("at least {} dimensions, none of them 0", axis + 1), tensor->shape());
  }
  return tensor->shape()[axis];
}

std::int64_t count_numbered(const ParameterMap& parameters, std::string_view prefix, std::string_view suffix) {
  std::int64_t count = 0;
  while (parameters.contains(fmt::format("{}{}{}", prefix, count, suffix))) {
    ++count;
  }
  return count;
}

Result<float> scalar_of(const Tensor& tensor, std::string_view name, std::string_view source) {
  if (tensor.element_count() != 1) {
    return wrong_shape(source, name, "one element", tensor.shape());
  }
  return tensor.to_f32().as<float>().front();
}

}  // namespace asterism
