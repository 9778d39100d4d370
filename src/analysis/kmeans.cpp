#include "analysis/kmeans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "analysis/kmeans_steps.hpp"
#include "analysis/rows_check.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// Of mini-batches, as scikit-learn's MiniBatchKMeans: steps without a better smoothed inertia before the end; means
// with fewer rows than this part of the largest are placed anew; the start looks at so many batches.
constexpr std::size_t kStepsWithoutGainMax = 10;
constexpr double kSmallCountRatio = 0.01;
constexpr std::size_t kStartBatchCount = 3;

constexpr std::string_view kName = "k-means";

// Streams of the seed.
constexpr std::uint64_t kStartStream = 0;
constexpr std::uint64_t kBatchStream = 1'000'000;
constexpr std::uint64_t kPlaceStream = 2'000'000;

double squared_shift(std::span<const float> before, std::span<const float> after) {
  double sum = 0.0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double apart = static_cast<double>(after[i]) - static_cast<double>(before[i]);
    sum += apart * apart;
  }
  return sum;
}

}  // namespace

class KMeansFit {
 public:
  KMeansFit(const RowsView& rows, const KMeansOptions& options, const AnalysisRun& run)
      : rows_(rows), options_(options), run_(run), means_(column_means(rows, run.pool)) {}

  Result<KMeans> fit() {
    const bool batches = options_.method == KMeansOptions::Method::kMiniBatch ||
                         (options_.method == KMeansOptions::Method::kAuto && rows_.row_count >= kMiniBatchRowCountMin);
    const std::size_t start_count =
        options_.initial_centers.empty() ? std::max<std::size_t>(options_.start_count, 1) : 1;
    std::optional<KMeans> best;
    for (std::size_t start = 0; start < start_count; ++start) {
      auto centers = first_centers(start, batches);
      if (!centers) {
        return std::unexpected(std::move(centers.error()));
      }
      auto fitted = batches ? fit_batches(*std::move(centers), start) : fit_lloyd(*std::move(centers));
      if (!fitted) {
        return fitted;
      }
      if (!best || fitted->inertia_ < best->inertia_) {
        best = *std::move(fitted);
      }
    }
    return *std::move(best);
  }

 private:
  Result<std::vector<float>> first_centers(std::size_t start, bool batches) {
    if (!options_.initial_centers.empty()) {
      return std::vector<float>(options_.initial_centers.begin(), options_.initial_centers.end());
    }
    const CounterRandom random(options_.seed, kStartStream + start);
    const std::size_t sample_count =
        std::max(kStartBatchCount * options_.batch_row_count, kStartBatchCount * options_.cluster_count);
    if (!batches || sample_count >= rows_.row_count) {
      return start_centers(rows_, options_.cluster_count, random, run_);
    }
    std::vector<float> sample;
    const RowsView sampled = gather(CounterRandom(options_.seed, kPlaceStream + start), 0, sample_count, sample);
    return start_centers(sampled, options_.cluster_count, random, run_);
  }

  Result<KMeans> fit_lloyd(std::vector<float> centers) {
    KMeans out;
    out.dim_ = rows_.dim;
    out.labels_.resize(rows_.row_count);
    std::vector<std::uint32_t> before;
    const double shift_limit = options_.tolerance * mean_column_variance(rows_, means_, run_.pool);
    bool settled = false;
    for (std::size_t i = 0; i < options_.iteration_count_max && !out.converged_; ++i) {
      if (auto going = expect_not_cancelled(run_, kName); !going) {
        return std::unexpected(std::move(going.error()));
      }
      report(i);
      assign_rows(rows_, centers, means_, out.labels_, run_.pool);
      auto moved = moved_centers(centers, out.labels_);
      const double shift = squared_shift(centers, moved);
      centers = std::move(moved);
      out.iteration_count_ = i + 1;
      settled = out.labels_ == before;
      out.converged_ = settled || shift <= shift_limit;
      before = out.labels_;
    }
    out.centers_ = std::move(centers);
    finish(out, settled);
    return out;
  }

