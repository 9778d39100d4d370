// The exact minimum spanning tree of many rows of few dimensions under mutual reachability (spanning_tree.hpp).
//
// Borůvka's algorithm (1926) over the boxes of a k-d tree, as in March, Ram, Gray 2010, "Fast Euclidean minimum
// spanning tree": every tree of the forest finds its shortest edge to another, all are added, until one tree is left.
// What a row found stays true as trees grow, and bounds what it may find later. Edges of equal length rank by the
// places of their ends, so that the tree does not depend on threads. Thread-safety: runs on the threads of its pool.
// Cost: about rows x log(rows) boxes for up to some ten dimensions in which rows really vary; towards all pairs beyond.
// Memory: the rows again, and some 60 bytes a row.
#pragma once

#include <cstddef>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "analysis/spanning_tree.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Of at least one row, finite; `min_samples` counts the row itself, 1 to rows. row_count - 1 edges. kCancelled.
Result<std::vector<TreeEdge>> spanning_tree_of_boxes(const RowsView& rows, std::size_t min_samples,
                                                     const AnalysisRun& run);

}  // namespace asterism
