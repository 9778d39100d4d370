#include "analysis/neighborhood_scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/correlation.hpp"
#include "analysis/neighbor_keys.hpp"
#include "analysis/neighbor_ranks.hpp"
#include "analysis/row_distances.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kChunk = 8;
constexpr std::uint64_t kTripletStream = 1;

// Rows whose keys are held at a time: so many that laying out the other rows is little work beside, and of many rows so
// few that the keys fit.
constexpr std::size_t kKeyRowsMax = 384;
constexpr std::size_t kKeyRowsMin = 16;
constexpr std::size_t kKeyCountMax = std::size_t{32} << 20U;

// What a rank past the k nearest takes from 1 (Venna, Kaski 2001).
double trust_scale(std::size_t row_count, std::size_t neighbor_count) {
  const auto n = static_cast<double>(row_count);
  const auto k = static_cast<double>(neighbor_count);
  return 2.0 / (k * (2.0 * n - 3.0 * k - 1.0));
}

// By how many ranks the other space's nearest lie past the k nearest of this one.
double excess(std::span<const std::size_t> their_ranks, std::size_t neighbor_count) {
  double sum = 0.0;
  for (const std::size_t rank : their_ranks) {
    sum += rank > neighbor_count ? static_cast<double>(rank - neighbor_count) : 0.0;
  }
  return sum;
}

// How one row sees all others in one space.
struct View {
  std::vector<double> distances;         // [rows]; infinite to itself, so that it comes last
  std::vector<std::uint32_t> nearest;    // [k], in order
  std::vector<std::size_t> their_ranks;  // [k]: of the other space's nearest in this one, from 1

  bool before(std::uint32_t i, std::uint32_t j) const {
    return distances[i] != distances[j] ? distances[i] < distances[j] : i < j;
  }
};

void find_nearest(View& view, std::size_t k, std::vector<std::uint32_t>& scratch) {
  const auto before = [&](std::uint32_t i, std::uint32_t j) { return view.before(i, j); };
  const auto middle = scratch.begin() + static_cast<std::ptrdiff_t>(k);
  std::iota(scratch.begin(), scratch.end(), 0U);
  std::nth_element(scratch.begin(), middle, scratch.end(), before);
  view.nearest.assign(scratch.begin(), middle);
  std::ranges::sort(view.nearest, before);
}

// The rank of each of `rows`: one more than the rows before it, counted in one pass.
void rank_rows(View& view, std::span<const std::uint32_t> rows) {
  const std::size_t k = rows.size();
  std::vector<std::uint32_t> sorted(rows.begin(), rows.end());
  const auto before = [&](std::uint32_t i, std::uint32_t j) { return view.before(i, j); };
  std::ranges::sort(sorted, before);
  std::vector<std::size_t> counts(k + 1);
  for (std::uint32_t i = 0; i < view.distances.size(); ++i) {
    if (view.distances[i] <= view.distances[sorted.back()]) {
      const auto at = std::upper_bound(sorted.begin(), sorted.end(), i, before);
      ++counts[static_cast<std::size_t>(at - sorted.begin())];
    }
  }
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  view.their_ranks.resize(k);
  for (std::size_t j = 0; j < k; ++j) {
    const auto place = std::lower_bound(sorted.begin(), sorted.end(), rows[j], before) - sorted.begin();
    view.their_ranks[j] = counts[static_cast<std::size_t>(place)] + 1;
  }
}

