// Options of the methods that look for leading directions (PCA, truncated SVD), as the table of methods has them.
//
// Thread-safety: pure functions.
#pragma once

#include <vector>

#include "analysis/estimator_method.hpp"
#include "analysis/leading_directions.hpp"

namespace asterism {

// `own` behind components, solver, iterations and seed.
std::vector<EstimatorOption> with_direction_options(std::vector<EstimatorOption> own);

DirectionOptions direction_options(const Json& options);

}  // namespace asterism
