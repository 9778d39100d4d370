#include "analysis/tsne.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "analysis/affinities.hpp"
#include "analysis/estimator_state.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/option_fields.hpp"
#include "analysis/rows_check.hpp"
#include "analysis/start_places.hpp"
#include "analysis/tsne_descent.hpp"
#include "analysis/tsne_placing.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr double kStartDeviation = 1e-4;
constexpr double kPerplexityMin = 1.5;
constexpr std::string_view kRows = "rows";
constexpr std::string_view kPlaces = "places";
constexpr std::string_view kFitted = "fitted";  // [2]: perplexity, divergence

std::vector<TsneStage> stages_of(const TsneOptions& options, std::size_t row_count, bool from_map) {
  const auto rate = [&](double exaggeration) {
    return options.learning_rate > 0.0 ? options.learning_rate : static_cast<double>(row_count) / exaggeration;
  };
  std::vector<TsneStage> stages;
  if (!from_map) {
    stages.push_back({.exaggeration = options.early_exaggeration,
                      .step_count = options.early_step_count,
                      .learning_rate = rate(options.early_exaggeration)});
  }
  stages.push_back({.exaggeration = 1.0, .step_count = options.step_count, .learning_rate = rate(1.0)});
  return stages;
}

constexpr OptionField<TsneOptions> kFields[] = {
    {kComponentsOption, &TsneOptions::component_count},
    {"perplexity", &TsneOptions::perplexity},
    {"early_exaggeration", &TsneOptions::early_exaggeration},
    {"early_steps", &TsneOptions::early_step_count},
    {"steps", &TsneOptions::step_count},
    {"learning_rate", &TsneOptions::learning_rate},
    {"theta", &TsneOptions::theta},
    {"metric", &TsneOptions::metric},
    {kSeedOption, &TsneOptions::seed},
};

}  // namespace

double tsne_perplexity(double asked, std::size_t row_count) noexcept {
  return std::min(asked, std::max(kPerplexityMin, static_cast<double>(row_count - 1) / 3.0));
}

Result<Tsne::Fit> Tsne::fit(const RowsView& rows, const TsneOptions& options, std::span<const float> initial,
                            const AnalysisRun& run) {
  if (auto ok = expect_rows_to_lay_out(rows, options.component_count, initial, kTsneName, run); !ok) {
    return std::unexpected(ok.error());
  }
  const std::size_t n = rows.row_count;
  Tsne tsne;
  tsne.options_ = options;
  tsne.dim_ = rows.dim;
  tsne.perplexity_ = tsne_perplexity(options.perplexity, n);
  const auto wanted = static_cast<std::size_t>(3.0 * tsne.perplexity_);
  const auto graph = neighbor_graph(
      rows, {.neighbor_count = std::clamp<std::size_t>(wanted, 1, n - 1), .metric = options.metric}, run);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const SparseGraph affinities =
      joint_affinities(*graph, conditional_affinities(*graph, tsne.perplexity_, run.pool), run.pool);
  const std::size_t components = options.component_count;
  const GivenPlaces given = kind_of_places(initial, components);
  auto start = given == GivenPlaces::kNone ? principal_places(rows, components, kStartDeviation, options.seed, run)
                                           : completed_places(affinities, initial, components, options.seed);
  if (!start) {
    return std::unexpected(start.error());
  }
  if (given == GivenPlaces::kShape) {
    scale_places(*start, components, kStartDeviation);
  }
  std::vector<float> planes = by_component(*start, n, components);
  const bool goes_on = given == GivenPlaces::kMap;
  const auto shares = goes_on ? step_shares(initial, components) : std::vector<float>{};
  const auto divergence =
      descend_tsne(affinities, make_push_field(options.push, n, components, static_cast<float>(options.theta)),
                   stages_of(options, n, goes_on), components, planes, shares, run);
  if (!divergence) {
    return std::unexpected(divergence.error());
  }
  tsne.divergence_ = *divergence;
  tsne.places_ = by_component(planes, components, n);
  tsne.rows_.assign(rows.values.begin(), rows.values.begin() + static_cast<std::ptrdiff_t>(n * rows.dim));
  std::vector<float> places = tsne.places_;
  return Fit{.tsne = std::move(tsne), .places = std::move(places)};
}

