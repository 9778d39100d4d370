#include "index/exact_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <mutex>
#include <utility>

#include "base/first_error.hpp"
#include "base/thread_pool.hpp"
#include "kernels/distance.hpp"
#include "kernels/topk.hpp"

namespace asterism {
namespace {

// Rows compared with all queries before the next ones are read: they stay in the second-level cache.
constexpr std::size_t kBlockBytes = 128 * 1024;
constexpr std::size_t kBlockRowsMax = 2048;
// Parts that a thread takes, so that all end at about the same time.
constexpr std::size_t kPartsPerThread = 8;
// Fewer bytes than these are not worth waking threads for.
constexpr std::size_t kBytesPerPartMin = 1024 * 1024;

struct Problem {
  const VectorRows& rows;
  std::vector<KeptQuery> queries;
  std::vector<float> query_squares;
  const ScanOptions& options;

  std::size_t query_count() const noexcept { return queries.size(); }
};

// Nearness is what is compared: larger is nearer. The score, or the negative squared distance.
float value_of(Metric metric, float nearness) noexcept {
  return metric == Metric::kEuclidean ? std::sqrt(std::max(0.0F, -nearness)) : nearness;
}

float nearness_of(Metric metric, float value) noexcept {
  return metric == Metric::kEuclidean ? -(value * value) : value;
}

// The nearness of every query to rows [begin, begin + count); `take(query, row, nearness)`.
template <typename Take>
class BlockScorer {
 public:
  BlockScorer(const Problem& problem, Take take) : problem_(problem), take_(std::move(take)) {}

  void score(std::size_t begin, std::size_t count) {
    const VectorRows& rows = problem_.rows;
    const KeptRows block{
        .data = rows.row(begin), .stride_bytes = rows.stride_bytes, .dim = rows.dim, .type = rows.type};
    nearness_.resize(std::max(nearness_.size(), count));
    const auto values = std::span(nearness_).first(count);
    std::span<float> squares;
    if (problem_.options.metric == Metric::kCosine) {
      squares_.resize(std::max(squares_.size(), count));
      squares = std::span(squares_).first(count);
    }
    for (std::size_t q = 0; q < problem_.query_count(); ++q) {
      const KeptQuery& query = problem_.queries[q];
      if (problem_.options.metric == Metric::kEuclidean) {
        query.squared_distances(block, values);
        std::ranges::transform(values, values.begin(), std::negate<>{});
      } else {
        // The squares are those of the rows: once is enough.
        query.dots(block, values, q == 0 ? squares : std::span<float>{});
      }
      for (std::size_t i = 0; i < count; ++i) {
        const float nearness =
            squares.empty() ? values[i] : cosine_from_products(values[i], squares[i], problem_.query_squares[q]);
        take_(q, begin + i, nearness);
      }
    }
  }

