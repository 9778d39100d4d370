#include "analysis/pacmap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "analysis/estimator_state.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/option_fields.hpp"
#include "analysis/pacmap_descent.hpp"
#include "analysis/pacmap_pairs.hpp"
#include "analysis/pca.hpp"
#include "analysis/rows_check.hpp"
#include "analysis/stage_progress.hpp"
#include "analysis/start_places.hpp"
#include "base/thread_pool.hpp"
#include "kernels/distance.hpp"

namespace asterism {
namespace {

// Rows of more values go through so many principal components.
constexpr std::size_t kPrincipalCount = 100;
constexpr double kStartDeviation = 0.01;
constexpr std::size_t kRowsPerTask = 64;
constexpr std::size_t kRowsPerRound = 4096;  // between two looks at the cancel flag
constexpr std::string_view kRows = "rows";
constexpr std::string_view kPlaces = "places";
constexpr std::string_view kShift = "principal_shift";
constexpr std::string_view kWeight = "principal_weight";

constexpr OptionField<PacmapOptions> kFields[] = {
    {kComponentsOption, &PacmapOptions::component_count},
    {"neighbors", &PacmapOptions::near_count},
    {"mid_near_ratio", &PacmapOptions::mid_ratio},
    {"further_ratio", &PacmapOptions::far_ratio},
    {"steps", &PacmapOptions::step_count},
    {"learning_rate", &PacmapOptions::learning_rate},
    {"metric", &PacmapOptions::metric},
    {kSeedOption, &PacmapOptions::seed},
};

// Each row divided by its length; a row of zeros stays.
std::vector<float> unit_rows(const RowsView& rows) {
  std::vector<float> out(rows.values.begin(),
                         rows.values.begin() + static_cast<std::ptrdiff_t>(rows.row_count * rows.dim));
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    const auto values = std::span(out).subspan(row * rows.dim, rows.dim);
    const float length = std::sqrt(dot_product(values, values));
    if (length > 0.0F) {
      std::ranges::transform(values, values.begin(), [length](float v) { return v / length; });
    }
  }
  return out;
}

Result<AffineMap> principal_map(const RowsView& rows, std::uint64_t seed, const AnalysisRun& run) {
  const auto pca = Pca::fit(rows, {.count = std::min(kPrincipalCount, rows.row_count), .seed = seed}, run);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  std::vector<float> weight(pca->components().size());
  std::ranges::transform(pca->components(), weight.begin(), [](double v) { return static_cast<float>(v); });
  return AffineMap({pca->mean().begin(), pca->mean().end()}, std::move(weight));
}

PacmapPairs pairs_of(const RowsView& rows, const NeighborGraph& graph, const PairCounts& counts, std::uint64_t seed,
                     ThreadPool& pool) {
  const auto near = near_pairs(graph, counts.near, pool);
  return {.near = pair_lists(rows.row_count, near),
          .mid = pair_lists(rows.row_count, mid_pairs(rows, counts.mid, seed, pool)),
          .far = pair_lists(rows.row_count, far_pairs(rows.row_count, near, counts.far, seed, pool))};
}

// Every row's neighbours alike: what rows without a place start amid.
SparseGraph unweighted(const NeighborGraph& graph) {
  SparseGraph out;
  for (std::size_t row = 0; row < graph.row_count; ++row) {
    out.begin.push_back((row + 1) * graph.neighbor_count);
  }
  out.columns = graph.neighbors;
  out.weights.assign(graph.neighbors.size(), 1.0F);
  return out;
}

// Amid the nearest fitted rows, then drawn by them alone.
Place place_row(const PlacesView& places, std::span<const std::uint32_t> near, const PacmapOptions& options) {
  Place at = {};
  for (std::size_t c = 0; c < places.dim; ++c) {
    for (const std::uint32_t row : near) {
      at[c] += places.values[c * places.count + row] / static_cast<float>(near.size());
    }
  }
  std::array<AdamState, kPlaceDimMax> adam = {};
  for (std::size_t step = 0; step < 2 * kPacmapPhaseSteps + options.step_count; ++step) {
    const Place pull = pacmap_pull(places, at, near, pacmap_weights(step).near);
    const AdamStep adam_step(options.learning_rate, step);
    for (std::size_t c = 0; c < places.dim; ++c) {
      at[c] += adam_step(adam[c], pull[c]);
    }
  }
  return at;
}

}  // namespace

