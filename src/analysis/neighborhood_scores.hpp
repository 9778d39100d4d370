// Whether what is near in one space is near in another: measures of two embeddings of the same rows, a value a row.
//
// Rows of `a` are the original, rows of `b` what became of them (projected, compressed, embedded by another model).
// With k neighbours and ranks from 1 by distance:
//  - overlap: share of the k nearest in a that are among the k nearest in b;
//  - trustworthiness: 1 less how far from the k nearest in a the k nearest in b are (Venna, Kaski 2001), as
//    scikit-learn's manifold.trustworthiness; continuity: the same with a and b exchanged;
//  - mrre_false, mrre_missing: mean relative rank errors (Lee, Verleysen 2007, "Nonlinear Dimensionality Reduction",
//    W_n and W_v); 0 is best;
//  - distance_rank_correlation: Spearman's of the distances to the other rows;
//  - triplet_accuracy: of pairs of other rows drawn by chance, the share of which the same one is nearer in both;
//  - label_agreement_a, label_agreement_b: share of the k nearest with the row's own label (neighbourhood hit).
// Each overall measure is the mean of its column. Equal distances stand in the order of rows. Exact for the rows that
// are asked, against all others; above `query_row_count_max` rows those asked are a sample by seed.
// The same bits with any number of threads. Thread-safety: pure function. Cost: asked rows x rows x dim, twice; memory
// a row of distances and of ranks a thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

struct NeighborhoodOptions {
  std::size_t neighbor_count = 15;  // fewer than half the rows
  Metric metric_a = Metric::kEuclidean;
  Metric metric_b = Metric::kEuclidean;
  std::size_t query_row_count_max = 2000;
  std::size_t triplet_count = 100;  // for each row asked
  std::uint64_t seed = 0;
};

struct NeighborhoodScores {
  std::vector<std::uint32_t> rows;  // that were asked
  // [rows] each.
  std::vector<double> overlap;
  std::vector<double> trustworthiness;
  std::vector<double> continuity;
  std::vector<double> mrre_false;
  std::vector<double> mrre_missing;
  std::vector<double> distance_rank_correlation;  // NaN for a row from which all distances are equal
  std::vector<double> triplet_accuracy;
  std::vector<double> label_agreement_a;  // empty without labels; NaN for a row without one
  std::vector<double> label_agreement_b;
};

// `labels`: one a row, -1 for none; or empty. kMismatch where the two have other numbers of rows, kInvalidArgument for
// too few rows or values that are not finite.
Result<NeighborhoodScores> neighborhood_scores(const RowsView& a, const RowsView& b,
                                               std::span<const std::int32_t> labels, const NeighborhoodOptions& options,
                                               const AnalysisRun& run);

// Trustworthiness and continuity alone, the same values to the bit.
struct NeighborhoodTrust {
  std::vector<std::uint32_t> rows;  // that were asked
  // [rows] each.
  std::vector<double> trustworthiness;
  std::vector<double> continuity;
};
// Errors as neighborhood_scores(), also for values of a magnitude past kNeighborValueMax. Cost: a product of each asked
// row with each row in float, and two passes over the results; nothing is sorted. Memory: two copies of the rows, and
// some 256 MiB of products at the most (of more than a million rows 128 bytes a row).
Result<NeighborhoodTrust> neighborhood_trust(const RowsView& a, const RowsView& b, const NeighborhoodOptions& options,
                                             const AnalysisRun& run);

}  // namespace asterism