 private:
  const Problem& problem_;
  Take take_;
  std::vector<float> nearness_;
  std::vector<float> squares_;
};

// How many units there are to divide among threads: rows, or entries of the list.
std::size_t unit_count(const VectorRows& rows, const AllowedPositions& allowed) {
  return allowed.kind() == AllowedPositions::Kind::kList ? allowed.count(rows.row_count) : rows.row_count;
}

// Calls visit(begin, count) for every run of allowed rows among units [begin, end), at most `run_max` rows long, until
// it fails.
template <typename Visit>
Result<void> for_each_run(const AllowedPositions& allowed, std::size_t begin, std::size_t end, std::size_t run_max,
                          Visit visit) {
  const auto position_of = [&](std::size_t unit) {
    return allowed.kind() == AllowedPositions::Kind::kList ? std::size_t{allowed.positions()[unit]} : unit;
  };
  std::size_t unit = begin;
  while (unit < end) {
    if (allowed.kind() == AllowedPositions::Kind::kBitmap) {
      const std::size_t word = unit / 64;
      const std::uint64_t bits = word < allowed.words().size() ? allowed.words()[word] >> (unit % 64) : 0;
      if (bits == 0) {
        unit = (word + 1) * 64;
        continue;
      }
      unit += static_cast<std::size_t>(std::countr_zero(bits));
    }
    if (unit >= end) {
      break;
    }
    const std::size_t first = position_of(unit);
    std::size_t count = 1;
    while (count < run_max && unit + count < end && position_of(unit + count) == first + count &&
           (allowed.kind() != AllowedPositions::Kind::kBitmap || allowed.contains(first + count))) {
      ++count;
    }
    if (auto visited = visit(first, count); !visited) {
      return visited;
    }
    unit += count;
  }
  return {};
}

Result<Problem> make_problem(const VectorRows& rows, std::span<const float> queries, std::size_t query_count,
                             const ScanOptions& options) {
  if (auto checked = check_rows(rows); !checked) {
    return std::unexpected(checked.error());
  }
  if (queries.size() != query_count * rows.dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("exact scan: expected {} queries of {} values, as the rows have, found {} values",
                            query_count, rows.dim, queries.size()));
  }
  const auto wrong = std::ranges::find_if_not(queries, [](float value) { return std::isfinite(value); });
  if (wrong != queries.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("query: expected finite values, found {} at component {}", *wrong,
                            static_cast<std::size_t>(wrong - queries.begin()) % rows.dim));
  }
  Problem problem{.rows = rows, .queries = {}, .query_squares = {}, .options = options};
  problem.queries.reserve(query_count);
  problem.query_squares.reserve(query_count);
  for (std::size_t q = 0; q < query_count; ++q) {
    const auto query = queries.subspan(q * rows.dim, rows.dim);
    problem.queries.emplace_back(query, rows.type);
    problem.query_squares.push_back(dot_product(query, query));
  }
  return problem;
}

// Scores all allowed rows on the threads of the pool. Each part has a `State` of its own, made by `start` and merged
// under a lock by `finish`; `take(state, query, row, nearness)`.
template <typename State, typename Start, typename Take, typename Finish>
Result<void> scan_parts(const Problem& problem, Start start, Take take, Finish finish) {
  const AllowedPositions& allowed = problem.options.allowed;
  const std::size_t units = unit_count(problem.rows, allowed);
  const std::size_t stride = std::max<std::size_t>(1, problem.rows.stride_bytes);
  const std::size_t run_max = std::clamp<std::size_t>(kBlockBytes / stride, 1, kBlockRowsMax);
  const std::size_t thread_count = problem.options.pool == nullptr ? 1 : problem.options.pool->thread_count();
  const std::size_t wanted = thread_count == 1 ? 1 : thread_count * kPartsPerThread;
  const std::size_t smallest = std::max<std::size_t>(1, kBytesPerPartMin / stride);
  // Multiples of a word, so that no two parts share one.
  const std::size_t part = (std::max(smallest, (units + wanted - 1) / wanted) + 63) / 64 * 64;
  FirstError error;
  std::mutex merging;
  const auto scan_part = [&](std::size_t begin, std::size_t end) {
    if (error.is_set()) {
      return;
    }
    State state = start();
    BlockScorer scorer(problem, [&](std::size_t q, std::size_t row, float nearness) { take(state, q, row, nearness); });
    auto scanned =
        for_each_run(allowed, begin, end, run_max, [&](std::size_t first, std::size_t count) -> Result<void> {
          if (problem.options.cancel != nullptr && problem.options.cancel->requested()) {
            return fail(ErrorCode::kCancelled, "exact scan: stopped");
          }
          if (auto verified = verify_rows(problem.rows, first, first + count); !verified) {
            return verified;
          }
          scorer.score(first, count);
          return {};
        });
    if (!scanned) {
      error.set(std::move(scanned.error()));
      return;
    }
    const std::scoped_lock lock(merging);
    finish(state);
  };
  if (thread_count == 1 || units <= part) {
    for (std::size_t begin = 0; begin < units; begin += part) {
      scan_part(begin, std::min(units, begin + part));
    }
  } else {
    problem.options.pool->parallel_for(units, part, scan_part);
  }
  if (auto first = error.take()) {
    return std::unexpected(std::move(*first));
  }
  return {};
}

