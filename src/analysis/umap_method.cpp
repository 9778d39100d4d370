// UMAP's row of the table of methods, and its state to and from files.
#include <array>
#include <memory>
#include <utility>

#include "analysis/estimator_state.hpp"
#include "analysis/umap.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {
namespace {

constexpr std::string_view kRows = "rows";
constexpr std::string_view kEmbedding = "embedding";
constexpr std::string_view kMeanDistance = "mean_distance";

UmapStart start_of(std::string_view word) {
  return word == "pca" ? UmapStart::kPca : word == "random" ? UmapStart::kRandom : UmapStart::kSpectral;
}

std::string_view word_of(UmapStart start) {
  switch (start) {
    case UmapStart::kSpectral:
      return "spectral";
    case UmapStart::kPca:
      return "pca";
    case UmapStart::kRandom:
      return "random";
  }
  return {};
}

UmapOptions options_from(const Json& options) {
  return {.component_count = option_count(options, kComponentsOption),
          .neighbor_count = option_count(options, "neighbors"),
          .metric = option_word(options, "metric") == "cosine" ? Metric::kCosine : Metric::kEuclidean,
          .min_dist = option_number(options, "min_dist"),
          .spread = option_number(options, "spread"),
          .set_op_mix_ratio = option_number(options, "set_op_mix_ratio"),
          .local_connectivity = option_number(options, "local_connectivity"),
          .learning_rate = option_number(options, "learning_rate"),
          .repulsion_strength = option_number(options, "repulsion_strength"),
          .negative_sample_count = option_count(options, "negative_samples"),
          .epoch_count = option_count(options, "epochs"),
          .target_weight = option_number(options, "target_weight"),
          .start = start_of(option_word(options, "start")),
          .seed = option_count(options, kSeedOption)};
}

Json json_of(const UmapOptions& options) {
  return {{std::string(kComponentsOption), options.component_count},
          {"neighbors", options.neighbor_count},
          {"metric", metric_name(options.metric)},
          {"min_dist", options.min_dist},
          {"spread", options.spread},
          {"start", word_of(options.start)},
          {"epochs", options.epoch_count},
          {"learning_rate", options.learning_rate},
          {"negative_samples", options.negative_sample_count},
          {"repulsion_strength", options.repulsion_strength},
          {"local_connectivity", options.local_connectivity},
          {"set_op_mix_ratio", options.set_op_mix_ratio},
          {"target_weight", options.target_weight},
          {std::string(kSeedOption), options.seed}};
}

Result<FittedEstimator> fit_umap(const FitRequest& request, const AnalysisRun& run) {
  auto umap = Umap::fit(request.rows, options_from(request.options), request.labels, request.initial, run);
  if (!umap) {
    return std::unexpected(umap.error());
  }
  std::vector<float> embedding(umap->embedding().begin(), umap->embedding().end());
  return FittedEstimator{.estimator = std::make_unique<Umap>(*std::move(umap)), .embedding = std::move(embedding)};
}

EstimatorOption number_option(std::string_view name, double value, double min, double max, std::string_view text) {
  return {.name = name, .kind = OptionKind::kNumber, .default_value = value, .text = text, .min = min, .max = max};
}

EstimatorOption count_option(std::string_view name, std::size_t value, double min, double max, std::string_view text) {
  return {.name = name, .kind = OptionKind::kCount, .default_value = value, .text = text, .min = min, .max = max};
}

std::vector<EstimatorOption> umap_options() {
  const UmapOptions defaults;
  EstimatorOption components = components_option(defaults.component_count);
  components.max = static_cast<double>(kUmapDimMax);
  return {
      components,
      count_option("neighbors", defaults.neighbor_count, 2, 1000,
                   "rows that count as near, the row itself included: more keeps more of the large, less of the small"),
      {.name = "metric",
       .kind = OptionKind::kWord,
       .default_value = "euclidean",
       .text = "how nearness is measured",
       .words = {"euclidean", "cosine"}},
      number_option("min_dist", defaults.min_dist, 0.0, 100.0, "how close places may come, at most spread"),
      number_option("spread", defaults.spread, 1e-3, 100.0, "how far clumps stand apart"),
      {.name = "start",
       .kind = OptionKind::kWord,
       .default_value = "spectral",
       .text = "where places start",
       .words = {"spectral", "pca", "random"}},
      count_option("epochs", defaults.epoch_count, 0, 100'000, "passes; 0: 500 up to 10,000 rows, 200 beyond"),
      number_option("learning_rate", defaults.learning_rate, 1e-6, 100.0, "of the first pass"),
      count_option("negative_samples", defaults.negative_sample_count, 0, 100, "pushes for each pull"),
      number_option("repulsion_strength", defaults.repulsion_strength, 0.0, 100.0, "weight of a push"),
      number_option("local_connectivity", defaults.local_connectivity, 0.0, 100.0, "neighbours that are near for sure"),
      number_option("set_op_mix_ratio", defaults.set_op_mix_ratio, 0.0, 1.0,
                    "1: near where either row says so; 0: where both do"),
      number_option("target_weight", defaults.target_weight, 0.0, 1.0, "of labels against the rows"),
      seed_option(),
  };
}

}  // namespace

EstimatorState Umap::state() const {
  const auto row_count = static_cast<std::int64_t>(rows_.size() / dim_);
  EstimatorState state{.options = json_of(options_), .arrays = {}};
  state.arrays.push_back(
      state_array(std::string(kRows), {row_count, static_cast<std::int64_t>(dim_)}, std::span<const float>(rows_)));
  state.arrays.push_back(state_array(std::string(kEmbedding),
                                     {row_count, static_cast<std::int64_t>(options_.component_count)},
                                     std::span<const float>(embedding_)));
  state.arrays.push_back(state_array(std::string(kMeanDistance), {1}, std::span<const double>(&mean_distance_, 1)));
  return state;
}

Result<std::unique_ptr<Estimator>> load_umap(const EstimatorState& state, std::string_view source) {
  const UmapOptions options = options_from(state.options);
  auto rows = state_values<float>(state, kRows, {-1, -1}, source);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  auto embedding = state_values<float>(state, kEmbedding,
                                       {rows->shape[0], static_cast<std::int64_t>(options.component_count)}, source);
  if (!embedding) {
    return std::unexpected(embedding.error());
  }
  const auto mean = state_values<double>(state, kMeanDistance, {1}, source);
  if (!mean) {
    return std::unexpected(mean.error());
  }
  auto umap = std::make_unique<Umap>(Umap());
  umap->options_ = options;
  umap->curve_ = fit_umap_curve(options.min_dist, options.spread);
  umap->mean_distance_ = mean->values[0];
  umap->dim_ = static_cast<std::size_t>(rows->shape[1]);
  umap->rows_ = std::move(rows->values);
  umap->embedding_ = std::move(embedding->values);
  return umap;
}

EstimatorMethod umap_method() {
  return {.name = "umap",
          .summary = "a map that keeps near rows near (UMAP)",
          .labels = LabelUse::kOptional,
          .takes_initial = true,
          .options = umap_options(),
          .fit = &fit_umap,
          .load = &load_umap};
}

}  // namespace asterism
