// densMAP: a term by which dense places of the rows become dense places of the map.
//
// Narayan, Berger, Cho 2021, "Assessing single-cell transcriptomic variability through density-preserving data
// visualization", as umap-learn 0.5.12 computes it: the local radius of a row is the logarithm of its mean squared
// distance to those it is joined to, by weight; the term is the correlation of radii among the rows and on the map.
// Ownership: borrows the graph. Thread-safety: of() from many threads between two measure(). Repeatable: sums are over
// a row's own edges, then in the order of rows. Cost: a pass over the edges, once an epoch. Parity: tests/golden/umap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/rows_view.hpp"
#include "analysis/sparse_graph.hpp"
#include "analysis/umap_curve.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

class ThreadPool;

struct UmapDensityOptions {
  double weight = 0.0;          // of the term (umap-learn: dens_lambda); 0: none
  double share = 0.3;           // of the epochs, the last ones, in which it is there (dens_frac)
  double variance_shift = 0.1;  // added to the variance of radii on the map (dens_var_shift)
};

// Of each row of a symmetric graph among `rows`; 0 for a row without edges. [row_count]
Result<std::vector<double>> local_radii(const SparseGraph& graph, const RowsView& rows, Metric metric,
                                        ThreadPool& pool);

class UmapDensity {
 public:
  // What a pull along an edge has beside it (UmapSteps::density of umap_moves.hpp).
  struct Pull {
    float level = 0.0F;
    float slope = 0.0F;
  };

  // `graph`: the edges that are laid out. `radii`: local_radii() of the same rows.
  UmapDensity(const SparseGraph& graph, std::span<const double> radii, const UmapDensityOptions& options,
              const UmapCurve& curve);

  bool is_due(std::size_t epoch, std::size_t epoch_count) const noexcept;
  // Radii on the map as it is: `places` [row_count, dim].
  void measure(std::span<const float> places, std::size_t dim, ThreadPool& pool);
  // `weight`: of the edge between the two, above 0.
  Pull of(std::uint32_t row, std::uint32_t other, double weight) const noexcept;

  // As of the last measure(), of each row: the radius on the map, and the sum of the nearnesses it is a mean by.
  std::span<const double> map_radii() const noexcept { return map_radii_; }
  std::span<const double> nearness_sums() const noexcept { return nearness_sums_; }

 private:
  const SparseGraph& graph_;
  UmapDensityOptions options_;
  UmapCurve curve_;
  double weight_sum_ = 0.0;
  std::size_t joined_count_ = 0;  // rows that have edges
  std::vector<double> targets_;   // radii among the rows: mean 0, deviation 1
  std::vector<double> map_radii_;
  std::vector<double> nearness_sums_;
  std::vector<float> slopes_;  // [row_count]: a row's part in Pull::slope,
  std::vector<float> levels_;  // and in Pull::level
  double scale_ = 0.0;
};

// The edges that are due at least once in so many epochs: umap-learn leaves out the others before anything else.
SparseGraph due_edges(const SparseGraph& graph, std::size_t epoch_count);

}  // namespace asterism
