// The rows that stand for a cluster: those nearest to its mean.
//
// Thread-safety: pure. Cost: two passes over the rows; memory: the means and 8 bytes a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"

namespace asterism {

struct ClusterCenters {
  std::vector<float> means;      // [clusters, dim]
  std::vector<float> distances;  // [rows]: from the own mean; 0 for rows in no cluster
};

// `labels` [rows]: a number below cluster_count, or -1 for a row in no cluster. The rows are finite.
ClusterCenters cluster_centers(const RowsView& rows, std::span<const std::int32_t> labels, std::size_t cluster_count,
                               ThreadPool& pool);

// For each cluster all its rows, nearest to the mean first; equal distances in row order.
std::vector<std::vector<std::uint32_t>> rows_by_typicality(std::span<const float> distances,
                                                           std::span<const std::int32_t> labels,
                                                           std::size_t cluster_count);

}  // namespace asterism
