// Where the rows of a reduction start from: the places of a projection that was kept, an array, or what a fitted
// reduction makes of the rows.
//
// Ownership: values. Thread-safety: pure functions over a pool. Cost: one file, and a transform where it is a fitted
// reduction.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "service/analysis_rows.hpp"

namespace asterism::service {

struct StartPlaces {
  std::vector<float> places;  // [row_count, components], NaN for rows that have none
  std::size_t count = 0;      // rows that have one
};

// Of the projection `name` of the collection at `location`, by the ids of the rows. kMismatch for another number of
// components.
Result<StartPlaces> projection_places(const std::string& location, const std::string& name, std::size_t components,
                                      const AnalysisRows& rows);

// Of a file: a reduction that was saved places the rows, an array (.npy, .safetensors, .jsonl) has a row for each of
// the input. The first `components` values of each. kMismatch for fewer values or another number of rows.
Result<StartPlaces> file_places(const std::string& path, std::size_t components, const AnalysisRows& rows,
                                const AnalysisRun& run);

// Only how places lie to each other: small enough that no method takes them for a map to go on from.
void make_shape(StartPlaces& start, std::size_t components);

}  // namespace asterism::service
