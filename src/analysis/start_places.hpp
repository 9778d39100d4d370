// Where rows start before a method moves them: principal components, or places that were given.
//
// Ownership: values. Thread-safety: pure functions. Repeatable for a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

// [row_count, component_count]: the first principal components, scaled to a deviation of `deviation` along the first,
// with 1 % of that as noise, so that equal rows can part. Components that the rows do not have are noise alone.
Result<std::vector<float>> principal_places(const RowsView& rows, std::size_t component_count, double deviation,
                                            std::uint64_t seed);

// Fills up given places: a row with NaN starts amid those of its nearest neighbours that have one (their median), or
// amid all where none has. kInvalidArgument where no row has a place or one is infinite.
Result<void> complete_places(const NeighborGraph& graph, std::size_t component_count, std::span<float> places);

}  // namespace asterism
