#include "analysis/umap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "analysis/fuzzy_graph.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/rows_check.hpp"
#include "analysis/start_places.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {
namespace {

constexpr std::size_t kManyRows = 10'000;
constexpr std::size_t kEpochs = 500;
constexpr std::size_t kEpochsOfMany = 300;
constexpr std::size_t kEpochsOfDensity = 200;  // more
// Of a map that goes on: at the full rate 3,000 sentences lost 0.02 of trustworthiness.
constexpr std::size_t kEpochsOfGrown = 200;
constexpr double kRateShareOfGrown = 0.1;
constexpr std::size_t kQueryEpochs = 100;
constexpr double kQueryRateShare = 0.25;  // new rows begin where they belong already
// Where to stand and how far neighbours are is numbered with 31 bits in the kernel.
constexpr std::size_t kPlaceValuesMax = std::numeric_limits<std::int32_t>::max();

Result<void> check(const RowsView& rows, const UmapOptions& options, const UmapLabels& labels,
                   std::span<const float> initial) {
  const auto expect = [](bool holds, std::string message, std::string hint = {}) -> Result<void> {
    return holds ? Result<void>() : fail(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
  };
  const std::size_t components = options.component_count;
  for (const auto& checked : {
           expect(rows.row_count >= 2, fmt::format("umap: expected at least 2 rows, found {}", rows.row_count)),
           expect(components >= 1 && components <= kUmapDimMax,
                  fmt::format("umap: components: expected 1 to {}, found {}", kUmapDimMax, components)),
           expect(options.neighbor_count >= 2,
                  fmt::format("umap: neighbors: expected at least 2, found {}", options.neighbor_count),
                  "the row itself counts as one"),
           expect(options.spread > 0.0 && options.min_dist >= 0.0 && options.min_dist <= options.spread,
                  fmt::format("umap: min_dist: expected 0 to the spread of {}, found {}", options.spread,
                              options.min_dist),
                  "raise spread or lower min_dist"),
           expect(labels.classes.empty() || labels.classes.size() == rows.row_count,
                  fmt::format("umap: expected {} labels, found {}", rows.row_count, labels.classes.size())),
           expect(labels.numbers.empty() || labels.numbers.size() == rows.row_count,
                  fmt::format("umap: expected {} targets, found {}", rows.row_count, labels.numbers.size())),
           expect(labels.classes.empty() || labels.numbers.empty(), "umap: expected labels or targets, found both"),
           expect(initial.empty() || initial.size() == rows.row_count * components,
                  fmt::format("umap: expected {} x {} values to start from, found {}", rows.row_count, components,
                              initial.size())),
       }) {
    if (!checked) {
      return checked;
    }
  }
  if (rows.row_count > kPlaceValuesMax / components) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("umap: expected rows x components up to {}, found {} x {}",
                                                       kPlaceValuesMax, rows.row_count, components));
  }
  return {};
}

// Of each row, without itself.
std::size_t neighbors_of_each(const UmapOptions& options, std::size_t row_count) {
  return std::min(options.neighbor_count, row_count) - 1;
}

Result<NeighborGraph> neighbors_of(const RowsView& rows, const UmapOptions& options, const AnalysisRun& run) {
  return neighbor_graph(rows, {.neighbor_count = neighbors_of_each(options, rows.row_count), .metric = options.metric},
                        run);
}

SparseGraph graph_of(const NeighborGraph& neighbors, const UmapOptions& options, const UmapLabels& labels,
                     const AnalysisRun& run) {
  const SmoothDistances smooth = smooth_distances(neighbors, options.local_connectivity, run.pool);
  SparseGraph graph = fuzzy_union(memberships(neighbors, smooth), options.set_op_mix_ratio);
  if (!labels.numbers.empty()) {
    const SparseGraph targets = target_memberships(labels.numbers, neighbors.neighbor_count, run.pool);
    return with_targets(graph, targets, options.target_weight);
  }
  return labels.classes.empty() ? graph : with_labels(graph, labels.classes, options.target_weight);
}

std::size_t epochs_of(const UmapOptions& options, std::size_t row_count, bool goes_on) {
  if (options.epoch_count != 0) {
    return options.epoch_count;
  }
  if (goes_on) {
    return kEpochsOfGrown;
  }
  return (row_count <= kManyRows ? kEpochs : kEpochsOfMany) + (options.density.weight > 0.0 ? kEpochsOfDensity : 0);
}

// Between its neighbours, by weight; on the nearest where none has any.
std::vector<float> query_start(const SparseGraph& graph, const NeighborGraph& neighbors, std::span<const float> fitted,
                               std::size_t dim) {
  std::vector<float> places(graph.row_count() * dim);
  for (std::size_t row = 0; row < graph.row_count(); ++row) {
    const auto columns = graph.columns_of(row);
    const auto weights = graph.weights_of(row);
    for (std::size_t c = 0; c < dim; ++c) {
      double sum = 0.0;
      double weight_sum = 0.0;
      for (std::size_t e = 0; e < columns.size(); ++e) {
        sum += static_cast<double>(weights[e]) * static_cast<double>(fitted[columns[e] * dim + c]);
        weight_sum += static_cast<double>(weights[e]);
      }
      places[row * dim + c] = weight_sum > 0.0 ? static_cast<float>(sum / weight_sum)
                                               : fitted[neighbors.neighbors[row * neighbors.neighbor_count] * dim + c];
    }
  }
  return places;
}

}  // namespace

