// Use case: fit a reduction to vectors, or apply one that was fitted, and keep what comes out.
//
// Inputs are those of analysis_rows.hpp. Places go to a file, by its ending: .npy and .safetensors (rows of the input
// without a vector are NaN), .jsonl (null) or .csv (left empty). Those of a collection are kept beside it too
// (projection_file.hpp). Whatever is written appears whole or not at all. Thread-safety: any thread. Cost: that of the
// method, after one pass over the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "service/analysis_rows.hpp"

namespace asterism::service {

inline constexpr std::string_view kDefaultReduction = "umap";

struct ReduceRequest {
  AnalysisRowsRequest rows;                // `columns` is set from `labels` and `targets`
  std::string method = {};                 // of estimators.hpp; empty = that of `apply`, or kDefaultReduction
  std::optional<std::size_t> dim = {};     // of the places; nothing = the method's own
  std::optional<std::uint64_t> seed = {};  // likewise
  std::vector<std::pair<std::string, std::string>> settings = {};  // options by name, as text
  // A .npy file of whole numbers (negative: no label), a file of lines (empty: no label), or a column.
  std::string labels = {};
  // Numbers to learn from instead: a .npy file, a file of lines (empty: none), or a column.
  std::string targets = {};
  std::string apply = {};  // a file of `save`: places rows by it, and fits nothing
  std::string output = {};
  std::string save = {};  // where the fitted estimator goes
  std::string name = {};  // of the projection that is kept; empty = the method
  bool keep = true;       // beside the collection, where the input is one
  // A saved reduction or an array of places, from whose shape rows start; with `warm_start` a map to go on from.
  std::string start = {};
  bool warm_start = false;  // goes on from `start`, else from the places of the projection of that name
  std::size_t thread_count = 0;
  const CancelFlag* cancel = nullptr;  // borrowed; may be null
  ProgressSink progress = {};
};

struct ReduceResponse {
  std::string method;
  Json options;
  std::size_t row_count = 0;
  std::size_t left_out_count = 0;  // rows of the input without a vector
  std::size_t input_dim = 0;
  std::size_t dim = 0;
  std::size_t labelled_count = 0;            // rows that were learnt from with a label or number
  std::size_t warm_count = 0;                // rows that started from a former or given place
  std::optional<double> explained_variance;  // the part of it that is kept, where the method knows
  std::vector<std::string> notes;            // settings that so few rows cannot have, and what was taken instead
  std::string projection;                    // name of the one that was kept; empty = none was
  double seconds = 0.0;                      // of fit or transform, without reading and writing
};

// kInvalidArgument where nothing would be kept of what is computed, or options contradict each other.
Result<ReduceResponse> reduce(const ReduceRequest& request);

}  // namespace asterism::service
