#include "service/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "analysis/intrinsic_dimension.hpp"
#include "analysis/local_outliers.hpp"
#include "analysis/neighbor_graph.hpp"
#include "base/thread_pool.hpp"

namespace asterism::service {
namespace {

constexpr double kNearCosine = 0.98;
constexpr double kNearShareOfMedian = 0.1;  // of the median distance to the nearest row, where there is no cosine
constexpr std::size_t kRowCountMin = 3;     // from here on there are neighbours to speak of

ValueRange range_of(std::vector<double> values) {
  if (values.empty()) {
    return {};
  }
  std::ranges::sort(values);
  return {.smallest = values.front(), .median = values[values.size() / 2], .largest = values.back()};
}

void measure_lengths(InspectResponse& out) {
  const RowsView rows = out.rows.view();
  std::vector<double> norms(rows.row_count);
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    for (const float value : rows.row(r)) {
      norms[r] += static_cast<double>(value) * static_cast<double>(value);
    }
    norms[r] = std::sqrt(norms[r]);
  }
  out.zero_row_count = static_cast<std::size_t>(std::ranges::count(norms, 0.0));
  out.norms = range_of(std::move(norms));
}

void count_constant_columns(InspectResponse& out) {
  const RowsView rows = out.rows.view();
  std::vector<bool> differs(rows.dim);
  for (std::size_t r = 1; r < rows.row_count; ++r) {
    for (std::size_t d = 0; d < rows.dim; ++d) {
      differs[d] = differs[d] || rows.row(r)[d] != rows.row(0)[d];
    }
  }
  out.constant_column_count = static_cast<std::size_t>(std::ranges::count(differs, false));
}

void count_equal_rows(InspectResponse& out) {
  const RowsView rows = out.rows.view();
  std::unordered_set<std::string_view> seen;
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    const auto bytes = std::as_bytes(rows.row(r));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    out.equal_row_count += seen.insert(text).second ? 0U : 1U;
  }
}

Result<void> count_equal_items(const InspectRequest& request, InspectResponse& out) {
  if (!out.rows.collection || !request.rows.filter.empty()) {
    return {};
  }
  CollectionTarget target = request.rows.collection;
  target.location = request.rows.input;
  const auto collection = open_for_reading(target);
  if (!collection) {
    return std::unexpected(collection.error());
  }
  const auto pairs = collection->duplicates(std::nullopt);
  if (!pairs) {
    // A store that can not say does not keep the rest from being said.
    return pairs.error().code == ErrorCode::kUnsupported ? Result<void>{} : std::unexpected(pairs.error());
  }
  std::set<std::string_view> duplicates;
  for (const DuplicatePair& pair : *pairs) {
    duplicates.insert(pair.duplicate_id);
  }
  out.equal_item_count = duplicates.size();
  return {};
}

double near_distance(const InspectRequest& request, const InspectResponse& out) {
  if (out.metric == Metric::kCosine) {
    return std::sqrt(2.0 - 2.0 * request.near_limit.value_or(kNearCosine));
  }
  return request.near_limit.value_or(kNearShareOfMedian * out.nearest_distances.median);
}

void find_near(const InspectRequest& request, const NeighborGraph& graph, InspectResponse& out) {
  const std::size_t k = graph.neighbor_count;
  std::vector<double> nearest(graph.row_count);
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    nearest[r] = static_cast<double>(graph.distances[r * k]);
  }
  out.nearest_distances = range_of(nearest);
  out.near_distance = near_distance(request, out);
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    out.near_row_count += nearest[r] <= out.near_distance ? 1U : 0U;
    for (std::size_t i = r * k; i < (r + 1) * k; ++i) {
      const auto distance = static_cast<double>(graph.distances[i]);
      const auto row = static_cast<std::uint32_t>(r);
      const auto pair = std::minmax(row, graph.neighbors[i]);
      if (distance <= out.near_distance && seen.insert({pair.first, pair.second}).second) {
        out.near_pairs.push_back({.row = pair.first, .duplicate = pair.second, .distance = distance});
      }
    }
  }
  std::ranges::stable_sort(out.near_pairs, {}, &NearPair::distance);
  out.near_pairs.resize(std::min(out.near_pairs.size(), request.listed_count));
}

void find_outliers(const InspectRequest& request, const NeighborGraph& graph, InspectResponse& out) {
  const auto factors = local_outlier_factors(graph);
  const auto distances = mean_neighbor_distances(graph);
  out.outlier_count =
      static_cast<std::size_t>(std::ranges::count_if(factors, [](double f) { return f >= kOutlierFactor; }));
  std::vector<std::uint32_t> order(graph.row_count);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::greater<>{}, [&](std::uint32_t row) { return factors[row]; });
  order.resize(std::min({order.size(), request.listed_count, out.outlier_count}));
  for (const std::uint32_t row : order) {
    out.outliers.push_back({.row = row, .factor = factors[row], .distance = distances[row]});
  }
}

void find_hubs(const InspectRequest& request, const NeighborGraph& graph, InspectResponse& out) {
  out.hubness = hubness(graph, kHubNeighborCount);
  out.hubs.resize(graph.row_count);
  std::iota(out.hubs.begin(), out.hubs.end(), 0U);
  std::ranges::stable_sort(out.hubs, std::greater<>{}, [&](std::uint32_t row) { return out.hubness.occurrences[row]; });
  out.hubs.resize(std::min(out.hubs.size(), request.listed_count));
}

Result<void> check(const InspectRequest& request) {
  if (request.neighbor_count < 3) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("inspect: expected at least 3 neighbours, found {}", request.neighbor_count));
  }
  return {};
}

Result<void> check_near(const InspectRequest& request, Metric metric) {
  const double limit = request.near_limit.value_or(0.0);
  if (!(limit >= 0.0) || (metric == Metric::kCosine && limit > 1.0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("inspect: expected near duplicates at {}, found {}",
                            metric == Metric::kCosine ? "a cosine of 0 to 1" : "a distance of 0 or more", limit));
  }
  return {};
}

}  // namespace

Result<InspectResponse> inspect_rows(const InspectRequest& request) {
  if (auto checked = check(request); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  auto rows = open_analysis_rows(request.rows);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  InspectResponse out;
  out.rows = *std::move(rows);
  out.metric = compared_metric(out.rows, request.metric);
  if (auto checked = check_near(request, out.metric); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  measure_lengths(out);
  count_constant_columns(out);
  count_equal_rows(out);
  if (auto counted = count_equal_items(request, out); !counted) {
    return std::unexpected(std::move(counted.error()));
  }
  const std::size_t threads = request.rows.collection.thread_count;
  ThreadPool pool(threads == 0 ? available_processor_count() : threads);
  const AnalysisRun run{.pool = pool, .cancel = request.rows.collection.cancel, .progress = request.on_progress};
  auto directions = anisotropy(out.rows.view(), run);
  if (!directions) {
    return std::unexpected(std::move(directions.error()));
  }
  out.anisotropy = *std::move(directions);
  if (out.rows.row_count < kRowCountMin) {
    return out;
  }
  std::vector<float> scaled;
  const RowsView compared = compared_rows(out.rows, out.metric, scaled);
  out.neighbor_count = std::min(request.neighbor_count, out.rows.row_count - 1);
  const auto graph = neighbor_graph(compared, {.neighbor_count = out.neighbor_count}, run);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  find_near(request, *graph, out);
  find_outliers(request, *graph, out);
  find_hubs(request, *graph, out);
  out.two_neighbor_dimension = two_neighbor_dimension(*graph);
  out.likelihood_dimension = likelihood_dimension(*graph);
  return out;
}

}  // namespace asterism::service
