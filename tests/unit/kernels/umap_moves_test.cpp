#include "kernels/umap_moves.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

constexpr std::size_t kPlaces = 40;

struct Case {
  std::vector<float> places;
  std::vector<std::uint32_t> others;
  std::array<std::uint32_t, kUmapLanes> counts{};
  std::array<std::uint32_t, kUmapLanes> self{};
  std::vector<float> moved;
  std::vector<float> density;  // empty: none

  Case(std::size_t dim, std::size_t push_count, float extent) : places(kPlaces * dim), moved(dim * kUmapLanes) {
    const CounterRandom random(11, dim);
    for (std::size_t i = 0; i < places.size(); ++i) {
      places[i] = extent * static_cast<float>(random.normal(i));
    }
    constexpr std::size_t kSteps = 5;
    for (std::size_t i = 0; i < kSteps * (1 + push_count) * kUmapLanes; ++i) {
      others.push_back(random.below(1000 + i, kPlaces));
    }
    for (std::size_t lane = 0; lane < kUmapLanes; ++lane) {
      counts[lane] = random.below(5000 + lane, kSteps + 1);
      self[lane] = static_cast<std::uint32_t>(lane);
      for (std::size_t c = 0; c < dim; ++c) {
        moved[c * kUmapLanes + lane] = places[lane * dim + c];
      }
    }
  }

  void give_density() {
    const CounterRandom random(12);
    for (std::size_t i = 0; i < others.size() * 2; ++i) {
      density.push_back(static_cast<float>(random.normal(i)));
    }
  }

  UmapSteps steps() const {
    return {others.data(), counts.data(), self.data(), density.empty() ? nullptr : density.data()};
  }
};

TEST(UmapMoves, equals_the_scalar_oracle) {
  for (const std::size_t dim : {1U, 2U, 3U, 7U, 100U}) {
    // Close together the clip is at work, far apart the tails.
    for (const float extent : {0.05F, 1.0F, 30.0F}) {
      for (const bool with_density : {false, true}) {
        const UmapForces forces{.a = 1.577F, .b = 0.895F, .repulsion = 1.2F, .rate = 0.1F};
        Case expected(dim, forces.push_count, extent);
        if (with_density) {
          expected.give_density();
        }
        Case found = expected;
        umap_move_scalar(forces, expected.steps(), expected.places.data(), dim, expected.moved.data());
        umap_move(forces, found.steps(), found.places.data(), dim, found.moved.data());
        for (std::size_t i = 0; i < found.moved.size(); ++i) {
          ASSERT_NEAR(found.moved[i], expected.moved[i], 2e-4F * std::max(1.0F, extent))
              << dim << " " << extent << " " << with_density;
        }
      }
    }
  }
}

TEST(UmapMoves, density_moves_pulled_places_only) {
  const std::vector<float> places{0.0F, 0.0F, 2.0F, 0.0F};
  std::array<std::uint32_t, kUmapLanes> counts{1};
  const std::array<std::uint32_t, kUmapLanes> self{};
  const std::vector<std::uint32_t> others(2 * kUmapLanes, 1);
  const auto moved_by = [&](float level, std::size_t pulls, std::size_t pushes) {
    std::vector<float> moved(2 * kUmapLanes, 0.0F);
    const std::vector<float> density(2 * kUmapLanes, level);
    umap_move({.rate = 0.1F, .pull_count = pulls, .push_count = pushes},
              {others.data(), counts.data(), self.data(), density.data()}, places.data(), 2, moved.data());
    return moved[0];
  };
  EXPECT_LT(moved_by(3.0F, 1, 0), moved_by(0.0F, 1, 0));  // a row that should lie sparsely moves away
  EXPECT_GT(moved_by(-3.0F, 1, 0), moved_by(0.0F, 1, 0));
  EXPECT_EQ(moved_by(3.0F, 0, 1), moved_by(0.0F, 0, 1));
}

TEST(UmapMoves, lanes_without_steps_stay) {
  const UmapForces forces{.rate = 1.0F};
  Case c(2, forces.push_count, 1.0F);
  c.counts.fill(0);
  c.counts[5] = 3;
  const std::vector<float> before = c.moved;
  umap_move(forces, c.steps(), c.places.data(), 2, c.moved.data());
  for (std::size_t lane = 0; lane < kUmapLanes; ++lane) {
    EXPECT_EQ(c.moved[lane] == before[lane], lane != 5) << lane;
  }
}

TEST(UmapMoves, a_pull_alone_brings_a_place_nearer_and_a_push_takes_it_away) {
  const std::vector<float> places{0.0F, 0.0F, 2.0F, 0.0F};
  std::array<std::uint32_t, kUmapLanes> counts{1};
  std::array<std::uint32_t, kUmapLanes> self{};
  const std::vector<std::uint32_t> others(2 * kUmapLanes, 1);
  std::vector<float> moved(2 * kUmapLanes, 0.0F);
  umap_move({.rate = 0.1F, .pull_count = 1, .push_count = 0}, {others.data(), counts.data(), self.data()},
            places.data(), 2, moved.data());
  EXPECT_GT(moved[0], 0.0F);
  EXPECT_EQ(moved[kUmapLanes], 0.0F);
  moved.assign(2 * kUmapLanes, 0.0F);
  umap_move({.rate = 0.1F, .pull_count = 0, .push_count = 1}, {others.data(), counts.data(), self.data()},
            places.data(), 2, moved.data());
  EXPECT_LT(moved[0], 0.0F);
  // It does not push itself, and what coincides does not push.
  self.fill(1);
  moved.assign(2 * kUmapLanes, 0.0F);
  umap_move({.rate = 0.1F, .pull_count = 0, .push_count = 1}, {others.data(), counts.data(), self.data()},
            places.data(), 2, moved.data());
  EXPECT_EQ(moved[0], 0.0F);
}

}  // namespace
}  // namespace asterism
