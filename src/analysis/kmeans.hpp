// k-means: rows in `cluster_count` groups, each around its mean.
//
// Lloyd's iterations (1982) over blocked products, from a greedy k-means++ start (Arthur and Vassilvitskii 2007, with
// 2 + log k candidates a step as scikit-learn's KMeans); for many rows mini-batches (Sculley 2010, with scikit-learn's
// MiniBatchKMeans' rule to stop). Distances are Euclidean: give rows of unit length where the cosine counts. An empty
// cluster takes the row that is farthest from its own mean.
// Ownership: values. Thread-safety: a fitted KMeans is immutable. Repeatable: the same rows, options and seed give the
// same bytes at any thread count. Cost of an iteration: 2 x rows x clusters x dim operations; memory beside the rows:
// 8 bytes a row and the means. Parity: tests/unit/analysis against recorded scikit-learn values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

struct KMeansOptions {
  std::size_t cluster_count = 8;
  std::size_t start_count = 1;  // the best of so many starts: each may end in another place
  std::size_t iteration_count_max = 300;
  // Stops when the means move less than this, in squares and in parts of the mean variance of the columns.
  double tolerance = 1e-4;
  std::uint64_t seed = 0;
  enum class Method : std::uint8_t { kAuto, kLloyd, kMiniBatch } method = Method::kAuto;
  std::size_t batch_row_count = 4096;  // of mini-batches
  // [cluster_count, dim]: where to start instead; borrowed. start_count is then 1.
  std::span<const float> initial_centers = {};
};

// From so many rows on kAuto takes mini-batches.
inline constexpr std::size_t kMiniBatchRowCountMin = 200'000;

class KMeans {
 public:
  // kInvalidArgument where cluster_count is 0 or above the rows, or a value is not finite. Fewer different rows than
  // clusters leave clusters without rows.
  static Result<KMeans> fit(const RowsView& rows, const KMeansOptions& options, const AnalysisRun& run);

  // The nearest mean of each row, [row_count]; of equal distances the lower number. kInvalidArgument when dim differs
  // or a value is not finite.
  Result<std::vector<std::uint32_t>> predict(const RowsView& rows, const AnalysisRun& run) const;

  std::size_t cluster_count() const noexcept { return centers_.size() / dim_; }
  std::size_t dim() const noexcept { return dim_; }
  std::span<const float> centers() const noexcept { return centers_; }        // [cluster_count, dim]
  std::span<const std::uint32_t> labels() const noexcept { return labels_; }  // [row_count], of the rows fitted on
  double inertia() const noexcept { return inertia_; }  // sum of squared distances to the own mean
  std::size_t iteration_count() const noexcept { return iteration_count_; }
  bool converged() const noexcept { return converged_; }

 private:
  friend class KMeansFit;

  std::size_t dim_ = 0;
  std::vector<float> centers_;
  std::vector<std::uint32_t> labels_;
  double inertia_ = 0.0;
  std::size_t iteration_count_ = 0;
  bool converged_ = false;
};

}  // namespace asterism
