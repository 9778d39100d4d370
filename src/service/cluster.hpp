// Use case: groups of rows that are alike, and what each group is about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/cluster_words.hpp"
#include "analysis/hdbscan.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "service/analysis_rows.hpp"

namespace asterism::service {

enum class ClusterMethod : std::uint8_t { kAuto, kKMeans, kHdbscan };

constexpr std::string_view cluster_method_name(ClusterMethod method) noexcept {
  switch (method) {
    case ClusterMethod::kAuto:
      return "auto";
    case ClusterMethod::kKMeans:
      return "kmeans";
    case ClusterMethod::kHdbscan:
      return "hdbscan";
  }
  return {};
}

struct ClusterRequest {
  AnalysisRowsRequest rows = {};
  ClusterMethod method = ClusterMethod::kAuto;  // k-means where cluster_count is given, else HDBSCAN
  std::size_t cluster_count = 0;                // of k-means
  std::size_t start_count = 10;                 // of k-means: the best of so many starts
  std::size_t min_cluster_size = 0;             // of HDBSCAN; 0 = 1 in 200 rows, at least 5
  std::size_t min_samples = 0;                  // of HDBSCAN; 0 = min_cluster_size
  bool leaf = false;                            // of HDBSCAN: the smallest clusters, not the most stable ones
  HdbscanOptions::Tree tree = HdbscanOptions::Tree::kAuto;  // of HDBSCAN: all pairs of rows, or their neighbours
  // kCosine scales rows to length 1. Unset: the collection's; of files kCosine.
  std::optional<Metric> metric = {};
  std::uint64_t seed = 0;
  ClusterWordsOptions words = {};
  std::size_t typical_count = 3;
  // A path of metadata under which the name of each item's cluster is kept in the collection; empty = nowhere. Items in
  // no cluster lose it.
  std::string keep_column = {};
  std::function<void(std::string_view stage, std::size_t done, std::size_t total)> on_progress = {};
};

struct FoundCluster {
  std::string name;  // its first words; "cluster 3" where there are none
  std::size_t row_count = 0;
  std::vector<ClusterWord> words;      // none without texts
  std::vector<std::uint32_t> typical;  // rows nearest to the mean, each with a text of its own
};

struct ClusterResponse {
  AnalysisRows rows;
  ClusterMethod method = ClusterMethod::kKMeans;
  Metric metric = Metric::kCosine;
  bool exact = true;                   // HDBSCAN: whether its spanning tree was
  std::vector<FoundCluster> clusters;  // the one of most rows first
  std::vector<std::int32_t> labels;    // [rows]: the number of its cluster, or -1
  std::vector<float> distances;        // [rows]: to the mean of its cluster (rows of length 1 where cosine counts)
  std::vector<double> probabilities;   // [rows], HDBSCAN alone: see analysis/hdbscan.hpp
  std::vector<double> outlier_scores;  // [rows], HDBSCAN alone
  std::size_t unclustered_count = 0;   // rows in no cluster
  double inertia = 0.0;                // k-means: sum of squared distances
  std::uint64_t kept_count = 0;        // items whose metadata was written
  std::size_t text_count = 0;          // rows with a text
};

// The same for the same request at any thread count.
Result<ClusterResponse> cluster_rows(const ClusterRequest& request);

// To be asked before rows are clustered, where they are to be written: kInvalidArgument for another ending than .jsonl,
// .ndjson and .csv, else as expect_writable().
Result<void> check_cluster_rows_path(const std::string& path);

// One line a row, in order: JSON objects, or comma-separated values with a header where the name ends in .csv.
Result<void> write_cluster_rows(const ClusterResponse& response, const std::string& path);

}  // namespace asterism::service
