#include "analysis/rows_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <mutex>

#include "base/thread_pool.hpp"
#include "kernels/place_forces.hpp"

namespace asterism {
namespace {

// Values looked at in one go: a loop without a branch, which the compiler makes vectors of.
constexpr std::size_t kChunkValues = std::size_t{1} << 16;

// x - x is 0 for a finite x, else NaN; bits of NaN are never 0.
bool all_finite(std::span<const float> values) {
  std::uint32_t bits = 0;
  for (const float value : values) {
    bits |= std::bit_cast<std::uint32_t>(value - value);
  }
  return bits == 0;
}

}  // namespace

Result<void> expect_finite_rows(const RowsView& rows, std::string_view who, const AnalysisRun& run) {
  if (rows.dim == 0 || rows.values.size() / rows.dim < rows.row_count) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected {} rows of {} values (at least one), found {} values", who, rows.row_count,
                            rows.dim, rows.values.size()));
  }
  const std::size_t count = rows.row_count * rows.dim;
  std::mutex mutex;
  std::size_t bad = count;
  run.pool.parallel_for((count + kChunkValues - 1) / kChunkValues, 1, [&](std::size_t chunk, std::size_t chunk_end) {
    for (; chunk < chunk_end; ++chunk) {
      const std::size_t begin = chunk * kChunkValues;
      const auto values = rows.values.subspan(begin, std::min(kChunkValues, count - begin));
      if (!all_finite(values)) {
        const auto first = std::ranges::find_if_not(values, [](float v) { return std::isfinite(v); });
        const std::scoped_lock lock(mutex);
        bad = std::min(bad, begin + static_cast<std::size_t>(first - values.begin()));
      }
    }
  });
  if (bad < count) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: row {} (the first is 0), value {}: expected a finite number, found {}", who,
                            bad / rows.dim, bad % rows.dim, rows.values[bad]),
                "rows that could not be embedded are NaN: leave them out");
  }
  return {};
}

Result<void> expect_rows_of(std::size_t dim, const RowsView& rows, std::string_view who, const AnalysisRun& run) {
  if (rows.dim != dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected rows of {} values, as it was fitted on, found {}", who, dim, rows.dim));
  }
  return expect_finite_rows(rows, who, run);
}

Result<void> expect_rows_to_lay_out(const RowsView& rows, std::size_t component_count, std::span<const float> initial,
                                    std::string_view who, const AnalysisRun& run) {
  if (rows.row_count < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected at least 2 rows, found {}", who, rows.row_count));
  }
  if (component_count < 1 || component_count > kPlaceDimMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected 1 to {} components, found {}", who, kPlaceDimMax, component_count),
                "umap and pca give more");
  }
  if (!initial.empty() && initial.size() != rows.row_count * component_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected {} x {} values to start from, found {}", who,
                                                         rows.row_count, component_count, initial.size()));
  }
  return expect_finite_rows(rows, who, run);
}

Result<void> expect_not_cancelled(const AnalysisRun& run, std::string_view who) {
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, fmt::format("{}: stopped", who));
  }
  return {};
}

}  // namespace asterism
