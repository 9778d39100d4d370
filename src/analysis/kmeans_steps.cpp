#include "analysis/kmeans_steps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "analysis/rows_check.hpp"
#include "base/thread_pool.hpp"
#include "kernels/distance.hpp"
#include "kernels/kept_rows.hpp"
#include "kernels/linear.hpp"

namespace asterism {
namespace {

// Rows of one turn of a start: a chunk of them stays in the second-level cache while all candidates pass by.
constexpr std::size_t kStartRowCount = 512;
// Columns that one thread sums over all rows: few enough that there is work for all, wide enough for whole cache lines.
constexpr std::size_t kColumnCount = 64;

// Calls visit(column_begin, column_end) for parts of the columns, on all threads.
template <typename Visit>
void for_each_columns(std::size_t dim, ThreadPool& pool, const Visit& visit) {
  pool.parallel_for((dim + kColumnCount - 1) / kColumnCount, 1, [&](std::size_t begin, std::size_t end) {
    visit(begin * kColumnCount, std::min(end * kColumnCount, dim));
  });
}

std::size_t chunk_count(std::size_t row_count) {
  return (row_count + kStartRowCount - 1) / kStartRowCount;
}

// The candidates of one step of a start, and what would be left with each of them.
class StartStep {
 public:
  StartStep(const RowsView& rows, std::size_t candidate_count, ThreadPool& pool)
      : rows_(rows),
        pool_(pool),
        distances_(candidate_count * rows.row_count),
        potentials_(candidate_count * chunk_count(rows.row_count)) {}

  // Of `candidates`, the one that leaves the smallest sum of squared distances; `nearest` [rows] becomes those
  // distances and `chunk_sums` their sums by chunks.
  std::size_t take_best(std::span<const std::size_t> candidates, std::vector<float>& nearest,
                        std::vector<double>& chunk_sums) {
    const std::size_t chunks = chunk_sums.size();
    pool_.parallel_for(chunks, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t chunk = begin; chunk < end; ++chunk) {
        measure(chunk, candidates, nearest);
      }
    });
    std::size_t best = 0;
    double best_sum = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const auto sums = std::span(potentials_).subspan(c * chunks, chunks);
      const double sum = std::accumulate(sums.begin(), sums.end(), 0.0);
      if (sum < best_sum) {
        best = c;
        best_sum = sum;
      }
    }
    const auto distances = std::span(distances_).subspan(best * rows_.row_count, rows_.row_count);
    nearest.assign(distances.begin(), distances.end());
    const auto sums = std::span(potentials_).subspan(best * chunks, chunks);
    chunk_sums.assign(sums.begin(), sums.end());
    return candidates[best];
  }

 private:
  void measure(std::size_t chunk, std::span<const std::size_t> candidates, std::span<const float> nearest) {
    const std::size_t first = chunk * kStartRowCount;
    const std::size_t count = std::min(kStartRowCount, rows_.row_count - first);
    const KeptRows kept{.data = std::as_bytes(rows_.values.subspan(first * rows_.dim)).data(),
                        .stride_bytes = rows_.dim * sizeof(float),
                        .dim = rows_.dim,
                        .type = VectorType::kF32};
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const auto out = std::span(distances_).subspan(c * rows_.row_count + first, count);
      kept_squared_distances(kept, rows_.row(candidates[c]), out);
      double sum = 0.0;
      for (std::size_t i = 0; i < count; ++i) {
        out[i] = std::min(out[i], nearest[first + i]);
        sum += static_cast<double>(out[i]);
      }
      potentials_[c * chunk_count(rows_.row_count) + chunk] = sum;
    }
  }

  const RowsView& rows_;
  ThreadPool& pool_;
  std::vector<float> distances_;    // [candidates, rows]
  std::vector<double> potentials_;  // [candidates, chunks]
};

// The row at which the running sum of `nearest` passes `target`.
std::size_t row_at(double target, std::span<const float> nearest, std::span<const double> chunk_sums) {
  std::size_t chunk = 0;
  while (chunk + 1 < chunk_sums.size() && target >= chunk_sums[chunk]) {
    target -= chunk_sums[chunk++];
  }
  const std::size_t end = std::min((chunk + 1) * kStartRowCount, nearest.size());
  std::size_t last_apart = chunk * kStartRowCount;
  for (std::size_t row = chunk * kStartRowCount; row < end; ++row) {
    if (nearest[row] > 0.0F) {
      last_apart = row;
    }
    target -= static_cast<double>(nearest[row]);
    if (target < 0.0) {
      return row;
    }
  }
  // Rounding carried the target past the end: the last row that is no center yet.
  return last_apart;
}

}  // namespace

