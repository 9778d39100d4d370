// The table of reductions: every method by name, with what it can be told, and one way to fit any of them.
//
// Ownership: the table lives as long as the program; fitted estimators are the caller's. Thread-safety: reads from many
// threads; a fit belongs to one. Cost: one pass over the rows for the check, then that of the method.
#pragma once

#include <span>
#include <string_view>

#include "analysis/estimator_method.hpp"
#include "asterism/error.hpp"

namespace asterism {

// In the order of --help.
std::span<const EstimatorMethod> estimator_methods();

// kInvalidArgument with the nearest name where there is no such method.
Result<const EstimatorMethod*> find_estimator_method(std::string_view name);

// Checks rows, labels, options (an object; those left out have their defaults) and initial places, then fits.
// kInvalidArgument names what was expected and found; kCancelled where the run was stopped.
Result<FittedEstimator> fit_estimator(std::string_view method, FitRequest request, const AnalysisRun& run);

}  // namespace asterism
