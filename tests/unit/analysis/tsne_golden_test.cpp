#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "analysis/affinities.hpp"
#include "analysis/student_forces.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

struct Golden {
  std::size_t rows;
  std::size_t components;
  double perplexity;
  NeighborGraph graph;
  std::vector<double> conditional;
  std::vector<double> joint;  // [rows, rows]
  std::vector<float> planes;  // places by coordinate
  std::vector<double> gradient;
  double divergence;

  PlacesView view() const { return {.values = planes.data(), .count = rows, .dim = components}; }
};

Golden golden_of(const Json& json) {
  Golden golden{.rows = json["rows"].get<std::size_t>(),
                .components = json["components"].get<std::size_t>(),
                .perplexity = json["perplexity"].get<double>(),
                .graph = {},
                .conditional = json["conditional"].get<std::vector<double>>(),
                .joint = json["joint"].get<std::vector<double>>(),
                .planes = {},
                .gradient = json["gradient"].get<std::vector<double>>(),
                .divergence = json["divergence"].get<double>()};
  const auto dim = json["dim"].get<std::size_t>();
  const auto data = json["data"].get<std::vector<double>>();
  golden.graph.row_count = golden.rows;
  golden.graph.neighbors = json["neighbors"].get<std::vector<std::uint32_t>>();
  golden.graph.neighbor_count = golden.graph.neighbors.size() / golden.rows;
  for (std::size_t i = 0; i < golden.graph.neighbors.size(); ++i) {
    double square = 0.0;
    for (std::size_t d = 0; d < dim; ++d) {
      const double difference =
          data[i / golden.graph.neighbor_count * dim + d] - data[golden.graph.neighbors[i] * dim + d];
      square += difference * difference;
    }
    golden.graph.distances.push_back(static_cast<float>(std::sqrt(square)));
  }
  const auto places = json["places"].get<std::vector<float>>();
  for (std::size_t c = 0; c < golden.components; ++c) {
    for (std::size_t row = 0; row < golden.rows; ++row) {
      golden.planes.push_back(places[row * golden.components + c]);
    }
  }
  return golden;
}

std::vector<Golden> goldens() {
  const auto json = read_json_file(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/analysis/tsne.json");
  std::vector<Golden> out;
  if (json) {
    std::ranges::transform((*json)["cases"], std::back_inserter(out), golden_of);
  }
  return out;
}

double largest(const std::vector<double>& values) {
  return std::abs(*std::ranges::max_element(values, {}, [](double v) { return std::abs(v); }));
}

TEST(TsneGolden, affinities_equal_open_tsne) {
  ASSERT_EQ(goldens().size(), 3U);
  ThreadPool pool(2);
  for (const Golden& golden : goldens()) {
    const auto conditional = conditional_affinities(golden.graph, golden.perplexity, pool);
    ASSERT_EQ(conditional.size(), golden.conditional.size());
    for (std::size_t i = 0; i < conditional.size(); ++i) {
      EXPECT_NEAR(conditional[i], golden.conditional[i], 1e-6);
    }
    const SparseGraph joint = joint_affinities(golden.graph, conditional, pool);
    std::vector<double> dense(golden.joint.size(), 0.0);
    for (std::size_t row = 0; row < golden.rows; ++row) {
      const auto neighbors = joint.columns_of(row);
      EXPECT_TRUE(std::ranges::is_sorted(neighbors, std::less_equal<>()) || neighbors.size() < 2);
      for (std::size_t i = 0; i < neighbors.size(); ++i) {
        dense[row * golden.rows + neighbors[i]] = static_cast<double>(joint.weights_of(row)[i]);
      }
    }
    for (std::size_t i = 0; i < dense.size(); ++i) {
      EXPECT_NEAR(dense[i], golden.joint[i], 1e-6 * largest(golden.joint));
    }
  }
}

TEST(TsneGolden, gradient_and_divergence_equal_scikit_learn) {
  ThreadPool pool(2);
  for (const Golden& golden : goldens()) {
    const SparseGraph joint =
        joint_affinities(golden.graph, conditional_affinities(golden.graph, golden.perplexity, pool), pool);
    StudentForces forces(joint, make_push_field(PushMethod::kExact, golden.rows, golden.components, 0.0F));
    std::vector<float> gradient(golden.gradient.size());
    forces.gradient(golden.view(), 1.0, gradient, pool);
    for (std::size_t row = 0; row < golden.rows; ++row) {
      for (std::size_t c = 0; c < golden.components; ++c) {
        EXPECT_NEAR(gradient[c * golden.rows + row], golden.gradient[row * golden.components + c],
                    1e-6 * largest(golden.gradient));
      }
    }
    EXPECT_NEAR(forces.divergence(golden.view(), pool), golden.divergence, 1e-6 * golden.divergence);
  }
}

// The gradient is that of the divergence: a step along one coordinate changes it by as much.
TEST(TsneGolden, gradient_is_the_slope_of_the_divergence) {
  ThreadPool pool(1);
  for (const Golden& golden : goldens()) {
    const SparseGraph joint =
        joint_affinities(golden.graph, conditional_affinities(golden.graph, golden.perplexity, pool), pool);
    StudentForces forces(joint, make_push_field(PushMethod::kExact, golden.rows, golden.components, 0.0F));
    std::vector<float> gradient(golden.gradient.size());
    forces.gradient(golden.view(), 1.0, gradient, pool);
    std::vector<float> planes = golden.planes;
    const PlacesView view{.values = planes.data(), .count = golden.rows, .dim = golden.components};
    for (std::size_t at = 0; at < planes.size(); at += 5) {
      const float step = 0.01F;
      planes[at] = golden.planes[at] + step;
      const double up = forces.divergence(view, pool);
      planes[at] = golden.planes[at] - step;
      const double down = forces.divergence(view, pool);
      planes[at] = golden.planes[at];
      EXPECT_NEAR((up - down) / 0.02, gradient[at], 1e-3 * largest(golden.gradient));
    }
  }
}

TEST(Affinities, weights_have_the_perplexity_asked_for) {
  std::vector<float> distances;
  for (int i = 1; i <= 90; ++i) {
    distances.push_back(std::sqrt(static_cast<float>(i)) * 1e-4F);
  }
  std::vector<double> weights(distances.size());
  for (const double perplexity : {1.5, 5.0, 30.0, 80.0}) {
    gaussian_weights(distances, perplexity, weights);
    double entropy = 0.0;
    for (const double w : weights) {
      entropy -= w > 0.0 ? w * std::log(w) : 0.0;
    }
    EXPECT_NEAR(std::exp(entropy), perplexity, 1e-7 * perplexity);
    EXPECT_TRUE(std::ranges::is_sorted(weights, std::greater<>()));
  }
}

TEST(Affinities, equal_distances_share_alike) {
  std::vector<double> weights(8);
  gaussian_weights(std::vector<float>(8, 0.0F), 3.0, weights);
  EXPECT_TRUE(std::ranges::all_of(weights, [](double w) { return w == 0.125; }));
  // Six copies at the same distance are more than a perplexity of 3: nothing is left for the others.
  gaussian_weights(std::vector<float>{0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 1.0F, 2.0F}, 3.0, weights);
  EXPECT_NEAR(weights[0], 1.0 / 6.0, 1e-9);
  EXPECT_NEAR(weights[7], 0.0, 1e-9);
  // Distances at the ends of what a float holds.
  gaussian_weights(std::vector<float>{1e-30F, 1e18F, 2e18F, 3e18F}, 2.0, std::span(weights).first(4));
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.begin() + 4, 0.0), 1.0, 1e-12);
}

}  // namespace
}  // namespace asterism
