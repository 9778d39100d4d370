// The steps of UMAP before the layout, against umap-learn (tools/goldens/umap_record.py).
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "analysis/fuzzy_graph.hpp"
#include "analysis/neighbor_graph.hpp"
#include "analysis/spectral_vectors.hpp"
#include "analysis/umap.hpp"
#include "analysis/umap_curve.hpp"
#include "analysis/umap_density.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {
namespace {

Json golden() {
  auto json = read_json_file(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/umap/umap.json");
  return json ? *json : Json::object();
}

UmapOptions options_of(const Json& golden) {
  UmapOptions options;
  options.neighbor_count = golden["neighbors"].get<std::size_t>();
  options.metric = golden["metric"] == "cosine" ? Metric::kCosine : Metric::kEuclidean;
  options.local_connectivity = golden["local_connectivity"].get<double>();
  options.set_op_mix_ratio = golden["set_op_mix_ratio"].get<double>();
  options.target_weight = golden.value("target_weight", 0.5);
  return options;
}

void expect_near(const std::vector<float>& found, const Json& expected, double tolerance) {
  const auto values = expected.get<std::vector<double>>();
  ASSERT_EQ(found.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(found[i]), values[i], tolerance) << i;
  }
}

void expect_graph(const SparseGraph& graph, const Json& expected, double tolerance) {
  EXPECT_EQ(graph.columns, expected["columns"].get<std::vector<std::uint32_t>>());
  std::vector<std::uint32_t> rows;
  for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
    rows.insert(rows.end(), graph.columns_of(row).size(), row);
  }
  EXPECT_EQ(rows, expected["rows"].get<std::vector<std::uint32_t>>());
  expect_near(graph.weights, expected["weights"], tolerance);
}

TEST(UmapGolden, graphs_are_those_of_umap_learn) {
  ThreadPool pool(2);
  const AnalysisRun run{pool};
  const Json cases = golden()["cases"];
  ASSERT_EQ(cases.size(), 9U);
  for (const Json& expected : cases) {
    SCOPED_TRACE(expected["name"].get<std::string>());
    const auto data = expected["data"].get<std::vector<float>>();
    const RowsView rows{
        .values = data, .row_count = expected["rows"].get<std::size_t>(), .dim = expected["dim"].get<std::size_t>()};
    const UmapOptions options = options_of(expected);
    const NeighborGraph neighbors{.row_count = rows.row_count,
                                  .neighbor_count = options.neighbor_count - 1,
                                  .neighbors = expected["nearest"].get<std::vector<std::uint32_t>>(),
                                  .distances = expected["distances"].get<std::vector<float>>()};
    const SmoothDistances smooth = smooth_distances(neighbors, options.local_connectivity, pool);
    expect_near(smooth.rho, expected["rho"], 1e-5);
    expect_near(smooth.sigma, expected["sigma"], 1e-5);
    expect_graph(fuzzy_union(memberships(neighbors, smooth), options.set_op_mix_ratio), expected["graph"], 1e-5);
    auto graph = umap_graph(rows, options, {}, run);
    ASSERT_TRUE(graph) << graph.error().to_string();
    expect_graph(*graph, expected["graph"], 5e-5);
    if (expected.contains("labels")) {
      const auto labels = expected["labels"].get<std::vector<std::int32_t>>();
      auto supervised = umap_graph(rows, options, {.classes = labels}, run);
      ASSERT_TRUE(supervised);
      expect_graph(*supervised, expected["supervised"], 5e-5);
    }
    if (expected.contains("targets")) {
      const auto targets = expected["targets"].get<std::vector<float>>();
      auto supervised = umap_graph(rows, options, {.numbers = targets}, run);
      ASSERT_TRUE(supervised);
      expect_graph(*supervised, expected["supervised"], 5e-5);
    }
  }
}

// Both solvers: small graphs are solved densely unless told otherwise.
TEST(UmapGolden, smoothest_functions_are_the_eigenvectors_of_a_dense_solver) {
  ThreadPool pool(2);
  const AnalysisRun run{pool};
  for (const Json& expected : golden()["cases"]) {
    SCOPED_TRACE(expected["name"].get<std::string>());
    const auto data = expected["data"].get<std::vector<float>>();
    const RowsView rows{
        .values = data, .row_count = expected["rows"].get<std::size_t>(), .dim = expected["dim"].get<std::size_t>()};
    auto graph = umap_graph(rows, options_of(expected), {}, run);
    ASSERT_TRUE(graph);
    auto found = spectral_vectors(*graph, {.vector_count = 3}, run);
    ASSERT_TRUE(found);
    const auto values = expected["spectral"]["values"].get<std::vector<double>>();
    const auto vectors = expected["spectral"]["vectors"].get<std::vector<double>>();
    for (std::size_t v = 0; v < 3; ++v) {
      EXPECT_NEAR(found->eigenvalues[v], values[v], 1e-6);
      double dot = 0.0;
      for (std::size_t row = 0; row < rows.row_count; ++row) {
        dot += found->vectors[v * rows.row_count + row] * vectors[v * rows.row_count + row];
      }
      for (std::size_t row = 0; row < rows.row_count; ++row) {
        const double sign = dot < 0.0 ? -1.0 : 1.0;
        EXPECT_NEAR(sign * found->vectors[v * rows.row_count + row], vectors[v * rows.row_count + row], 1e-5);
      }
    }
  }
}

