// Use case: what the vectors of a file or a collection are like, in numbers that a person can act on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/anisotropy.hpp"
#include "analysis/hubness.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "service/analysis_rows.hpp"

namespace asterism::service {

struct InspectRequest {
  AnalysisRowsRequest rows = {};
  std::optional<Metric> metric = {};  // as of ClusterRequest
  std::size_t neighbor_count = 20;    // of outliers and dimension
  // Rows as near as this to another count as near duplicates: a cosine, or with kEuclidean a distance. Unset: 0.98, or
  // a tenth of the median distance to the nearest row.
  std::optional<double> near_limit = {};
  std::size_t listed_count = 10;  // outliers, pairs and hubs that are listed
  std::function<void(std::string_view stage, std::size_t done, std::size_t total)> on_progress = {};
};

struct ValueRange {
  double smallest = 0.0;
  double median = 0.0;
  double largest = 0.0;
};

struct OutlierRow {
  std::uint32_t row = 0;
  double factor = 0.0;    // local outlier factor
  double distance = 0.0;  // mean distance to its neighbours
};

struct NearPair {
  std::uint32_t row = 0;
  std::uint32_t duplicate = 0;
  double distance = 0.0;  // Euclidean, of rows of length 1 where cosine counts
};

struct InspectResponse {
  AnalysisRows rows;
  Metric metric = Metric::kCosine;
  ValueRange norms;  // lengths of the rows as they were given
  std::size_t zero_row_count = 0;
  std::size_t constant_column_count = 0;
  std::size_t equal_row_count = 0;   // rows equal to an earlier one
  std::size_t equal_item_count = 0;  // of a collection: items whose text or file is that of another
  // The rest needs 3 rows or more; neighbor_count is then below what was asked for where there are few rows.
  std::size_t neighbor_count = 0;
  double near_distance = 0.0;  // at which a row counts as a near duplicate
  std::size_t near_row_count = 0;
  std::vector<NearPair> near_pairs;  // the nearest first; each pair once
  ValueRange nearest_distances;
  std::size_t outlier_count = 0;     // rows with a local outlier factor of kOutlierFactor or more
  std::vector<OutlierRow> outliers;  // largest factor first
  std::optional<double> two_neighbor_dimension;
  std::optional<double> likelihood_dimension;
  Hubness hubness;
  std::vector<std::uint32_t> hubs;  // rows near to most others, the most first
  Anisotropy anisotropy;
};

// From here on a row lies clearly apart.
inline constexpr double kOutlierFactor = 1.5;
inline constexpr std::size_t kHubNeighborCount = 10;

// The same for the same request at any thread count.
Result<InspectResponse> inspect_rows(const InspectRequest& request);

// One figure for a person: what it is, how large, what that means and what is usual.
struct InspectFinding {
  std::string name;
  std::string value;
  std::string meaning;
};

// In the order in which they are best read. Which values are usual: docs/structure.md.
std::vector<InspectFinding> inspect_findings(const InspectResponse& response);

}  // namespace asterism::service