  // Means of the rows of each label; a cluster without rows takes the row that is farthest from its own mean.
  std::vector<float> moved_centers(std::span<const float> centers, std::span<const std::uint32_t> labels) {
    ClusterSums sums = sum_clusters(rows_, labels, options_.cluster_count, run_.pool);
    if (std::ranges::find(sums.counts, std::size_t{0}) != sums.counts.end()) {
      fill_empty(centers, labels, sums);
    }
    std::vector<float> moved(centers.begin(), centers.end());
    for (std::size_t c = 0; c < options_.cluster_count; ++c) {
      for (std::size_t d = 0; sums.counts[c] > 0 && d < rows_.dim; ++d) {
        moved[c * rows_.dim + d] =
            static_cast<float>(sums.sums[c * rows_.dim + d] / static_cast<double>(sums.counts[c]));
      }
    }
    return moved;
  }

  void fill_empty(std::span<const float> centers, std::span<const std::uint32_t> labels, ClusterSums& sums) {
    std::vector<float> distances(rows_.row_count);
    own_distances(rows_, centers, labels, distances, run_.pool);
    std::vector<std::size_t> order(rows_.row_count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::greater<>{}, [&](std::size_t r) { return distances[r]; });
    auto farthest = order.begin();
    for (std::size_t c = 0; c < options_.cluster_count; ++c) {
      if (sums.counts[c] > 0) {
        continue;
      }
      while (farthest != order.end() && sums.counts[labels[*farthest]] < 2) {
        ++farthest;
      }
      if (farthest == order.end() || distances[*farthest] <= 0.0F) {
        return;  // fewer different rows than clusters
      }
      const std::size_t row = *farthest++;
      for (std::size_t d = 0; d < rows_.dim; ++d) {
        const auto value = static_cast<double>(rows_.row(row)[d]);
        sums.sums[labels[row] * rows_.dim + d] -= value;
        sums.sums[c * rows_.dim + d] = value;
      }
      --sums.counts[labels[row]];
      sums.counts[c] = 1;
    }
  }

  Result<KMeans> fit_batches(std::vector<float> centers, std::size_t start) {
    const std::size_t batch_count = std::min(options_.batch_row_count, rows_.row_count);
    const std::size_t step_count_max =
        options_.iteration_count_max * std::max<std::size_t>(rows_.row_count / batch_count, 1);
    const CounterRandom random(options_.seed, kBatchStream + start);
    const double alpha =
        std::min(1.0, 2.0 * static_cast<double>(batch_count) / static_cast<double>(rows_.row_count + 1));
    KMeans out;
    out.dim_ = rows_.dim;
    std::vector<double> counts(options_.cluster_count);
    std::vector<float> batch;
    double smoothed = -1.0;
    double best = std::numeric_limits<double>::infinity();
    std::size_t steps_without_gain = 0;
    for (std::size_t step = 0; step < step_count_max && !out.converged_; ++step) {
      if (auto going = expect_not_cancelled(run_, kName); !going) {
        return std::unexpected(std::move(going.error()));
      }
      report(step * batch_count / rows_.row_count);
      const RowsView view = gather(random, step * batch_count, batch_count, batch);
      const double inertia = batch_step(view, centers, counts) / static_cast<double>(batch_count);
      place_small(view, centers, counts, step * batch_count);
      out.iteration_count_ = step + 1;
      smoothed = smoothed < 0.0 ? inertia : smoothed * (1.0 - alpha) + inertia * alpha;
      steps_without_gain = smoothed < best ? 0 : steps_without_gain + 1;
      best = std::min(best, smoothed);
      out.converged_ = steps_without_gain >= kStepsWithoutGainMax;
    }
    out.centers_ = std::move(centers);
    out.labels_.resize(rows_.row_count);
    finish(out, false);
    return out;
  }

  // Moves each mean towards its rows of the batch, the less the more rows it has seen. Returns the inertia before.
  double batch_step(const RowsView& batch, std::vector<float>& centers, std::vector<double>& counts) {
    std::vector<std::uint32_t> labels(batch.row_count);
    assign_rows(batch, centers, means_, labels, run_.pool);
    std::vector<float> distances(batch.row_count);
    own_distances(batch, centers, labels, distances, run_.pool);
    const ClusterSums sums = sum_clusters(batch, labels, options_.cluster_count, run_.pool);
    for (std::size_t c = 0; c < options_.cluster_count; ++c) {
      if (sums.counts[c] == 0) {
        continue;
      }
      const double seen = counts[c];
      counts[c] += static_cast<double>(sums.counts[c]);
      for (std::size_t d = 0; d < rows_.dim; ++d) {
        float& value = centers[c * rows_.dim + d];
        value = static_cast<float>((static_cast<double>(value) * seen + sums.sums[c * rows_.dim + d]) / counts[c]);
      }
    }
    return ordered_sum(distances);
  }

