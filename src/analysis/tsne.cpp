#include "analysis/tsne.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "analysis/affinities.hpp"
#include "analysis/estimator_state.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/rows_check.hpp"
#include "analysis/start_places.hpp"
#include "analysis/tsne_descent.hpp"
#include "analysis/tsne_placing.hpp"
#include "analysis/umap_start.hpp"
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

Json options_json(const TsneOptions& options) {
  return {{"components", options.component_count},
          {"perplexity", options.perplexity},
          {"early_exaggeration", options.early_exaggeration},
          {"early_steps", options.early_step_count},
          {"steps", options.step_count},
          {"learning_rate", options.learning_rate},
          {"theta", options.theta},
          {"metric", metric_name(options.metric)},
          {"seed", options.seed}};
}

TsneOptions options_from(const Json& json) {
  return {.component_count = option_count(json, kComponentsOption),
          .perplexity = option_number(json, "perplexity"),
          .early_exaggeration = option_number(json, "early_exaggeration"),
          .early_step_count = option_count(json, "early_steps"),
          .step_count = option_count(json, "steps"),
          .learning_rate = option_number(json, "learning_rate"),
          .theta = option_number(json, "theta"),
          .metric = option_word(json, "metric") == metric_name(Metric::kCosine) ? Metric::kCosine : Metric::kEuclidean,
          .seed = option_count(json, kSeedOption)};
}

Result<void> check_fit(const RowsView& rows, const TsneOptions& options, std::span<const float> initial,
                       const AnalysisRun& run) {
  if (rows.row_count < 2) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tsne: expected at least 2 rows, found {}", rows.row_count));
  }
  if (options.component_count < 1 || options.component_count > kPlaceDimMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("tsne: expected 1 to {} components, found {}", kPlaceDimMax, options.component_count),
                "umap and pca give more");
  }
  if (!initial.empty() && initial.size() != rows.row_count * options.component_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tsne: expected {} x {} values to start from, found {}",
                                                         rows.row_count, options.component_count, initial.size()));
  }
  return expect_finite_rows(rows, kTsneName, run);
}

}  // namespace

double tsne_perplexity(double asked, std::size_t row_count) noexcept {
  return std::min(asked, std::max(kPerplexityMin, static_cast<double>(row_count - 1) / 3.0));
}

Result<Tsne::Fit> Tsne::fit(const RowsView& rows, const TsneOptions& options, std::span<const float> initial,
                            const AnalysisRun& run) {
  if (auto ok = check_fit(rows, options, initial, run); !ok) {
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
  const auto start = given == GivenPlaces::kNone
                         ? principal_places(rows, components, kStartDeviation, options.seed, run)
                         : umap_start_from(affinities, initial, components, options.seed);
  if (!start) {
    return std::unexpected(start.error());
  }
  std::vector<float> planes = by_component(*start, n, components);
  const auto divergence =
      descend_tsne(affinities, make_push_field(options.push, n, components, static_cast<float>(options.theta)),
                   stages_of(options, n, given == GivenPlaces::kMap), components, planes, run);
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
  EstimatorState state{.options = options_json(options_), .arrays = {}};
  state.arrays.push_back(state_array<float>(std::string(kRows), {n, dim}, rows_));
  state.arrays.push_back(state_array<float>(std::string(kPlaces), {n, components}, places_));
  const double fitted[] = {perplexity_, divergence_};
  state.arrays.push_back(state_array<double>(std::string(kFitted), {2}, fitted));
  return state;
}

Result<std::unique_ptr<Estimator>> Tsne::load(const EstimatorState& state, std::string_view source) {
  auto tsne = std::make_unique<Tsne>();
  tsne->options_ = options_from(state.options);
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
    auto fitted = Tsne::fit(request.rows, options_from(request.options), request.initial, run);
    if (!fitted) {
      return std::unexpected(fitted.error());
    }
    return FittedEstimator{.estimator = std::make_unique<Tsne>(std::move(fitted->tsne)),
                           .embedding = std::move(fitted->places)};
  };
  EstimatorOption components = components_option(2);
  components.max = static_cast<double>(kPlaceDimMax);
  return {
      .name = kTsneName,
      .summary = "t-SNE: a map in which near rows are near; distances between groups mean little",
      .takes_initial = true,
      .options =
          {components,
           {.name = "perplexity",
            .default_value = 30.0,
            .text = "how many neighbours a row has, softly; lowered to a third of the rows",
            .min = 1.0,
            .max = 10000.0},
           {.name = "early_exaggeration",
            .default_value = 12.0,
            .text = "how much stronger neighbours pull in the early steps",
            .min = 1.0,
            .max = 1000.0},
           {.name = "early_steps",
            .kind = OptionKind::kCount,
            .default_value = 250,
            .text = "steps with exaggeration",
            .max = 1e6},
           {.name = "steps", .kind = OptionKind::kCount, .default_value = 500, .text = "steps after those", .max = 1e6},
           {.name = "learning_rate",
            .default_value = 0.0,
            .text = "length of a step; 0: the rows over the exaggeration",
            .max = 1e9},
           {.name = "theta",
            .default_value = 0.5,
            .text = "in one and three dimensions: how coarse far places are seen (Barnes-Hut)",
            .max = 1.0},
           {.name = "metric",
            .kind = OptionKind::kWord,
            .default_value = "euclidean",
            .text = "how nearness of rows is measured",
            .words = {"euclidean", "cosine"}},
           seed_option()},
      .fit = fit,
      .load = &Tsne::load};
}

}  // namespace asterism
