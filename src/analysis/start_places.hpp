// Where rows start before t-SNE or PaCMAP moves them: principal components, or places that were given.
//
// Ownership: values. Thread-safety: pure functions over a pool. Repeatable for a seed, at any thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

// [row_count, component_count]: the first principal components, scaled to a deviation of `deviation` along the first,
// with 1 % of that as noise, so that equal rows can part. Components that the rows do not have are noise alone.
Result<std::vector<float>> principal_places(const RowsView& rows, std::size_t component_count, double deviation,
                                            std::uint64_t seed, const AnalysisRun& run);

// What places given to start from say: nothing (NaN all over), where the rows stand in a map to go on from (their
// deviation along the first component is above 1, the width of the kernels), or how they lie to each other.
enum class GivenPlaces : std::uint8_t { kNone, kMap, kShape };
GivenPlaces kind_of_places(std::span<const float> places, std::size_t component_count);

// [row_count, component_count] to [component_count, row_count]; back with the counts swapped.
std::vector<float> by_component(std::span<const float> values, std::size_t row_count, std::size_t component_count);

}  // namespace asterism
