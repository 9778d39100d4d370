// Places of rows to a file, by its ending.
//
// Thread-safety: pure functions. Cost: one pass over the places.
#pragma once

#include <span>
#include <string>

#include "asterism/error.hpp"
#include "service/analysis_rows.hpp"

namespace asterism::service {

// kInvalidArgument for an ending that is none of .npy, .safetensors, .jsonl and .csv.
Result<void> check_places_path(const std::string& path);

// `places` [row_count, dim] of `rows`; all rows of the input are written, in its order. The file appears whole or not
// at all.
Result<void> write_places(const std::string& path, const AnalysisRows& rows, const std::string& input,
                          std::span<const float> places);

}  // namespace asterism::service