void assign_rows(const RowsView& rows, std::span<const float> centers, std::span<const float> shift,
                 std::span<std::uint32_t> labels, ThreadPool& pool) {
  const std::size_t dim = rows.dim;
  const std::size_t cluster_count = centers.size() / dim;
  // |x - c|^2 / 2 = |x|^2 / 2 - (x c - |c|^2 / 2): the nearest mean has the largest x c - |c|^2 / 2.
  std::vector<float> weight(centers.size());
  std::vector<float> bias(cluster_count);
  for (std::size_t c = 0; c < cluster_count; ++c) {
    double square = 0.0;
    for (std::size_t d = 0; d < dim; ++d) {
      const float value = centers[c * dim + d] - shift[d];
      weight[c * dim + d] = value;
      square += static_cast<double>(value) * static_cast<double>(value);
    }
    bias[c] = static_cast<float>(-square / 2.0);
  }
  const LinearPart part{.weight = weight, .bias = bias};
  const LinearWeight packed({&part, 1}, dim);
  pool.parallel_for(rows.row_count, kLinearRowBlock, [&](std::size_t begin, std::size_t end) {
    const std::size_t count = end - begin;
    std::vector<float> shifted(count * dim);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = rows.row(begin + i);
      std::ranges::transform(row, shift, shifted.begin() + static_cast<std::ptrdiff_t>(i * dim), std::minus<>{});
    }
    std::vector<float> scores(count * cluster_count);
    linear({.weight = &packed, .x = shifted.data(), .y = scores.data()},
           LinearBlock{.row_begin = 0, .row_end = count, .panel_begin = 0, .panel_end = packed.panel_count()});
    for (std::size_t i = 0; i < count; ++i) {
      const auto of_row = std::span(scores).subspan(i * cluster_count, cluster_count);
      labels[begin + i] = static_cast<std::uint32_t>(std::ranges::max_element(of_row) - of_row.begin());
    }
  });
}

void own_distances(const RowsView& rows, std::span<const float> centers, std::span<const std::uint32_t> labels,
                   std::span<float> distances, ThreadPool& pool) {
  pool.parallel_for(rows.row_count, kStartRowCount, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const KeptRows own{.data = std::as_bytes(rows.row(r)).data(),
                         .stride_bytes = rows.dim * sizeof(float),
                         .dim = rows.dim,
                         .type = VectorType::kF32};
      kept_squared_distances(own, centers.subspan(labels[r] * rows.dim, rows.dim), distances.subspan(r, 1));
    }
  });
}

double ordered_sum(std::span<const float> values) noexcept {
  double sum = 0.0;
  for (const float value : values) {
    sum += static_cast<double>(value);
  }
  return sum;
}

Result<std::vector<float>> start_centers(const RowsView& rows, std::size_t cluster_count, const CounterRandom& random,
                                         const AnalysisRun& run) {
  const auto candidate_count = 2 + static_cast<std::size_t>(std::log(static_cast<double>(cluster_count)));
  std::uint64_t drawn = 0;
  std::vector<float> nearest(rows.row_count, std::numeric_limits<float>::infinity());
  std::vector<double> chunk_sums(chunk_count(rows.row_count));
  StartStep step(rows, candidate_count, run.pool);
  std::vector<std::size_t> candidates{
      static_cast<std::size_t>(random.uniform(drawn++) * static_cast<double>(rows.row_count))};
  std::vector<float> centers;
  centers.reserve(cluster_count * rows.dim);
  for (std::size_t c = 0; c < cluster_count; ++c) {
    if (auto going = expect_not_cancelled(run, "k-means"); !going) {
      return std::unexpected(std::move(going.error()));
    }
    const auto center = rows.row(step.take_best(candidates, nearest, chunk_sums));
    centers.insert(centers.end(), center.begin(), center.end());
    const double potential = std::accumulate(chunk_sums.begin(), chunk_sums.end(), 0.0);
    candidates.clear();
    for (std::size_t i = 0; i < candidate_count; ++i) {
      candidates.push_back(row_at(random.uniform(drawn++) * potential, nearest, chunk_sums));
    }
  }
  return centers;
}

ClusterSums sum_clusters(const RowsView& rows, std::span<const std::uint32_t> labels, std::size_t cluster_count,
                         ThreadPool& pool) {
  ClusterSums out{.sums = std::vector<double>(cluster_count * rows.dim),
                  .counts = std::vector<std::size_t>(cluster_count)};
  for (const std::uint32_t label : labels) {
    ++out.counts[label];
  }
  // By columns: each sum is one thread's, over the rows in their order.
  for_each_columns(rows.dim, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < labels.size(); ++r) {
      const auto row = rows.row(r);
      double* const sums = out.sums.data() + labels[r] * rows.dim;
      for (std::size_t d = begin; d < end; ++d) {
        sums[d] += static_cast<double>(row[d]);
      }
    }
  });
  return out;
}

std::vector<float> column_means(const RowsView& rows, ThreadPool& pool) {
  std::vector<double> sums(rows.dim);
  for_each_columns(rows.dim, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < rows.row_count; ++r) {
      const auto row = rows.row(r);
      for (std::size_t d = begin; d < end; ++d) {
        sums[d] += static_cast<double>(row[d]);
      }
    }
  });
  std::vector<float> means(rows.dim);
  std::ranges::transform(sums, means.begin(), [&](double sum) {
    return static_cast<float>(sum / static_cast<double>(std::max<std::size_t>(rows.row_count, 1)));
  });
  return means;
}

double mean_column_variance(const RowsView& rows, std::span<const float> means, ThreadPool& pool) {
  std::vector<double> squares(rows.dim);
  for_each_columns(rows.dim, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < rows.row_count; ++r) {
      const auto row = rows.row(r);
      for (std::size_t d = begin; d < end; ++d) {
        const double apart = static_cast<double>(row[d]) - static_cast<double>(means[d]);
        squares[d] += apart * apart;
      }
    }
  });
  const auto count = static_cast<double>(rows.row_count) * static_cast<double>(rows.dim);
  return std::accumulate(squares.begin(), squares.end(), 0.0) / std::max(count, 1.0);
}

}  // namespace asterism
