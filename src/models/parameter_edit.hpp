// Weights changed once, when a checkpoint is loaded: private to src/models.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "graph/graph.hpp"

namespace asterism {

// A parameter that must be there; kMismatch names it.
Result<Tensor> find_parameter(const ParameterMap& parameters, std::string_view name, std::string_view source);

// A parameter that must have `shape`; kMismatch says what was expected and found.
Result<Tensor> find_parameter(const ParameterMap& parameters, std::string_view name, const Shape& shape,
                              std::string_view source);

// The same bytes in another shape of as many elements: kMismatch where they are not as many.
Result<void> reshape_parameter(ParameterMap& parameters, std::string_view name, const Shape& shape,
                               std::string_view source);

// Size of axis `axis` of a parameter; kMismatch where it is not there or has no such axis.
Result<std::int64_t> parameter_size(const ParameterMap& parameters, std::string_view name, std::size_t axis,
                                    std::string_view source);

// How many of "PREFIX0SUFFIX", "PREFIX1SUFFIX", ... there are without a gap.
std::int64_t count_numbered(const ParameterMap& parameters, std::string_view prefix, std::string_view suffix);

// One number as stored: logit_scale, logit_bias. kMismatch where the tensor is not one element.
Result<float> scalar_of(const Tensor& tensor, std::string_view name, std::string_view source);

}  // namespace asterism