Result<std::vector<float>> Pacmap::prepared(const RowsView& rows, const AnalysisRun& run) const {
  std::vector<float> values;
  if (options_.metric == Metric::kCosine) {
    values = unit_rows(rows);
  } else {
    values.assign(rows.values.begin(), rows.values.begin() + static_cast<std::ptrdiff_t>(rows.row_count * rows.dim));
  }
  if (!principal_) {
    return values;
  }
  return principal_->apply({.values = values, .row_count = rows.row_count, .dim = rows.dim}, kPacmapName, run);
}

Result<Pacmap::Fit> Pacmap::fit(const RowsView& rows, const PacmapOptions& options, std::span<const float> initial,
                                const AnalysisRun& run) {
  if (options.near_count == 0) {
    return fail(ErrorCode::kInvalidArgument, "pacmap: expected at least 1 neighbour, found 0");
  }
  if (auto ok = expect_rows_to_lay_out(rows, options.component_count, initial, kPacmapName, run); !ok) {
    return std::unexpected(ok.error());
  }
  const std::size_t n = rows.row_count;
  const std::size_t components = options.component_count;
  Pacmap pacmap;
  pacmap.options_ = options;
  pacmap.dim_ = rows.dim;
  auto kept = pacmap.prepared(rows, run);
  if (kept && rows.dim > kPrincipalCount) {
    auto map = principal_map({.values = *kept, .row_count = n, .dim = rows.dim}, options.seed, run);
    if (!map) {
      return std::unexpected(map.error());
    }
    kept = map->apply({.values = *kept, .row_count = n, .dim = rows.dim}, kPacmapName, run);
    pacmap.principal_ = *std::move(map);
  }
  if (!kept) {
    return std::unexpected(kept.error());
  }
  pacmap.rows_ = *std::move(kept);
  pacmap.prepared_dim_ = pacmap.rows_.size() / n;
  const RowsView prepared_rows{.values = pacmap.rows_, .row_count = n, .dim = pacmap.prepared_dim_};
  const PairCounts counts = pair_counts(options.near_count, options.mid_ratio, options.far_ratio, n);
  const auto graph =
      neighbor_graph(prepared_rows, {.neighbor_count = std::min(counts.near + kNearCandidates, n - 1)}, run);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const PacmapPairs pairs = pairs_of(prepared_rows, *graph, counts, options.seed, run.pool);
  const GivenPlaces given = kind_of_places(initial, components);
  auto start = given == GivenPlaces::kNone
                   ? principal_places(prepared_rows, components, kStartDeviation, options.seed, run)
                   : completed_places(unweighted(*graph), initial, components, options.seed);
  if (!start) {
    return std::unexpected(start.error());
  }
  if (given == GivenPlaces::kShape) {
    scale_places(*start, components, kStartDeviation);
  }
  std::vector<float> planes = by_component(*start, n, components);
  constexpr std::size_t kBeforeLast = 2 * kPacmapPhaseSteps;
  const bool goes_on = given == GivenPlaces::kMap;
  const auto shares = goes_on ? step_shares(initial, components) : std::vector<float>{};
  if (auto ok = descend_pacmap(pairs,
                               {.first_step = goes_on ? kBeforeLast : 0,
                                .end_step = kBeforeLast + options.step_count,
                                .learning_rate = options.learning_rate,
                                .step_shares = shares},
                               components, planes, run);
      !ok) {
    return std::unexpected(ok.error());
  }
  pacmap.places_ = by_component(planes, components, n);
  std::vector<float> places = pacmap.places_;
  return Fit{.pacmap = std::move(pacmap), .places = std::move(places)};
}

Result<std::vector<float>> Pacmap::transform(const RowsView& rows, const AnalysisRun& run) const {
  if (auto ok = expect_rows_of(dim_, rows, kPacmapName, run); !ok) {
    return std::unexpected(ok.error());
  }
  if (rows.row_count == 0) {
    return std::vector<float>{};
  }
  const auto asked = prepared(rows, run);
  if (!asked) {
    return std::unexpected(asked.error());
  }
  const std::size_t fitted_count = rows_.size() / prepared_dim_;
  const std::size_t k = std::min(options_.near_count, fitted_count);
  const auto graph =
      neighbors_among({.values = *asked, .row_count = rows.row_count, .dim = prepared_dim_},
                      {.values = rows_, .row_count = fitted_count, .dim = prepared_dim_}, {.neighbor_count = k}, run);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const std::vector<float> planes = by_component(places_, fitted_count, options_.component_count);
  const PlacesView places{.values = planes.data(), .count = fitted_count, .dim = options_.component_count};
  std::vector<float> out(rows.row_count * places.dim);
  StageProgress progress(run, "placing", rows.row_count);
  for (std::size_t first = 0; first < rows.row_count; first += kRowsPerRound) {
    if (auto ok = progress.at(first); !ok) {
      return std::unexpected(ok.error());
    }
    const std::size_t count = std::min(kRowsPerRound, rows.row_count - first);
    run.pool.parallel_for(count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = first + begin; row < first + end; ++row) {
        const Place at = place_row(places, std::span(graph->neighbors).subspan(row * k, k), options_);
        std::copy_n(at.begin(), places.dim, out.begin() + static_cast<std::ptrdiff_t>(row * places.dim));
      }
    });
  }
  if (auto ok = progress.at(rows.row_count); !ok) {
    return std::unexpected(ok.error());
  }
  return out;
}