std::vector<Hit> to_hits(std::span<const ScoredIndex> best, Metric metric) {
  std::vector<Hit> hits;
  hits.reserve(best.size());
  for (const ScoredIndex& entry : best) {
    hits.push_back({.position = static_cast<std::uint32_t>(entry.index), .value = value_of(metric, entry.score)});
  }
  // Distances whose squares differ may be equal after the root.
  std::ranges::sort(hits, [metric](const Hit& a, const Hit& b) { return is_nearer(metric, a, b); });
  return hits;
}

}  // namespace

Result<std::vector<std::vector<Hit>>> scan_nearest(const VectorRows& rows, std::span<const float> queries,
                                                   std::size_t query_count, std::size_t k, const ScanOptions& options) {
  const auto problem = make_problem(rows, queries, query_count, options);
  if (!problem) {
    return std::unexpected(problem.error());
  }
  const std::size_t kept = std::min(k, options.allowed.count(rows.row_count));
  using State = std::vector<TopK>;
  State best(query_count, TopK(kept));
  auto scanned = scan_parts<State>(
      *problem, [&] { return State(query_count, TopK(kept)); },
      [](State& state, std::size_t q, std::size_t row, float nearness) { state[q].offer(row, nearness); },
      [&](State& state) {
        for (std::size_t q = 0; q < query_count; ++q) {
          for (const ScoredIndex& entry : state[q].take()) {
            best[q].offer(entry.index, entry.score);
          }
        }
      });
  if (!scanned) {
    return std::unexpected(scanned.error());
  }
  std::vector<std::vector<Hit>> answers;
  answers.reserve(query_count);
  for (TopK& top : best) {
    answers.push_back(to_hits(top.take(), options.metric));
  }
  return answers;
}

Result<std::vector<Hit>> scan_nearest(const VectorRows& rows, std::span<const float> query, std::size_t k,
                                      const ScanOptions& options) {
  auto answers = scan_nearest(rows, query, 1, k, options);
  if (!answers) {
    return std::unexpected(answers.error());
  }
  return std::move(answers->front());
}

Result<std::vector<Hit>> scan_range(const VectorRows& rows, std::span<const float> query, float bound,
                                    std::size_t count_max, const ScanOptions& options) {
  const auto problem = make_problem(rows, query, 1, options);
  if (!problem) {
    return std::unexpected(problem.error());
  }
  if (std::isnan(bound) || (options.metric == Metric::kEuclidean && bound < 0.0F)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("range search: expected a {}, found {}",
                            options.metric == Metric::kEuclidean ? "distance of at least 0" : "score", bound));
  }
  const float nearness_min = nearness_of(options.metric, bound);
  using State = std::vector<ScoredIndex>;
  State found;
  auto scanned = scan_parts<State>(
      *problem, [] { return State{}; },
      [&](State& state, std::size_t, std::size_t row, float nearness) {
        if (nearness >= nearness_min) {
          state.push_back({.index = row, .score = nearness});
        }
      },
      [&](State& state) { found.insert(found.end(), state.begin(), state.end()); });
  if (!scanned) {
    return std::unexpected(scanned.error());
  }
  std::vector<Hit> hits = to_hits(found, options.metric);
  hits.resize(std::min(hits.size(), count_max));
  return hits;
}

RowScorer::RowScorer(const VectorRows& rows, std::span<const float> query, Metric metric)
    : rows_(rows), query_(query, rows.type), metric_(metric), query_square_(dot_product(query, query)) {}

float RowScorer::operator()(std::size_t position) const noexcept {
  const KeptRows row{
      .data = rows_.row(position), .stride_bytes = rows_.stride_bytes, .dim = rows_.dim, .type = rows_.type};
  float value = 0.0F;
  float square = 0.0F;
  if (metric_ == Metric::kEuclidean) {
    query_.squared_distances(row, {&value, 1});
    return std::sqrt(value);
  }
  query_.dots(row, {&value, 1}, metric_ == Metric::kCosine ? std::span(&square, 1) : std::span<float>{});
  return metric_ == Metric::kCosine ? cosine_from_products(value, square, query_square_) : value;
}

}  // namespace asterism
