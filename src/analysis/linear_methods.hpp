// The linear reductions' rows of the table of methods.
#pragma once

#include "analysis/estimator_method.hpp"

namespace asterism {

// Principal components (pca.hpp), exact or randomised, whitened where asked.
EstimatorMethod pca_method();

}  // namespace asterism
