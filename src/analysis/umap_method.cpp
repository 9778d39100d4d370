// UMAP's row of the table of methods, and its state to and from files.
#include <array>
#include <memory>
#include <utility>

#include "analysis/estimator_state.hpp"
#include "analysis/option_fields.hpp"
#include "analysis/umap.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {
namespace {

constexpr std::string_view kRows = "rows";
constexpr std::string_view kEmbedding = "embedding";
constexpr std::string_view kMeanDistance = "mean_distance";
constexpr std::string_view kStartOption = "start";

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

constexpr std::string_view kDensityOption = "density";
constexpr std::string_view kDensityShareOption = "density_share";
constexpr std::string_view kDensityShiftOption = "density_shift";

constexpr OptionField<UmapOptions> kFields[] = {
    {kComponentsOption, &UmapOptions::component_count},
    {"neighbors", &UmapOptions::neighbor_count},
    {"metric", &UmapOptions::metric},
    {"min_dist", &UmapOptions::min_dist},
    {"spread", &UmapOptions::spread},
    {"epochs", &UmapOptions::epoch_count},
    {"learning_rate", &UmapOptions::learning_rate},
    {"negative_samples", &UmapOptions::negative_sample_count},
    {"repulsion_strength", &UmapOptions::repulsion_strength},
    {"local_connectivity", &UmapOptions::local_connectivity},
    {"set_op_mix_ratio", &UmapOptions::set_op_mix_ratio},
    {"target_weight", &UmapOptions::target_weight},
    {kSeedOption, &UmapOptions::seed},
};

UmapOptions umap_options_from(const Json& json) {
  UmapOptions options = options_from<UmapOptions>(json, kFields);
  options.start = start_of(option_word(json, kStartOption));
  options.density = {.weight = option_number(json, kDensityOption),
                     .share = option_number(json, kDensityShareOption),
                     .variance_shift = option_number(json, kDensityShiftOption)};
  return options;
}

Json json_of_umap(const UmapOptions& options) {
  Json json = json_of<UmapOptions>(options, kFields);
  json[std::string(kStartOption)] = word_of(options.start);
  json[std::string(kDensityOption)] = options.density.weight;
  json[std::string(kDensityShareOption)] = options.density.share;
  json[std::string(kDensityShiftOption)] = options.density.variance_shift;
  return json;
}

Result<FittedEstimator> fit_umap(const FitRequest& request, const AnalysisRun& run) {
  auto umap = Umap::fit(request.rows, umap_options_from(request.options),
                        {.classes = request.labels, .numbers = request.targets}, request.initial, run);
  if (!umap) {
    return std::unexpected(umap.error());
  }
  std::vector<float> embedding(umap->embedding().begin(), umap->embedding().end());
  return FittedEstimator{.estimator = std::make_unique<Umap>(*std::move(umap)), .embedding = std::move(embedding)};
}

std::vector<EstimatorOption> umap_options() {
  const UmapOptions defaults;
  EstimatorOption components = components_option(defaults.component_count);
  components.max = static_cast<double>(kUmapDimMax);
  return {
      components,
      count_option("neighbors", defaults.neighbor_count, 2, 1000,
                   "rows that count as near, the row itself included: more keeps more of the large, less of the small"),
      metric_option(),
      number_option("min_dist", defaults.min_dist, 0.0, 100.0, "how close places may come, at most spread"),
      number_option("spread", defaults.spread, 1e-3, 100.0, "how far clumps stand apart"),
      {.name = kStartOption,
       .kind = OptionKind::kWord,
       .default_value = "spectral",
       .text = "where places start",
       .words = {"spectral", "pca", "random"}},
      count_option("epochs", defaults.epoch_count, 0, 100'000,
                   "passes; 0: 500 up to 10,000 rows, 300 beyond, 200 more with density"),
      number_option("learning_rate", defaults.learning_rate, 1e-6, 100.0, "of the first pass"),
      count_option("negative_samples", defaults.negative_sample_count, 0, 100, "pushes for each pull"),
      number_option("repulsion_strength", defaults.repulsion_strength, 0.0, 100.0, "weight of a push"),
      number_option("local_connectivity", defaults.local_connectivity, 0.0, 100.0, "neighbours that are near for sure"),
      number_option("set_op_mix_ratio", defaults.set_op_mix_ratio, 0.0, 1.0,
                    "1: near where either row says so; 0: where both do"),
      number_option("target_weight", defaults.target_weight, 0.0, 1.0, "of labels against the rows"),
      number_option(kDensityOption, defaults.density.weight, 0.0, 1000.0,
                    "densMAP: how much dense places of the rows become dense places of the map; 2 is usual"),
      number_option(kDensityShareOption, defaults.density.share, 0.0, 1.0, "of the passes, the last, with density"),
      number_option(kDensityShiftOption, defaults.density.variance_shift, 0.0, 1000.0,
                    "added to the variance of densities on the map"),
      seed_option(),
  };
}

}  // namespace

EstimatorState Umap::state() const {
  const auto row_count = static_cast<std::int64_t>(rows_.size() / dim_);
  EstimatorState state{.options = json_of_umap(options_), .arrays = {}};
  state.arrays.push_back(
      state_array(std::string(kRows), {row_count, static_cast<std::int64_t>(dim_)}, std::span<const float>(rows_)));
  state.arrays.push_back(state_array(std::string(kEmbedding),
                                     {row_count, static_cast<std::int64_t>(options_.component_count)},
                                     std::span<const float>(embedding_)));
  state.arrays.push_back(state_array(std::string(kMeanDistance), {1}, std::span<const double>(&mean_distance_, 1)));
  return state;
}

Result<std::unique_ptr<Estimator>> load_umap(const EstimatorState& state, std::string_view source) {
  const UmapOptions options = umap_options_from(state.options);
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
          .takes_targets = true,
          .takes_initial = true,
          .options = umap_options(),
          .fit = &fit_umap,
          .load = &load_umap};
}

}  // namespace asterism