class Scorer {
 public:
  Scorer(const RowDistances& a, const RowDistances& b, std::span<const std::int32_t> labels,
         const NeighborhoodOptions& options)
      : a_(a), b_(b), labels_(labels), options_(options), row_count_(a.row_count()) {
    const auto n = static_cast<double>(row_count_);
    trust_scale_ = trust_scale(row_count_, options.neighbor_count);
    for (std::size_t i = 1; i <= options.neighbor_count; ++i) {
      mrre_scale_ += std::abs(n - 2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(i);
    }
  }

  // Of out.rows[begin, end).
  void score(std::size_t begin, std::size_t end, NeighborhoodScores& out, const CancelFlag* cancel) const {
    View in_a{.distances = std::vector<double>(row_count_), .nearest = {}, .their_ranks = {}};
    View in_b{.distances = std::vector<double>(row_count_), .nearest = {}, .their_ranks = {}};
    std::vector<std::uint32_t> scratch(row_count_);
    for (std::size_t i = begin; i < end && !(cancel != nullptr && cancel->requested()); ++i) {
      const std::uint32_t row = out.rows[i];
      a_.from(row, in_a.distances);
      b_.from(row, in_b.distances);
      out.distance_rank_correlation[i] = distance_rank_correlation(row, in_a, in_b);
      out.triplet_accuracy[i] = triplet_accuracy(row, in_a, in_b);
      in_a.distances[row] = std::numeric_limits<double>::infinity();
      in_b.distances[row] = std::numeric_limits<double>::infinity();
      find_nearest(in_a, options_.neighbor_count, scratch);
      find_nearest(in_b, options_.neighbor_count, scratch);
      rank_rows(in_a, in_b.nearest);
      rank_rows(in_b, in_a.nearest);
      out.overlap[i] = overlap(in_a);
      out.trustworthiness[i] = 1.0 - trust_scale_ * excess(in_a.their_ranks, options_.neighbor_count);
      out.continuity[i] = 1.0 - trust_scale_ * excess(in_b.their_ranks, options_.neighbor_count);
      out.mrre_false[i] = relative_rank_error(in_a);
      out.mrre_missing[i] = relative_rank_error(in_b);
      if (!labels_.empty()) {
        out.label_agreement_a[i] = label_agreement(row, in_a);
        out.label_agreement_b[i] = label_agreement(row, in_b);
      }
    }
  }

 private:
  double overlap(const View& view) const {
    const auto kept = std::ranges::count_if(view.their_ranks, [&](auto r) { return r <= options_.neighbor_count; });
    return static_cast<double>(kept) / static_cast<double>(options_.neighbor_count);
  }

  double relative_rank_error(const View& view) const {
    double sum = 0.0;
    for (std::size_t j = 0; j < view.their_ranks.size(); ++j) {
      const auto here = static_cast<double>(view.their_ranks[j]);
      sum += std::abs(here - static_cast<double>(j + 1)) / here;
    }
    return sum / mrre_scale_;
  }

  double label_agreement(std::uint32_t row, const View& view) const {
    if (labels_[row] < 0) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    const auto same = std::ranges::count_if(view.nearest, [&](auto other) { return labels_[other] == labels_[row]; });
    return static_cast<double>(same) / static_cast<double>(options_.neighbor_count);
  }

  double distance_rank_correlation(std::uint32_t row, const View& in_a, const View& in_b) const {
    const auto without = [&](const std::vector<double>& distances) {
      std::vector<double> out;
      out.reserve(distances.size() - 1);
      out.insert(out.end(), distances.begin(), distances.begin() + row);
      out.insert(out.end(), distances.begin() + row + 1, distances.end());
      return out;
    };
    return spearman_correlation(without(in_a.distances), without(in_b.distances));
  }

  // Equal distances in one space agree with equal ones in the other alone.
  double triplet_accuracy(std::uint32_t row, const View& in_a, const View& in_b) const {
    const CounterRandom random(options_.seed, kTripletStream);
    const auto others = static_cast<std::uint32_t>(row_count_ - 1);
    std::size_t agreed = 0;
    for (std::size_t t = 0; t < options_.triplet_count; ++t) {
      const std::uint64_t counter = 2 * (row * options_.triplet_count + t);
      std::uint32_t first = random.below(counter, others);
      std::uint32_t second = random.below(counter + 1, others - 1);
      second += second >= first ? 1U : 0U;
      first += first >= row ? 1U : 0U;
      second += second >= row ? 1U : 0U;
      agreed += (in_a.distances[first] <=> in_a.distances[second]) == (in_b.distances[first] <=> in_b.distances[second])
                    ? 1U
                    : 0U;
    }
    return static_cast<double>(agreed) / static_cast<double>(options_.triplet_count);
  }

  const RowDistances& a_;
  const RowDistances& b_;
  std::span<const std::int32_t> labels_;
  const NeighborhoodOptions& options_;
  std::size_t row_count_;
  double trust_scale_ = 0.0;
  double mrre_scale_ = 0.0;
};

Result<void> check(const RowsView& a, const RowsView& b, std::span<const std::int32_t> labels,
                   const NeighborhoodOptions& options) {
  if (a.row_count != b.row_count || (!labels.empty() && labels.size() != a.row_count)) {
    return fail(ErrorCode::kMismatch,
                fmt::format("neighbors: expected the same rows in both, found {} and {} rows{}", a.row_count,
                            b.row_count, labels.empty() ? "" : fmt::format(" and {} labels", labels.size())));
  }
  if (options.neighbor_count == 0 || 2 * options.neighbor_count >= a.row_count) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("neighbors: expected k of at least 1 and less than half of the {} rows, found {}",
                            a.row_count, options.neighbor_count),
                "give a smaller k, or more rows");
  }
  if (options.triplet_count == 0 || options.query_row_count_max == 0) {
    return fail(ErrorCode::kInvalidArgument, "neighbors: expected at least 1 triplet and 1 row to ask, found 0");
  }
  return {};
}