RowsView rows_of(const std::vector<float>& data, const Json& golden) {
  return {.values = data, .row_count = golden["rows"].get<std::size_t>(), .dim = golden["dim"].get<std::size_t>()};
}

// What one neighbour moves a place by at rate 1.
std::array<float, 2> move_along(const UmapCurve& curve, const UmapDensity::Pull& pull, std::span<const float> places,
                                std::uint32_t row, std::uint32_t other) {
  const std::array<std::uint32_t, kUmapLanes> others{other};
  const std::array<std::uint32_t, kUmapLanes> counts{1};
  const std::array<std::uint32_t, kUmapLanes> self{};
  std::array<float, 2 * kUmapLanes> density{};
  density[0] = pull.level;
  density[kUmapLanes] = pull.slope;
  std::array<float, 2 * kUmapLanes> moved{};
  moved[0] = places[2 * row];
  moved[kUmapLanes] = places[2 * row + 1];
  umap_move({.a = static_cast<float>(curve.a), .b = static_cast<float>(curve.b), .pull_count = 1, .push_count = 0},
            {others.data(), counts.data(), self.data(), density.data()}, places.data(), 2, moved.data());
  return {moved[0] - places[2 * row], moved[kUmapLanes] - places[2 * row + 1]};
}

TEST(UmapGolden, density_moves_are_those_of_densmap) {
  ThreadPool pool(2);
  const Json expected = golden()["density"];
  const auto data = expected["data"].get<std::vector<float>>();
  const RowsView rows = rows_of(data, expected);
  auto all = umap_graph(rows, {.neighbor_count = expected["neighbors"].get<std::size_t>()}, {}, {pool});
  ASSERT_TRUE(all) << all.error().to_string();
  const SparseGraph graph = due_edges(*all, expected["epochs"].get<std::size_t>());
  EXPECT_LT(graph.edge_count(), all->edge_count());
  expect_graph(graph, expected["edges"], 5e-5);
  const auto radii = local_radii(graph, rows, Metric::kEuclidean, pool);
  ASSERT_TRUE(radii);
  expect_near({radii->begin(), radii->end()}, expected["radii"], 1e-5);
  const UmapCurve curve = fit_umap_curve(0.1, 1.0);
  const UmapDensityOptions options{.weight = expected["lambda"].get<double>(),
                                   .variance_shift = expected["var_shift"].get<double>()};
  UmapDensity density(graph, *radii, options, curve);
  const auto places = expected["places"].get<std::vector<float>>();
  density.measure(places, 2, pool);
  expect_near({density.map_radii().begin(), density.map_radii().end()}, expected["map_radii"], 1e-5);
  expect_near({density.nearness_sums().begin(), density.nearness_sums().end()}, expected["nearness_sums"], 1e-5);
  const auto moves = expected["moves"].get<std::vector<double>>();
  ASSERT_EQ(moves.size(), 2 * graph.edge_count());
  std::size_t edge = 0;
  for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
    for (std::size_t e = 0; e < graph.columns_of(row).size(); ++e, ++edge) {
      const std::uint32_t other = graph.columns_of(row)[e];
      const auto pull = density.of(row, other, static_cast<double>(graph.weights_of(row)[e]));
      const auto moved = move_along(curve, pull, places, row, other);
      for (std::size_t c = 0; c < 2; ++c) {
        EXPECT_NEAR(static_cast<double>(moved[c]), moves[2 * edge + c], 1e-3) << row << " " << other;
      }
    }
  }
}

TEST(UmapGolden, curves_are_those_of_scipy) {
  const Json curves = golden()["curves"];
  ASSERT_EQ(curves.size(), 7U);
  for (const Json& expected : curves) {
    const UmapCurve curve = fit_umap_curve(expected["min_dist"].get<double>(), expected["spread"].get<double>());
    EXPECT_NEAR(curve.a, expected["a"].get<double>(), 1e-5 * curve.a) << expected.dump();
    EXPECT_NEAR(curve.b, expected["b"].get<double>(), 1e-5 * curve.b) << expected.dump();
  }
}

}  // namespace
}  // namespace asterism