  // Means that hardly any row came to go to rows of the batch, at first after some batches and then now and again.
  void place_small(const RowsView& batch, std::vector<float>& centers, std::vector<double>& counts,
                   std::uint64_t counter) {
    rows_since_placing_ += batch.row_count;
    if (rows_since_placing_ < 10 * options_.cluster_count) {
      return;
    }
    rows_since_placing_ = 0;
    const double limit = kSmallCountRatio * *std::ranges::max_element(counts);
    double smallest_kept = std::numeric_limits<double>::infinity();
    std::vector<std::size_t> small;
    for (std::size_t c = 0; c < counts.size(); ++c) {
      if (counts[c] < limit && small.size() < batch.row_count / 2) {
        small.push_back(c);
      } else {
        smallest_kept = std::min(smallest_kept, counts[c]);
      }
    }
    const CounterRandom random(options_.seed, kPlaceStream);
    for (std::size_t i = 0; i < small.size(); ++i) {
      const auto row = batch.row(random.below(counter + i, static_cast<std::uint32_t>(batch.row_count)));
      std::ranges::copy(row, centers.begin() + static_cast<std::ptrdiff_t>(small[i] * rows_.dim));
      counts[small[i]] = smallest_kept;
    }
  }

  // `count` rows drawn with replacement, into `buffer`.
  RowsView gather(const CounterRandom& random, std::uint64_t counter, std::size_t count,
                  std::vector<float>& buffer) const {
    buffer.resize(count * rows_.dim);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::size_t>(random.uniform(counter + i) * static_cast<double>(rows_.row_count));
      std::ranges::copy(rows_.row(row), buffer.begin() + static_cast<std::ptrdiff_t>(i * rows_.dim));
    }
    return {.values = buffer, .row_count = count, .dim = rows_.dim};
  }

  // Labels that belong to the final means, and the inertia.
  void finish(KMeans& out, bool labels_are_final) {
    if (!labels_are_final) {
      assign_rows(rows_, out.centers_, means_, out.labels_, run_.pool);
    }
    std::vector<float> distances(rows_.row_count);
    own_distances(rows_, out.centers_, out.labels_, distances, run_.pool);
    out.inertia_ = ordered_sum(distances);
  }

  void report(std::size_t done) const {
    if (run_.progress) {
      run_.progress(kName, done, options_.iteration_count_max);
    }
  }

  const RowsView& rows_;
  const KMeansOptions& options_;
  const AnalysisRun& run_;
  std::vector<float> means_;  // of the columns, [dim]
  std::size_t rows_since_placing_ = 0;
};

Result<KMeans> KMeans::fit(const RowsView& rows, const KMeansOptions& options, const AnalysisRun& run) {
  if (auto checked = expect_finite_rows(rows, kName, run); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (options.cluster_count == 0 || options.cluster_count > rows.row_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("k-means: expected 1 to {} clusters of {} rows, found {}",
                                                         rows.row_count, rows.row_count, options.cluster_count));
  }
  if (options.batch_row_count == 0 || options.iteration_count_max == 0) {
    return fail(ErrorCode::kInvalidArgument, "k-means: expected batches of 1 row or more and 1 iteration or more");
  }
  if (!options.initial_centers.empty() && options.initial_centers.size() != options.cluster_count * rows.dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("k-means: expected {} x {} values to start from, found {}", options.cluster_count, rows.dim,
                            options.initial_centers.size()));
  }
  return KMeansFit(rows, options, run).fit();
}

Result<std::vector<std::uint32_t>> KMeans::predict(const RowsView& rows, const AnalysisRun& run) const {
  if (auto checked = expect_rows_of(dim_, rows, kName, run); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  std::vector<std::uint32_t> labels(rows.row_count);
  const std::vector<float> shift =
      column_means({.values = centers_, .row_count = cluster_count(), .dim = dim_}, run.pool);
  assign_rows(rows, centers_, shift, labels, run.pool);
  return labels;
}

}  // namespace asterism