Result<SparseGraph> umap_graph(const RowsView& rows, const UmapOptions& options, const UmapLabels& labels,
                               const AnalysisRun& run) {
  if (auto checked = check(rows, options, labels, {}); !checked) {
    return std::unexpected(checked.error());
  }
  const auto neighbors = neighbors_of(rows, options, run);
  if (!neighbors) {
    return std::unexpected(neighbors.error());
  }
  return graph_of(*neighbors, options, labels, run);
}

Result<Umap> Umap::fit(const RowsView& rows, const UmapOptions& options, const UmapLabels& labels,
                       std::span<const float> initial, const AnalysisRun& run) {
  if (auto checked = check(rows, options, labels, initial); !checked) {
    return std::unexpected(checked.error());
  }
  const auto neighbors = neighbors_of(rows, options, run);
  if (!neighbors) {
    return std::unexpected(neighbors.error());
  }
  const SparseGraph graph = graph_of(*neighbors, options, labels, run);
  Umap umap;
  umap.options_ = options;
  umap.curve_ = fit_umap_curve(options.min_dist, options.spread);
  umap.mean_distance_ = mean_distance(*neighbors);
  umap.dim_ = rows.dim;
  const GivenPlaces given = kind_of_places(initial, options.component_count);
  auto start = given == GivenPlaces::kNone
                   ? umap_start(graph, rows, options.start, options.component_count, options.seed, run)
                   : completed_places(graph, initial, options.component_count, options.seed);
  if (!start) {
    return std::unexpected(start.error());
  }
  umap.embedding_ = given == GivenPlaces::kShape ? spread_start(*start, options.component_count) : *std::move(start);
  const bool goes_on = given == GivenPlaces::kMap;
  const std::size_t epochs = epochs_of(options, rows.row_count, goes_on);
  UmapLayoutOptions layout = umap.layout_options(epochs, (goes_on ? kRateShareOfGrown : 1.0) * options.learning_rate);
  const auto shares = goes_on ? step_shares(initial, options.component_count) : std::vector<float>{};
  layout.step_shares = shares;
  std::vector<double> radii;
  if (options.density.weight > 0.0) {
    auto measured = local_radii(due_edges(graph, epochs), rows, options.metric, run.pool);
    if (!measured) {
      return std::unexpected(measured.error());
    }
    radii = *std::move(measured);
    layout.radii = radii;
  }
  if (auto laid_out = lay_out_umap(graph, layout, umap.embedding_, run); !laid_out) {
    return std::unexpected(laid_out.error());
  }
  umap.rows_.assign(rows.values.begin(), rows.values.begin() + static_cast<std::ptrdiff_t>(rows.row_count * rows.dim));
  return umap;
}

UmapLayoutOptions Umap::layout_options(std::size_t epoch_count, double learning_rate) const {
  return {.dim = options_.component_count,
          .epoch_count = epoch_count,
          .curve = curve_,
          .learning_rate = learning_rate,
          .repulsion_strength = options_.repulsion_strength,
          .negative_sample_count = options_.negative_sample_count,
          .seed = options_.seed,
          .density = options_.density};
}

Result<std::vector<float>> Umap::transform(const RowsView& rows, const AnalysisRun& run) const {
  if (auto checked = expect_rows_of(dim_, rows, "umap", run); !checked) {
    return std::unexpected(checked.error());
  }
  if (rows.row_count == 0) {
    return std::vector<float>{};
  }
  const RowsView fitted{.values = rows_, .row_count = rows_.size() / dim_, .dim = dim_};
  const std::size_t count = std::min(options_.neighbor_count, fitted.row_count);
  const auto neighbors = neighbors_among(rows, fitted, {.neighbor_count = count, .metric = options_.metric}, run);
  if (!neighbors) {
    return std::unexpected(neighbors.error());
  }
  const SmoothDistances smooth =
      smooth_query_distances(*neighbors, options_.local_connectivity, mean_distance_, run.pool);
  const SparseGraph graph = memberships(*neighbors, smooth);
  std::vector<float> places = query_start(graph, *neighbors, embedding_, options_.component_count);
  const std::size_t epochs =
      options_.epoch_count != 0 ? std::max<std::size_t>(1, options_.epoch_count / 3) : kQueryEpochs;
  const auto layout = layout_options(epochs, kQueryRateShare * options_.learning_rate);
  if (auto laid_out = lay_out_umap_queries(graph, layout, embedding_, places, run); !laid_out) {
    return std::unexpected(laid_out.error());
  }
  return places;
}

}  // namespace asterism
