// The k nearest neighbours of every row among the others: what UMAP, t-SNE, PaCMAP, HDBSCAN and the measures start
// from.
//
// Exact for few rows (blocked products); for many a forest of planes and neighbours of neighbours, as umap-learn has it
// (docs/decisions/0212 says why not src/index: its graph depends on the threads that build it). Repeatable: the same
// rows and options give the same bytes at any thread count. Ownership: values. Cost: exact is rows^2 x dim; approximate
// some rows x 2,500 x dim at the speed of products. Memory: two copies of the rows, rows x (k + 8) x 16 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

struct NeighborGraphOptions {
  std::size_t neighbor_count = 15;  // of each row, without the row itself; fewer than the rows
  Metric metric = Metric::kEuclidean;
  enum class Search : std::uint8_t { kAuto, kExact, kApproximate } search = Search::kAuto;
};

struct NeighborGraph {
  std::size_t row_count = 0;
  std::size_t neighbor_count = 0;
  // [row_count, neighbor_count], nearest first; equal distances in row order; never the row itself.
  std::vector<std::uint32_t> neighbors;
  // [row_count, neighbor_count]: Euclidean distance, or 1 - cosine.
  std::vector<float> distances;
};

// kInvalidArgument where neighbor_count is 0 or not below the rows, or a value is not finite; kUnsupported for kDot.
Result<NeighborGraph> neighbor_graph(const RowsView& rows, const NeighborGraphOptions& options, const AnalysisRun& run);

// The nearest of `rows` to every query, exactly; a row equal to the query counts. What a query finds depends on it
// alone. A few queries cost one pass over the rows (neighbor_pass.hpp). Errors as above.
Result<NeighborGraph> neighbors_among(const RowsView& queries, const RowsView& rows,
                                      const NeighborGraphOptions& options, const AnalysisRun& run);

}  // namespace asterism
