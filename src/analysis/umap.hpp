// UMAP: places of few dimensions in which near rows stay near.
//
// McInnes, Healy, Melville 2018, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", with
// the options and defaults of umap-learn 0.5.9. Neighbours from neighbor_graph.hpp, weights from fuzzy_graph.hpp, start
// from umap_start.hpp, layout from umap_layout.hpp. Ownership: keeps a copy of the rows, which transform() needs.
// Thread-safety: immutable once fitted. Repeatable: the same bytes at any thread count. Cost: neighbours, and epochs x
// edges; memory beside that copy: two more of the rows while neighbours are sought, and some 50 bytes x rows x
// neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/estimator_method.hpp"
#include "analysis/rows_view.hpp"
#include "analysis/sparse_graph.hpp"
#include "analysis/umap_curve.hpp"
#include "analysis/umap_density.hpp"
#include "analysis/umap_layout.hpp"
#include "analysis/umap_start.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

struct UmapOptions {
  std::size_t component_count = 2;  // 1 to 100
  // As umap-learn counts: the row itself is one of them. All rows where there are fewer.
  std::size_t neighbor_count = 15;
  Metric metric = Metric::kEuclidean;
  double min_dist = 0.1;  // how close places may come, at most `spread`
  double spread = 1.0;
  double set_op_mix_ratio = 1.0;    // 1: either row says so; 0: both do
  double local_connectivity = 1.0;  // neighbours that are near for sure
  double learning_rate = 1.0;
  double repulsion_strength = 1.0;
  std::size_t negative_sample_count = 5;
  std::size_t epoch_count = 0;      // 0: 500 up to 10,000 rows, 300 beyond; 200 more with density
  double target_weight = 0.5;       // of labels against rows, in [0, 1]
  UmapDensityOptions density = {};  // densMAP, where it has a weight
  UmapStart start = UmapStart::kSpectral;
  std::uint64_t seed = 0;
};

// What is known of the rows beside the rows: classes or numbers, or neither. Borrowed.
struct UmapLabels {
  std::span<const std::int32_t> classes = {};  // [row_count]: as with_labels()
  std::span<const float> numbers = {};         // [row_count]: as target_memberships()
};

// The graph that is laid out.
Result<SparseGraph> umap_graph(const RowsView& rows, const UmapOptions& options, const UmapLabels& labels,
                               const AnalysisRun& run);

class Umap final : public Estimator {
 public:
  // `labels`: classes from 0 on, kNoLabel where unknown, or numbers, NaN where unknown. `initial` [row_count,
  // component_count] or none: places to start from, NaN where unknown; those of a map (start_places.hpp) go on: known
  // rows stay about where they are, by fewer and smaller steps. kInvalidArgument for fewer than 2 rows or options out
  // of range.
  static Result<Umap> fit(const RowsView& rows, const UmapOptions& options, const UmapLabels& labels,
                          std::span<const float> initial, const AnalysisRun& run);

  // Where the fitted rows are: [row_count, component_count].
  std::span<const float> embedding() const noexcept { return embedding_; }

  std::string_view method() const noexcept override { return "umap"; }
  std::size_t dim() const noexcept override { return dim_; }
  std::size_t component_count() const noexcept override { return options_.component_count; }
  // Each row among its neighbours of the fitted ones, which stay where they are; without regard to density.
  Result<std::vector<float>> transform(const RowsView& rows, const AnalysisRun& run) const override;
  EstimatorState state() const override;

 private:
  friend Result<std::unique_ptr<Estimator>> load_umap(const EstimatorState& state, std::string_view source);

  Umap() = default;
  UmapLayoutOptions layout_options(std::size_t epoch_count, double learning_rate) const;

  UmapOptions options_;
  UmapCurve curve_;
  double mean_distance_ = 0.0;  // of fitted rows to their neighbours
  std::size_t dim_ = 0;
  std::vector<float> rows_;       // [row_count, dim]
  std::vector<float> embedding_;  // [row_count, component_count]
};

// The row of the table of methods.
EstimatorMethod umap_method();

}  // namespace asterism
