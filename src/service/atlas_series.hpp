// Steps of one collection on maps that belong together: its named versions, one after the other.
//
// Each step is a projection of its own (projection_file.hpp), NAME-001, NAME-002, ..., laid out from the step beside it
// that is nearer to the largest.
// Where most vectors are what they were, rows that both have keep their place, and those that are new or have another
// vector find theirs among them. Where most vectors are others, as those of an encoder that is trained, the former
// places are no more than a start, and the new map is turned and moved onto the one before (aligned_places.hpp). What
// makes them a series stands in the `options` of their files: "series" (its name), "series_step" (from 1),
// "series_label" (what a step is called) and "series_bounds" (least and largest x, y, z of the box that all are shown
// in).
// Ownership: values. Thread-safety: one series of a name at a time. Memory: the vectors of one step (rows x dim x 4
// bytes) and what the method needs, of all steps ids and places. Cost: one map a step.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "service/atlas_map.hpp"

namespace asterism::service {

inline constexpr std::string_view kSeriesName = "versions";
inline constexpr std::size_t kSeriesStepCountMax = 200;

struct SeriesRequest {
  std::string location;                    // of the collection: a folder
  std::vector<std::string> versions = {};  // named ones in their order; none = all, the oldest first, and what is there
                                           // now if that is something else
  MapRequest map = {};
  std::string name = std::string(kSeriesName);
};

struct SeriesStep {
  std::string projection;
  std::string version;  // empty: what was there now
  std::string label;
  std::size_t row_count = 0;
  std::size_t kept_count = 0;  // that the step before has too, with the same vector
  std::size_t new_count = 0;   // that it has not
  std::size_t gone_count = 0;  // that it has, and this one has not
  // How far rows with the same vector moved since the step before: the median, as a share of the side of the box that
  // all steps are shown in; 0 where there are none.
  double median_move = 0.0;
};

// Computes the steps and keeps them in place of an earlier series of that name, only when all are there.
// kInvalidArgument for fewer than two states, or one twice; kNotFound for a version that is none; kUnsupported on a
// server; errors as compute_map().
Result<std::vector<SeriesStep>> map_series(const SeriesRequest& request, const AnalysisRun& run);

// What makes a projection a step; null values where it is none: {"series", "series_step", "series_label",
// "series_bounds"}.
Json series_of(const ProjectionSummary& summary);

// Of the steps of that name beside the collection, in their order.
std::vector<ProjectionSummary> list_series(std::string_view location, std::string_view name);

}  // namespace asterism::service
