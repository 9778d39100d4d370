// One row of the table of methods (estimators.hpp): what a reduction is called, what it can be told, how it is fitted
// and read from a file.
//
// A method adds itself with a function that gives its row, declared in its own header (linear_methods.hpp), and one
// line in estimators.cpp. Ownership: values; names and texts point to literals. Thread-safety: as values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"

namespace asterism {

enum class OptionKind : std::uint8_t { kFlag, kCount, kNumber, kWord };

// One thing that a method can be told. The default is also what says nothing: an option always has a value.
struct EstimatorOption {
  std::string_view name;  // "neighbors"
  OptionKind kind = OptionKind::kNumber;
  Json default_value;
  std::string_view text;  // for --help: one line, without the default
  // Of counts and numbers, both ends allowed.
  double min = 0.0;
  double max = std::numeric_limits<double>::infinity();
  std::vector<std::string_view> words = {};  // of kWord: what may be said
};

// A row without a label: it is not learnt from and is placed like any other.
inline constexpr std::int32_t kNoLabel = -1;

// What a fit is given. The table has checked it: values are finite, labels are as many as rows or none, options are all
// there and within their ranges.
struct FitRequest {
  RowsView rows;
  std::span<const std::int32_t> labels = {};  // [row_count], classes from 0 on or kNoLabel; empty: none were given
  std::span<const float> targets = {};        // [row_count], numbers or NaN; empty: none were given
  Json options = {};                          // every option of the method by name, "components" among them
  std::span<const float> initial = {};  // [row_count, components] places to start from, NaN where unknown; or none
};

struct FittedEstimator {
  std::unique_ptr<Estimator> estimator;
  std::vector<float> embedding;  // [row_count, component_count]: where the fitted rows are
};

enum class LabelUse : std::uint8_t { kIgnored, kOptional, kRequired };

struct EstimatorMethod {
  std::string_view name;     // "pca"
  std::string_view summary;  // one line for --help
  LabelUse labels = LabelUse::kIgnored;
  bool transforms = true;      // can place rows that it was not fitted on
  bool takes_targets = false;  // learns from numbers too
  bool takes_initial = false;  // starts from FitRequest::initial where it is given
  std::vector<EstimatorOption> options;
  Result<FittedEstimator> (*fit)(const FitRequest& request, const AnalysisRun& run) = nullptr;
  // From a file: options are checked, values are finite, shapes are not. `source` names the file in errors.
  Result<std::unique_ptr<Estimator>> (*load)(const EstimatorState& state, std::string_view source) = nullptr;
};

// Options that most methods have, by the same name.
inline constexpr std::string_view kComponentsOption = "components";
inline constexpr std::string_view kSeedOption = "seed";
// How many values a place has; 0 where the method chooses.
EstimatorOption components_option(std::size_t default_count, std::size_t min = 1);
EstimatorOption seed_option();
EstimatorOption metric_option();  // euclidean or cosine
// The shape of most others.
EstimatorOption count_option(std::string_view name, std::size_t value, double min, double max, std::string_view text);
EstimatorOption number_option(std::string_view name, double value, double min, double max, std::string_view text);

// Typed access to options that were checked.
bool option_flag(const Json& options, std::string_view name);
std::size_t option_count(const Json& options, std::string_view name);
double option_number(const Json& options, std::string_view name);
std::string_view option_word(const Json& options, std::string_view name);

}  // namespace asterism
