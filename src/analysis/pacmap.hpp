// PaCMAP: a map that keeps both neighbourhoods and the large picture (Wang, Huang, Rudin and Shaposhnik 2021).
//
// The pairs, phases and steps of the reference implementation (pacmap 0.9): rows of more than 100 values go through 100
// principal components; near, mid-near and further pairs; 100, 100 and 250 steps of Adam with three sets of weights.
// Unlike it, the start does not depend on the rows' unit, and a fit is parallel and repeatable: the same bytes at any
// thread count. New rows are placed one by one, each pulled by its nearest fitted rows, which stay. Ownership: values;
// keeps the fitted rows, after the principal components, and their places. Thread-safety: immutable once fitted. Cost
// of fit: the neighbours (neighbor_graph.hpp), then 70 pairs a row and step. Memory: the rows, 600 bytes a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/affine_map.hpp"
#include "analysis/estimator_method.hpp"
#include "asterism/metric.hpp"

namespace asterism {

inline constexpr std::string_view kPacmapName = "pacmap";

struct PacmapOptions {
  std::size_t component_count = 2;  // 1 to 3
  std::size_t near_count = 10;      // near pairs of each row
  double mid_ratio = 0.5;           // mid-near pairs over near ones
  double far_ratio = 2.0;           // further pairs over near ones
  std::size_t step_count = 250;     // of the last phase; the two before have 100 each
  double learning_rate = 1.0;
  Metric metric = Metric::kEuclidean;  // or cosine: that of rows scaled to length 1
  std::uint64_t seed = 0;
};

class Pacmap final : public Estimator {
 public:
  struct Fit;

  // At least 2 rows, finite; pairs become fewer where the rows are few (pacmap_pairs.hpp). `initial` [row_count,
  // components]: where to start, NaN for rows that are new, or none. Places that are spread already (a deviation above
  // 1) are a map to go on from: only the last phase is run, of which known rows take small parts.
  static Result<Fit> fit(const RowsView& rows, const PacmapOptions& options, std::span<const float> initial,
                         const AnalysisRun& run);
  static Result<std::unique_ptr<Estimator>> load(const EstimatorState& state, std::string_view source);

  std::string_view method() const noexcept override { return kPacmapName; }
  std::size_t dim() const noexcept override { return dim_; }
  std::size_t component_count() const noexcept override { return options_.component_count; }
  // The reference's steps of transform(), begun amid the nearest fitted rows.
  Result<std::vector<float>> transform(const RowsView& rows, const AnalysisRun& run) const override;
  EstimatorState state() const override;

 private:
  // As the neighbours are sought: scaled where the metric is cosine, and in principal components where there are any.
  Result<std::vector<float>> prepared(const RowsView& rows, const AnalysisRun& run) const;

  PacmapOptions options_;
  std::size_t dim_ = 0;
  std::size_t prepared_dim_ = 0;
  std::optional<AffineMap> principal_;
  std::vector<float> rows_;    // [row_count, prepared_dim]
  std::vector<float> places_;  // [row_count, component_count]
};

struct Pacmap::Fit {
  Pacmap pacmap;
  std::vector<float> places;  // [row_count, component_count]
};

// Its row of the table of methods.
EstimatorMethod pacmap_method();

}  // namespace asterism