EstimatorState Pacmap::state() const {
  const auto kept_dim = static_cast<std::int64_t>(prepared_dim_);
  const auto n = static_cast<std::int64_t>(rows_.size() / prepared_dim_);
  EstimatorState state{.options = json_of<PacmapOptions>(options_, kFields), .arrays = {}};
  state.arrays.push_back(state_array<float>(std::string(kRows), {n, kept_dim}, rows_));
  state.arrays.push_back(
      state_array<float>(std::string(kPlaces), {n, static_cast<std::int64_t>(options_.component_count)}, places_));
  if (principal_) {
    const auto dim = static_cast<std::int64_t>(dim_);
    state.arrays.push_back(state_array<double>(std::string(kShift), {dim}, principal_->shift()));
    state.arrays.push_back(state_array<float>(std::string(kWeight), {kept_dim, dim}, principal_->weight()));
  }
  return state;
}

Result<std::unique_ptr<Estimator>> Pacmap::load(const EstimatorState& state, std::string_view source) {
  auto pacmap = std::make_unique<Pacmap>();
  pacmap->options_ = options_from<PacmapOptions>(state.options, kFields);
  auto rows = state_values<float>(state, kRows, {-1, -1}, source);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  auto places = state_values<float>(
      state, kPlaces, {rows->shape[0], static_cast<std::int64_t>(pacmap->options_.component_count)}, source);
  if (!places) {
    return std::unexpected(places.error());
  }
  pacmap->dim_ = static_cast<std::size_t>(rows->shape[1]);
  pacmap->prepared_dim_ = pacmap->dim_;
  if (std::ranges::any_of(state.arrays, [](const EstimatorState::Array& array) { return array.name == kShift; })) {
    auto shift = state_values<double>(state, kShift, {-1}, source);
    if (!shift) {
      return std::unexpected(shift.error());
    }
    auto weight = state_values<float>(state, kWeight, {rows->shape[1], shift->shape[0]}, source);
    if (!weight) {
      return std::unexpected(weight.error());
    }
    pacmap->dim_ = shift->values.size();
    pacmap->principal_.emplace(std::move(shift->values), std::move(weight->values));
  }
  pacmap->rows_ = std::move(rows->values);
  pacmap->places_ = std::move(places->values);
  return pacmap;
}

EstimatorMethod pacmap_method() {
  const auto fit = [](const FitRequest& request, const AnalysisRun& run) -> Result<FittedEstimator> {
    auto fitted =
        Pacmap::fit(request.rows, options_from<PacmapOptions>(request.options, kFields), request.initial, run);
    if (!fitted) {
      return std::unexpected(fitted.error());
    }
    return FittedEstimator{.estimator = std::make_unique<Pacmap>(std::move(fitted->pacmap)),
                           .embedding = std::move(fitted->places)};
  };
  const PacmapOptions defaults;
  EstimatorOption components = components_option(defaults.component_count);
  components.max = static_cast<double>(kPlaceDimMax);
  return {
      .name = kPacmapName,
      .summary = "PaCMAP: a map that keeps neighbourhoods and how groups lie to each other",
      .takes_initial = true,
      .options = {components, count_option("neighbors", defaults.near_count, 1, 10'000, "near rows that pull each row"),
                  number_option("mid_near_ratio", defaults.mid_ratio, 0.0, 100.0,
                                "mid-near pairs over near ones: the large picture"),
                  number_option("further_ratio", defaults.far_ratio, 0.0, 100.0,
                                "further pairs over near ones: what keeps rows apart"),
                  count_option("steps", defaults.step_count, 0, 1e6,
                               "steps of the last phase; the two before have 100 each"),
                  number_option("learning_rate", defaults.learning_rate, 1e-6, 1e6, "how far a step goes"),
                  metric_option(), seed_option()},
      .fit = fit,
      .load = &Pacmap::load};
}

}  // namespace asterism
