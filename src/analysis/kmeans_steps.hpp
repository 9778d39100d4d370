// The steps that Lloyd's iterations, mini-batches and what follows them share. Private to src/analysis.
//
// Thread-safety: each call runs on the threads of its pool. All results are the same at any thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "base/counter_random.hpp"

namespace asterism {

// labels[r] = the nearest of `centers` [clusters, dim] to row r; of equal distances the lower number. `shift` [dim] is
// taken from rows and means alike before their products are formed: near the mean of the rows little is lost to
// rounding. Cost: 2 x rows x clusters x dim operations.
void assign_rows(const RowsView& rows, std::span<const float> centers, std::span<const float> shift,
                 std::span<std::uint32_t> labels, ThreadPool& pool);

// distances[r] = squared distance of row r to the center of its label.
void own_distances(const RowsView& rows, std::span<const float> centers, std::span<const std::uint32_t> labels,
                   std::span<float> distances, ThreadPool& pool);

// The sum of `values` in an order that does not depend on threads.
double ordered_sum(std::span<const float> values) noexcept;

// A greedy k-means++ start: `cluster_count` rows as centers [cluster_count, dim]. kCancelled.
Result<std::vector<float>> start_centers(const RowsView& rows, std::size_t cluster_count, const CounterRandom& random,
                                         const AnalysisRun& run);

// The sums of the rows of each cluster, and how many rows it has.
struct ClusterSums {
  std::vector<double> sums;         // [clusters, dim]
  std::vector<std::size_t> counts;  // [clusters]
};
ClusterSums sum_clusters(const RowsView& rows, std::span<const std::uint32_t> labels, std::size_t cluster_count,
                         ThreadPool& pool);

// The mean of each column, [dim].
std::vector<float> column_means(const RowsView& rows, ThreadPool& pool);
// The mean over the columns of their variance.
double mean_column_variance(const RowsView& rows, std::span<const float> means, ThreadPool& pool);

}  // namespace asterism