void make_room(NeighborhoodScores& out, bool labelled) {
  for (auto* const column : {&out.overlap, &out.trustworthiness, &out.continuity, &out.mrre_false, &out.mrre_missing,
                             &out.distance_rank_correlation, &out.triplet_accuracy}) {
    column->resize(out.rows.size());
  }
  if (labelled) {
    out.label_agreement_a.resize(out.rows.size());
    out.label_agreement_b.resize(out.rows.size());
  }
}

}  // namespace

Result<NeighborhoodScores> neighborhood_scores(const RowsView& a, const RowsView& b,
                                               std::span<const std::int32_t> labels, const NeighborhoodOptions& options,
                                               const AnalysisRun& run) {
  if (auto checked = check(a, b, labels, options); !checked) {
    return std::unexpected(checked.error());
  }
  const auto in_a = RowDistances::make(a, options.metric_a, "first vectors");
  if (!in_a) {
    return std::unexpected(in_a.error());
  }
  const auto in_b = RowDistances::make(b, options.metric_b, "second vectors");
  if (!in_b) {
    return std::unexpected(in_b.error());
  }
  NeighborhoodScores out;
  out.rows = sample_rows(a.row_count, options.query_row_count_max, options.seed);
  make_room(out, !labels.empty());
  const Scorer scorer(*in_a, *in_b, labels, options);
  // In slices, so that the caller's thread can say how far it is.
  const std::size_t slice = kChunk * run.pool.thread_count() * 4;
  for (std::size_t begin = 0; begin < out.rows.size(); begin += slice) {
    const std::size_t count = std::min(slice, out.rows.size() - begin);
    run.pool.parallel_for(count, kChunk, [&](std::size_t first, std::size_t last) {
      scorer.score(begin + first, begin + last, out, run.cancel);
    });
    if (run.is_cancelled()) {
      return fail(ErrorCode::kCancelled, "stopped");
    }
    if (run.progress) {
      run.progress("neighbors", begin + count, out.rows.size());
    }
  }
  return out;
}

Result<NeighborhoodTrust> neighborhood_trust(const RowsView& a, const RowsView& b, const NeighborhoodOptions& options,
                                             const AnalysisRun& run) {
  if (auto checked = check(a, b, {}, options); !checked) {
    return std::unexpected(checked.error());
  }
  const auto in_a = NeighborRanks::make(a, options.metric_a, "first vectors", run.pool);
  if (!in_a) {
    return std::unexpected(in_a.error());
  }
  const auto in_b = NeighborRanks::make(b, options.metric_b, "second vectors", run.pool);
  if (!in_b) {
    return std::unexpected(in_b.error());
  }
  NeighborhoodTrust out;
  out.rows = sample_rows(a.row_count, options.query_row_count_max, options.seed);
  out.trustworthiness.resize(out.rows.size());
  out.continuity.resize(out.rows.size());
  const std::size_t n = a.row_count;
  const std::size_t k = options.neighbor_count;
  const double scale = trust_scale(n, k);
  const std::size_t step = std::clamp(kKeyCountMax / n, kKeyRowsMin, kKeyRowsMax);
  std::vector<float> keys_a(std::min(step, out.rows.size()) * n);
  std::vector<float> keys_b(keys_a.size());
  for (std::size_t begin = 0; begin < out.rows.size(); begin += step) {
    if (run.is_cancelled()) {
      return fail(ErrorCode::kCancelled, "stopped");
    }
    const auto asked = std::span(out.rows).subspan(begin, std::min(step, out.rows.size() - begin));
    neighbor_keys(in_a->space(), asked, keys_a, run.pool);
    neighbor_keys(in_b->space(), asked, keys_b, run.pool);
    run.pool.parallel_for(asked.size(), 1, [&](std::size_t q, std::size_t end) {
      for (; q < end; ++q) {
        const auto from_a = std::span(keys_a).subspan(q * n, n);
        const auto from_b = std::span(keys_b).subspan(q * n, n);
        const auto near_a = in_a->nearest(asked[q], from_a, k);
        const auto near_b = in_b->nearest(asked[q], from_b, k);
        out.trustworthiness[begin + q] = 1.0 - scale * excess(in_a->ranks(asked[q], from_a, near_b), k);
        out.continuity[begin + q] = 1.0 - scale * excess(in_b->ranks(asked[q], from_b, near_a), k);
      }
    });
    if (run.progress) {
      run.progress("neighbors", begin + asked.size(), out.rows.size());
    }
  }
  return out;
}

}  // namespace asterism
