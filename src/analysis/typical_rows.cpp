#include "analysis/typical_rows.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/kmeans_steps.hpp"
#include "base/thread_pool.hpp"

namespace asterism {

ClusterCenters cluster_centers(const RowsView& rows, std::span<const std::int32_t> labels, std::size_t cluster_count,
                               ThreadPool& pool) {
  // Rows in no cluster go to one of their own behind the others.
  std::vector<std::uint32_t> places(labels.size());
  std::ranges::transform(labels, places.begin(), [&](std::int32_t label) {
    return label < 0 ? static_cast<std::uint32_t>(cluster_count) : static_cast<std::uint32_t>(label);
  });
  const ClusterSums sums = sum_clusters(rows, places, cluster_count + 1, pool);
  ClusterCenters out;
  out.means.resize((cluster_count + 1) * rows.dim);
  for (std::size_t c = 0; c <= cluster_count; ++c) {
    const auto count = static_cast<double>(std::max<std::size_t>(sums.counts[c], 1));
    for (std::size_t d = 0; d < rows.dim; ++d) {
      out.means[c * rows.dim + d] = static_cast<float>(sums.sums[c * rows.dim + d] / count);
    }
  }
  out.distances.resize(rows.row_count);
  own_distances(rows, out.means, places, out.distances, pool);
  for (std::size_t r = 0; r < labels.size(); ++r) {
    out.distances[r] = labels[r] < 0 ? 0.0F : std::sqrt(out.distances[r]);
  }
  out.means.resize(cluster_count * rows.dim);
  return out;
}

std::vector<std::vector<std::uint32_t>> rows_by_typicality(std::span<const float> distances,
                                                           std::span<const std::int32_t> labels,
                                                           std::size_t cluster_count) {
  std::vector<std::vector<std::uint32_t>> rows(cluster_count);
  for (std::size_t r = 0; r < labels.size(); ++r) {
    if (labels[r] >= 0) {
      rows[static_cast<std::size_t>(labels[r])].push_back(static_cast<std::uint32_t>(r));
    }
  }
  for (auto& of_cluster : rows) {
    std::ranges::stable_sort(of_cluster, {}, [&](std::uint32_t row) { return distances[row]; });
  }
  return rows;
}

}  // namespace asterism
