// Where rows start before a layout (UMAP, t-SNE, PaCMAP) moves them: principal components, or places that were given,
// and how far the rows of a map that grows may move.
//
// Ownership: values. Thread-safety: pure functions over a pool. Repeatable for a seed, at any thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "analysis/sparse_graph.hpp"
#include "asterism/error.hpp"

namespace asterism {

// [row_count, component_count]: the first principal components, scaled to a deviation of `deviation` along the first,
// with 1 % of that as noise, so that equal rows can part. Components that the rows do not have are noise alone.
Result<std::vector<float>> principal_places(const RowsView& rows, std::size_t component_count, double deviation,
                                            std::uint64_t seed, const AnalysisRun& run);

// What places given to start from say: nothing (NaN all over), where the rows stand in a map to go on from (their
// deviation along the widest component is above 1, the width of the kernels), or how they lie to each other, whatever
// their scale: a method takes them as wide as its own start.
enum class GivenPlaces : std::uint8_t { kNone, kMap, kShape };
GivenPlaces kind_of_places(std::span<const float> places, std::size_t component_count);

// Scales places that are known so that the widest component has this deviation; places that are all alike stay.
void scale_places(std::span<float> places, std::size_t component_count, double deviation);

// [row_count, component_count]: places that are known stay; a row with a NaN goes to the mean of its neighbours in
// `graph` by weight, first those that see known rows, then those that see these. A piece of the graph in which no row
// is known starts at a known place drawn at random. `places` as `initial` of FitRequest, of which one at least is
// known. Cost: two passes over the edges.
std::vector<float> completed_places(const SparseGraph& graph, std::span<const float> places,
                                    std::size_t component_count, std::uint64_t seed);

// Which part of each step a row that was there takes in a map that goes on: rows that are added find room, and what was
// there moves by 1 to 4 % of the map (median, a fifth of new rows: bench/maps/grown.py).
inline constexpr float kKnownStepShare = 0.03F;
// [row_count]: kKnownStepShare where the place is known, 1 where the row is new.
std::vector<float> step_shares(std::span<const float> places, std::size_t component_count);

// [row_count, component_count] to [component_count, row_count]; back with the counts swapped.
std::vector<float> by_component(std::span<const float> values, std::size_t row_count, std::size_t component_count);

}  // namespace asterism
