// Maps of the same rows brought together: one is turned, mirrored and moved so that it lies on the other as well as a
// map that keeps its distances can.
//
// Orthogonal Procrustes without scaling (Schönemann 1966, "A generalized solution of the orthogonal Procrustes
// problem"). Ownership: values. Thread-safety: pure functions. Cost: one pass over the rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace asterism {

// `places` [row_count, component_count] on `reference`, which has the same shape. Rows with a NaN in either say nothing
// of how; those of `places` stay NaN. Fewer than two rows in common: `places` as they are.
std::vector<float> aligned_places(std::span<const float> places, std::span<const float> reference,
                                  std::size_t component_count);

}  // namespace asterism
