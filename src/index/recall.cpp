#include "index/recall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace asterism {
namespace {

// How much farther than the k-th exact answer an answer may be, relative to it: rounding of equal rows.
constexpr double kTieTolerance = 1e-6;
// The curve is walked upwards by these steps, then halved between the last two.
constexpr double kExpansionStep = 1.5;

Result<RecallPoint> measure(const GraphIndex& index, const VectorRows& rows, std::span<const float> queries,
                            std::span<const std::vector<Hit>> exact, const TuneOptions& options,
                            std::size_t expansion) {
  RecallPoint point{.expansion = expansion, .recall = 0.0, .queries_per_second = 0.0, .distances_per_query = 0.0};
  SearchCounters counters;
  const SearchOptions search{.k = options.k, .expansion = expansion, .allowed = options.allowed, .counters = &counters};
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t q = 0; q < exact.size(); ++q) {
    if (options.cancel != nullptr && options.cancel->requested()) {
      return fail(ErrorCode::kCancelled, "tuning: stopped");
    }
    const auto found = index.search_rescored(rows, queries.subspan(q * rows.dim, rows.dim), search);
    if (!found) {
      return std::unexpected(found.error());
    }
    point.recall += recall_at_k(exact[q], *found, options.k, index.settings().metric);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const auto query_count = static_cast<double>(exact.size());
  point.recall /= query_count;
  point.queries_per_second = query_count / std::max(1e-9, seconds.count());
  point.distances_per_query = static_cast<double>(counters.distances_computed) / query_count;
  return point;
}

}  // namespace

double recall_at_k(std::span<const Hit> exact, std::span<const Hit> approximate, std::size_t k, Metric metric) {
  const std::size_t wanted = std::min(k, exact.size());
  if (wanted == 0) {
    return 1.0;
  }
  const auto bound = static_cast<double>(exact[wanted - 1].value);
  const double slack = kTieTolerance * std::abs(bound);
  std::size_t found = 0;
  for (const Hit& hit : approximate.first(std::min(k, approximate.size()))) {
    const auto value = static_cast<double>(hit.value);
    found += (larger_is_nearer(metric) ? value >= bound - slack : value <= bound + slack) ? 1U : 0U;
  }
  return static_cast<double>(std::min(found, wanted)) / static_cast<double>(wanted);
}

Result<TuneResult> tune_expansion(const GraphIndex& index, const VectorRows& rows, std::span<const float> queries,
                                  std::size_t query_count, const TuneOptions& options) {
  if (query_count == 0 || options.k == 0 || !(options.recall_target > 0.0 && options.recall_target <= 1.0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("tuning: expected queries, k above 0 and a recall in (0, 1], found {}, {} and {}",
                            query_count, options.k, options.recall_target));
  }
  const ScanOptions scan{
      .metric = index.settings().metric, .allowed = options.allowed, .pool = options.pool, .cancel = options.cancel};
  const auto exact = scan_nearest(rows, queries, query_count, options.k, scan);
  if (!exact) {
    return std::unexpected(exact.error());
  }
  TuneResult result;
  result.query_count = query_count;
  const auto meets = [&](std::size_t expansion) -> Result<bool> {
    auto point = measure(index, rows, queries, *exact, options, expansion);
    if (!point) {
      return std::unexpected(point.error());
    }
    result.curve.push_back(*point);
    return point->recall >= options.recall_target;
  };
  const std::size_t largest = std::min(kExpansionMax, std::max(options.k, rows.row_count));
  std::size_t below = 0;
  std::size_t above = std::min(options.k, largest);
  while (!result.target_met) {
    const auto met = meets(above);
    if (!met) {
      return std::unexpected(met.error());
    }
    result.target_met = *met;
    if (!*met) {
      if (above >= largest) {
        break;
      }
      below = above;
      above = std::min(largest, static_cast<std::size_t>(std::ceil(static_cast<double>(above) * kExpansionStep)));
    }
  }
  while (result.target_met && below != 0 && above - below > 1) {
    const std::size_t middle = below + (above - below) / 2;
    const auto met = meets(middle);
    if (!met) {
      return std::unexpected(met.error());
    }
    (*met ? above : below) = middle;
  }
  result.expansion = above;
  std::ranges::sort(result.curve, {}, &RecallPoint::expansion);
  return result;
}

Result<std::vector<float>> sample_rows(const VectorRows& rows, const AllowedPositions& allowed, std::size_t count) {
  if (auto checked = check_rows(rows); !checked) {
    return std::unexpected(checked.error());
  }
  const std::size_t allowed_count = allowed.count(rows.row_count);
  const std::size_t taken = std::min(count, allowed_count);
  std::vector<float> sample(taken * rows.dim);
  std::size_t met = 0;
  std::vector<std::size_t> taken_positions;
  allowed.for_each(rows.row_count, [&](std::size_t position) {
    // The first of every allowed_count / taken.
    if (met++ * taken / allowed_count == taken_positions.size()) {
      taken_positions.push_back(position);
    }
  });
  for (std::size_t i = 0; i < taken_positions.size(); ++i) {
    const std::size_t position = taken_positions[i];
    if (auto verified = verify_rows(rows, position, position + 1); !verified) {
      return std::unexpected(verified.error());
    }
    dequantise_row(rows.type, {rows.row(position), vector_size_bytes(rows.type, rows.dim)},
                   std::span(sample).subspan(i * rows.dim, rows.dim));
  }
  return sample;
}

}  // namespace asterism
