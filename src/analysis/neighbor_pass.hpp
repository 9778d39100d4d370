// Nearest rows of a few queries by one pass over the rows as they lie: nothing is laid out first.
//
// For a dozen queries that costs less than the copy which products need (neighbor_scan.hpp). Distances are
// exact_distance()'s, so that both ways find the same to the byte. The same bits at any thread count. Cost: reading the
// rows once, queries x rows x dim differences; memory: 130 kB a query.
#pragma once

#include <cstddef>

#include "analysis/estimator.hpp"
#include "analysis/neighbor_lists.hpp"
#include "analysis/neighbor_space.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

// More queries are faster by products.
inline constexpr std::size_t kPassQueriesMax = 16;

// Offers every row to every query by its distance. `queries`: a space of their own, of the metric that is asked for.
// kInvalidArgument for rows of another shape than they say, or values that a space would refuse; kCancelled.
Result<void> pass_over_rows(const NeighborSpace& queries, const RowsView& rows, NeighborLists& lists,
                            const AnalysisRun& run);

}  // namespace asterism
