#include "analysis/silhouette.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "analysis/row_distances.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// From the sums of distances to each group, of which `own` is the row's.
double value_of(std::span<const double> sums, std::span<const double> sizes, std::size_t own) {
  if (sizes[own] < 2.0) {
    return 0.0;
  }
  const double within = sums[own] / (sizes[own] - 1.0);
  double nearest = std::numeric_limits<double>::infinity();
  for (std::size_t g = 0; g < sums.size(); ++g) {
    if (g != own && sizes[g] > 0.0) {
      nearest = std::min(nearest, sums[g] / sizes[g]);
    }
  }
  const double larger = std::max(within, nearest);
  return larger > 0.0 ? (nearest - within) / larger : 0.0;
}

}  // namespace

Result<Silhouette> silhouette(const RowsView& rows, std::span<const std::int32_t> labels,
                              const SilhouetteOptions& options, const AnalysisRun& run) {
  constexpr std::size_t kChunk = 16;
  std::vector<std::uint32_t> grouped;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= 0) {
      grouped.push_back(static_cast<std::uint32_t>(i));
    }
  }
  Silhouette out;
  std::vector<float> kept;
  std::vector<std::size_t> groups;
  std::vector<double> sizes;
  for (const std::uint32_t place : sample_rows(grouped.size(), options.row_count_max, options.seed)) {
    const std::uint32_t i = grouped[place];
    out.rows.push_back(i);
    const auto row = rows.row(i);
    kept.insert(kept.end(), row.begin(), row.end());
    groups.push_back(static_cast<std::size_t>(labels[i]));
    sizes.resize(std::max(sizes.size(), groups.back() + 1));
    sizes[groups.back()] += 1.0;
  }
  const auto group_count = static_cast<std::size_t>(std::ranges::count_if(sizes, [](double s) { return s > 0.0; }));
  if (group_count < 2 || group_count >= groups.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("silhouette: expected at least 2 groups and more rows than groups, found {} groups of {} "
                            "rows",
                            group_count, groups.size()));
  }
  const auto distances = RowDistances::make({kept, groups.size(), rows.dim}, options.metric, "silhouette");
  if (!distances) {
    return std::unexpected(distances.error());
  }
  out.values.resize(groups.size());
  run.pool.parallel_for(groups.size(), kChunk, [&](std::size_t begin, std::size_t end) {
    std::vector<double> to_rows(groups.size());
    std::vector<double> to_groups(sizes.size());
    for (std::size_t i = begin; i < end && !run.is_cancelled(); ++i) {
      distances->from(i, to_rows);
      std::ranges::fill(to_groups, 0.0);
      for (std::size_t j = 0; j < groups.size(); ++j) {
        to_groups[groups[j]] += to_rows[j];
      }
      out.values[i] = value_of(to_groups, sizes, groups[i]);
    }
  });
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, "stopped");
  }
  out.mean = std::accumulate(out.values.begin(), out.values.end(), 0.0) / static_cast<double>(groups.size());
  return out;
}

}  // namespace asterism
