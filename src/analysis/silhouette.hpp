// Silhouette: how much nearer each row is to its own group than to the next one.
//
// (b - a) / max(a, b), where a is the mean distance to the other rows of its group and b the smallest mean distance to
// the rows of another; 0 for a row alone in its group. As scikit-learn's silhouette_samples (Rousseeuw 1987). Above
// `row_count_max` rows a sample of that many is taken, of which alone the value then is, as scikit-learn's sample_size.
// The same bits with any number of threads. Thread-safety: pure function. Cost: rows^2 x dim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

struct SilhouetteOptions {
  Metric metric = Metric::kEuclidean;
  std::size_t row_count_max = 10'000;
  std::uint64_t seed = 0;
};

struct Silhouette {
  std::vector<std::uint32_t> rows;  // that the values are of: all, or the sample
  std::vector<double> values;       // in [-1, 1]
  double mean = 0.0;
};

// Labels 0...; rows of -1 belong to no group and are left out. kInvalidArgument unless there are at least 2 groups, and
// fewer groups than rows.
Result<Silhouette> silhouette(const RowsView& rows, std::span<const std::int32_t> labels,
                              const SilhouetteOptions& options, const AnalysisRun& run);

}  // namespace asterism
