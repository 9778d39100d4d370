#include "analysis/neighbor_pass.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <vector>

#include "base/thread_pool.hpp"
#include "kernels/kept_rows.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerStep = 32'768;  // between two looks at the cancel flag
constexpr std::size_t kRowsPerChunk = 64;     // stay in the second cache while queries pass by

// Distances of one chunk of rows to every query.
class ChunkMeasure {
 public:
  ChunkMeasure(const NeighborSpace& queries, std::size_t dim) : queries_(queries) {
    if (queries.metric == Metric::kCosine) {
      units_.resize(kRowsPerChunk * dim);
      is_zero_.resize(kRowsPerChunk);
    }
  }

  // `to(query)`: where distances of that query go, [rows.row_count].
  template <typename To>
  void operator()(const RowsView& rows, const To& to) {
    const bool is_cosine = queries_.metric == Metric::kCosine;
    for (std::size_t r = 0; is_cosine && r < rows.row_count; ++r) {
      is_zero_[r] = !to_unit_length(rows.row(r), std::span(units_).subspan(r * rows.dim, rows.dim));
    }
    const float* const values = is_cosine ? units_.data() : rows.values.data();
    const KeptRows kept{.data = reinterpret_cast<const std::byte*>(values),
                        .stride_bytes = rows.dim * sizeof(float),
                        .dim = rows.dim,
                        .type = VectorType::kF32};
    for (std::size_t q = 0; q < queries_.row_count(); ++q) {
      const std::span<float> distances = to(q);
      kept_squared_distances(kept, queries_.exact.row(q), distances);
      for (std::size_t r = 0; r < distances.size(); ++r) {
        if (!is_cosine) {
          distances[r] = std::sqrt(distances[r]);
        } else {
          distances[r] = queries_.is_zero[q] || is_zero_[r] ? 1.0F : 0.5F * distances[r];
        }
      }
    }
  }

 private:
  const NeighborSpace& queries_;
  std::vector<float> units_;  // [kRowsPerChunk, dim]; empty for Euclidean
  std::vector<bool> is_zero_;
};

void offer_all(std::span<const float> distances, std::size_t first, std::size_t query, NeighborLists& lists) {
  float worst = lists.worst(query);
  for (std::size_t r = 0; r < distances.size(); ++r) {
    if (distances[r] < worst) {
      lists.offer(query, distances[r], static_cast<std::uint32_t>(first + r));
      worst = lists.worst(query);
    }
  }
}

}  // namespace

Result<void> pass_over_rows(const NeighborSpace& queries, const RowsView& rows, NeighborLists& lists,
                            const AnalysisRun& run) {
  if (auto shaped = check_neighbor_rows(rows, queries.metric, 0, 0); !shaped) {
    return shaped;
  }
  std::vector<float> distances(queries.row_count() * std::min(kRowsPerStep, rows.row_count));
  std::atomic<bool> is_bad = false;
  for (std::size_t first = 0; first < rows.row_count; first += kRowsPerStep) {
    if (run.is_cancelled()) {
      return fail(ErrorCode::kCancelled, "neighbours: stopped");
    }
    const std::size_t count = std::min(kRowsPerStep, rows.row_count - first);
    run.pool.parallel_for(count, kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
      if (!check_neighbor_rows(rows, queries.metric, first + begin, first + end)) {
        is_bad = true;
        return;
      }
      ChunkMeasure measure(queries, rows.dim);
      measure({.values = rows.values.subspan((first + begin) * rows.dim, (end - begin) * rows.dim),
               .row_count = end - begin,
               .dim = rows.dim},
              [&](std::size_t q) { return std::span(distances).subspan(q * count + begin, end - begin); });
    });
    if (is_bad) {  // the first bad row, whichever thread met one
      return check_neighbor_rows(rows, queries.metric, first, first + count);
    }
    run.pool.parallel_for(queries.row_count(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t q = begin; q < end; ++q) {
        offer_all(std::span(distances).subspan(q * count, count), first, q, lists);
      }
    });
    if (run.progress) {
      run.progress("neighbors", first + count, rows.row_count);
    }
  }
  return {};
}

}  // namespace asterism
