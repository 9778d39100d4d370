// t-SNE: places in one to three dimensions where near rows are near (van der Maaten and Hinton 2008).
//
// The course of openTSNE 1.0 at its defaults: perplexity over 3 times as many neighbours, principal components as the
// start, 250 steps with affinities times 12 and 500 without, learning rate rows / exaggeration (Belkina et al. 2019),
// momentum 0.8, gains, steps no longer than 5. Repeatable: the same bytes at any thread count. New rows are placed one
// by one among the fitted ones, which stay (Poličar et al. 2023). Ownership: values; keeps the fitted rows and their
// places. Thread-safety: immutable once fitted. Cost of fit: the neighbours (neighbor_graph.hpp), then a pass over rows
// x 6 x perplexity pairs and a push (push_field.hpp) a step. Memory: the rows, and some 100 bytes a row and unit of
// perplexity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator_method.hpp"
#include "analysis/push_field.hpp"
#include "asterism/metric.hpp"

namespace asterism {

inline constexpr std::string_view kTsneName = "tsne";

struct TsneOptions {
  std::size_t component_count = 2;  // 1 to 3
  double perplexity = 30.0;         // lowered to what the rows allow: tsne_perplexity()
  double early_exaggeration = 12.0;
  std::size_t early_step_count = 250;
  std::size_t step_count = 500;
  double learning_rate = 0.0;          // of the gradient without its factor 4, as openTSNE; 0: rows / exaggeration
  double theta = 0.5;                  // of Barnes-Hut
  Metric metric = Metric::kEuclidean;  // or cosine
  PushMethod push = PushMethod::kAuto;
  std::uint64_t seed = 0;
};

// A third of the other rows where `asked` is more, but 1.5 at the least: 3 times as many neighbours have to be there.
double tsne_perplexity(double asked, std::size_t row_count) noexcept;

class Tsne final : public Estimator {
 public:
  struct Fit;

  // At least 2 rows, finite; `options` is what the table was told, kept for files. `initial` [row_count, components]:
  // where to start, NaN for rows that are new, or none. Places that are spread already (a deviation above 1) are a map
  // to go on from: the steps with exaggeration, which would draw it together, are left out, and
  // known rows take a small part of each step.
  static Result<Fit> fit(const RowsView& rows, const TsneOptions& options, std::span<const float> initial,
                         const AnalysisRun& run);
  static Result<std::unique_ptr<Estimator>> load(const EstimatorState& state, std::string_view source);

  std::string_view method() const noexcept override { return kTsneName; }
  std::size_t dim() const noexcept override { return dim_; }
  std::size_t component_count() const noexcept override { return options_.component_count; }
  // openTSNE's: from the median of the 25 nearest fitted rows 250 small steps, pulled by 15 of them at perplexity 5,
  // pushed by all.
  Result<std::vector<float>> transform(const RowsView& rows, const AnalysisRun& run) const override;
  EstimatorState state() const override;

  // What it was fitted with, after tsne_perplexity().
  double perplexity() const noexcept { return perplexity_; }
  // Of the places from the rows, in nats.
  double divergence() const noexcept { return divergence_; }

 private:
  TsneOptions options_;
  std::size_t dim_ = 0;
  double perplexity_ = 0.0;
  double divergence_ = 0.0;
  std::vector<float> rows_;    // [row_count, dim]
  std::vector<float> places_;  // [row_count, component_count]
};

struct Tsne::Fit {
  Tsne tsne;
  std::vector<float> places;  // [row_count, component_count]
};

// Its row of the table of methods.
EstimatorMethod tsne_method();

}  // namespace asterism
