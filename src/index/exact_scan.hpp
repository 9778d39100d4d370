// Exact nearest neighbours: every allowed row is compared with the query. The oracle of the graph index.
//
// Ties are broken by position, the lower first; rows with NaN are never an answer. The result does not depend on the
// number of threads.
// Thread-safety: pure functions; a ThreadPool is used by one call at a time (null: the calling thread alone).
// Cost: one read of the allowed rows for any number of queries; rows are taken in blocks that stay in cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "index/allowed_positions.hpp"
#include "index/vector_rows.hpp"
#include "kernels/kept_query.hpp"

namespace asterism {

class ThreadPool;

// One answer. `value` is the score of cosine and dot, larger is nearer, or the distance of Euclidean, smaller is
// nearer.
struct Hit {
  std::uint32_t position = 0;
  float value = 0.0F;
  friend bool operator==(const Hit&, const Hit&) = default;
};

// Whether `a` comes before `b`: nearer, or as near and of a lower position.
constexpr bool is_nearer(Metric metric, const Hit& a, const Hit& b) noexcept {
  return a.value == b.value ? a.position < b.position : (a.value > b.value) == larger_is_nearer(metric);
}

struct ScanOptions {
  Metric metric = Metric::kCosine;
  AllowedPositions allowed = {};
  ThreadPool* pool = nullptr;          // borrowed
  const CancelFlag* cancel = nullptr;  // borrowed; asked between blocks: kCancelled
};

// The k nearest rows of each query, best first: queries [query_count, dim] to query_count lists. k may be larger than
// the number of rows. kInvalidArgument for queries of another length or with values that are not finite.
Result<std::vector<std::vector<Hit>>> scan_nearest(const VectorRows& rows, std::span<const float> queries,
                                                   std::size_t query_count, std::size_t k, const ScanOptions& options);
// One query [dim].
Result<std::vector<Hit>> scan_nearest(const VectorRows& rows, std::span<const float> query, std::size_t k,
                                      const ScanOptions& options);

// All rows with a score of at least `bound`, or a distance of at most `bound` (Euclidean), best first; the
// `count_max` nearest where there are more.
Result<std::vector<Hit>> scan_range(const VectorRows& rows, std::span<const float> query, float bound,
                                    std::size_t count_max, const ScanOptions& options);

// The metric between one query and single rows: what the scans compute. Borrows both; rows are not verified.
class RowScorer {
 public:
  RowScorer(const VectorRows& rows, std::span<const float> query, Metric metric);
  float operator()(std::size_t position) const noexcept;

 private:
  const VectorRows& rows_;
  KeptQuery query_;
  Metric metric_;
  float query_square_;
};

}  // namespace asterism
