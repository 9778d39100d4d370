// How much of the exact answer an approximate search finds, and the least work that finds enough.
//
// Thread-safety: pure functions. Cost: tune_expansion() scans all rows once for the sample and searches it once for
// each expansion tried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "index/exact_scan.hpp"
#include "index/graph_index.hpp"
#include "index/vector_rows.hpp"

namespace asterism {

// Share of the k exact answers that were found, in [0, 1]. An answer counts when it is as near as the k-th exact one
// within 1e-6 of its value: which of several equal rows is found does not matter (as ann-benchmarks counts). k is the
// smaller of `k` and the number of exact answers; 1 where there are none. Values of both lists are exact ones.
double recall_at_k(std::span<const Hit> exact, std::span<const Hit> approximate, std::size_t k, Metric metric);

struct RecallPoint {
  std::size_t expansion = 0;
  double recall = 0.0;
  double queries_per_second = 0.0;   // one thread
  double distances_per_query = 0.0;  // as the index counts them
};

struct TuneOptions {
  std::size_t k = 10;
  double recall_target = 0.95;
  AllowedPositions allowed = {};  // rows that exist
  ThreadPool* pool = nullptr;
  const CancelFlag* cancel = nullptr;
};

struct TuneResult {
  std::size_t expansion = 0;  // the smallest that met the target, or the largest tried
  bool target_met = false;
  std::size_t query_count = 0;
  std::vector<RecallPoint> curve;  // by expansion
};

// Finds the smallest expansion whose recall on `queries` [query_count, dim] meets the target. Queries that are rows of
// the index find themselves: take them from elsewhere, or ask for k + 1 of them.
Result<TuneResult> tune_expansion(const GraphIndex& index, const VectorRows& rows, std::span<const float> queries,
                                  std::size_t query_count, const TuneOptions& options);

// `count` rows spread evenly over the allowed ones, as floats: queries for tuning where no real ones are there.
Result<std::vector<float>> sample_rows(const VectorRows& rows, const AllowedPositions& allowed, std::size_t count);

}  // namespace asterism