Result<std::vector<float>> Tsne::transform(const RowsView& rows, const AnalysisRun& run) const {
  if (auto ok = expect_rows_of(dim_, rows, kTsneName, run); !ok) {
    return std::unexpected(ok.error());
  }
  if (rows.row_count == 0) {
    return std::vector<float>{};
  }
  const RowsView fitted{.values = rows_, .row_count = rows_.size() / dim_, .dim = dim_};
  const auto graph = neighbors_among(
      rows, fitted, {.neighbor_count = std::min(kPlacingNeighbors, fitted.row_count), .metric = options_.metric}, run);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const std::vector<float> planes = by_component(places_, fitted.row_count, options_.component_count);
  const PlacesView places{.values = planes.data(), .count = fitted.row_count, .dim = options_.component_count};
  const auto push = make_push_field(options_.push, places.count, places.dim, static_cast<float>(options_.theta));
  push->update(places, run.pool);
  return place_rows(*graph, places, *push, run);
}

EstimatorState Tsne::state() const {
  const auto dim = static_cast<std::int64_t>(dim_);
  const auto components = static_cast<std::int64_t>(options_.component_count);
  const auto n = static_cast<std::int64_t>(rows_.size()) / dim;
  EstimatorState state{.options = json_of<TsneOptions>(options_, kFields), .arrays = {}};
  state.arrays.push_back(state_array<float>(std::string(kRows), {n, dim}, rows_));
  state.arrays.push_back(state_array<float>(std::string(kPlaces), {n, components}, places_));
  const double fitted[] = {perplexity_, divergence_};
  state.arrays.push_back(state_array<double>(std::string(kFitted), {2}, fitted));
  return state;
}

Result<std::unique_ptr<Estimator>> Tsne::load(const EstimatorState& state, std::string_view source) {
  auto tsne = std::make_unique<Tsne>();
  tsne->options_ = options_from<TsneOptions>(state.options, kFields);
  auto rows = state_values<float>(state, kRows, {-1, -1}, source);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  auto places = state_values<float>(
      state, kPlaces, {rows->shape[0], static_cast<std::int64_t>(tsne->options_.component_count)}, source);
  if (!places) {
    return std::unexpected(places.error());
  }
  const auto fitted = state_values<double>(state, kFitted, {2}, source);
  if (!fitted) {
    return std::unexpected(fitted.error());
  }
  tsne->dim_ = static_cast<std::size_t>(rows->shape[1]);
  tsne->rows_ = std::move(rows->values);
  tsne->places_ = std::move(places->values);
  tsne->perplexity_ = fitted->values[0];
  tsne->divergence_ = fitted->values[1];
  return tsne;
}

EstimatorMethod tsne_method() {
  const auto fit = [](const FitRequest& request, const AnalysisRun& run) -> Result<FittedEstimator> {
    auto fitted = Tsne::fit(request.rows, options_from<TsneOptions>(request.options, kFields), request.initial, run);
    if (!fitted) {
      return std::unexpected(fitted.error());
    }
    return FittedEstimator{.estimator = std::make_unique<Tsne>(std::move(fitted->tsne)),
                           .embedding = std::move(fitted->places)};
  };
  const TsneOptions defaults;
  EstimatorOption components = components_option(defaults.component_count);
  components.max = static_cast<double>(kPlaceDimMax);
  return {.name = kTsneName,
          .summary = "t-SNE: a map in which near rows are near; distances between groups mean little",
          .takes_initial = true,
          .options = {components,
                      number_option("perplexity", defaults.perplexity, 1.0, 10'000.0,
                                    "how many neighbours a row has, softly; lowered to a third of the rows"),
                      number_option("early_exaggeration", defaults.early_exaggeration, 1.0, 1000.0,
                                    "how much stronger neighbours pull in the early steps"),
                      count_option("early_steps", defaults.early_step_count, 0, 1e6, "steps with exaggeration"),
                      count_option("steps", defaults.step_count, 0, 1e6, "steps after those"),
                      number_option("learning_rate", defaults.learning_rate, 0.0, 1e9,
                                    "length of a step; 0: the rows over the exaggeration"),
                      number_option("theta", defaults.theta, 0.0, 1.0,
                                    "in one and three dimensions: how coarse far places are seen (Barnes-Hut)"),
                      metric_option(), seed_option()},
          .fit = fit,
          .load = &Tsne::load};
}

}  // namespace asterism
