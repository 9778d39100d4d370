// The linear reductions' rows of the table of methods.
#pragma once

#include "analysis/estimator_method.hpp"

namespace asterism {

// Principal components (pca.hpp), exact or randomised, whitened where asked.
EstimatorMethod pca_method();

// Truncated singular value decomposition: as PCA, but about the origin. Source: scikit-learn's TruncatedSVD.
EstimatorMethod svd_method();

// Linear discriminant analysis: the directions that tell labelled classes apart. Source: scikit-learn's
// LinearDiscriminantAnalysis(solver="svd").
EstimatorMethod lda_method();

// Random directions, which keep distances (Johnson and Lindenstrauss 1984): dense normal numbers, or sparse signs (Li,
// Hastie and Church 2006). Source: scikit-learn's random_projection.
EstimatorMethod random_projection_method();

}  // namespace asterism
