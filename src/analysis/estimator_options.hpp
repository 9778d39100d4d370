// What a method was told, held against what it can be told.
//
// Errors name the option, what was expected and what was found. Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "analysis/estimator_method.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"

namespace asterism {

// All options of the method: those of the object `given`, the others by their defaults. `source` names who said them in
// errors ("umap", a file). kInvalidArgument for one that the method does not have or a value out of its range.
Result<Json> complete_options(const EstimatorMethod& method, const Json& given, std::string_view source);

// "0.25" as the option's value (--set name=value): numbers, true or false, words. Ranges are checked later, with all.
Result<Json> parse_option(const EstimatorMethod& method, std::string_view name, std::string_view text);

// "a whole number from 2 on", "one of spectral, pca or random": what an option expects.
std::string option_expectation(const EstimatorOption& option);

// "did you mean X?" for the name that is nearest to `found`; else the list of names.
std::string nearest_name_hint(std::string_view found, const std::vector<std::string_view>& names);

}  // namespace asterism
