#include "kernels/place_forces.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

struct Scene {
  std::vector<float> values;
  std::vector<std::uint32_t> neighbors;
  std::vector<float> weights;
  std::size_t count;
  std::size_t dim;

  Scene(std::size_t place_count, std::size_t place_dim, std::size_t neighbor_count)
      : values(place_count * place_dim), count(place_count), dim(place_dim) {
    const CounterRandom random(place_count, place_dim);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(3.0 * random.normal(i));
    }
    for (std::size_t i = 0; i < neighbor_count; ++i) {
      neighbors.push_back(random.below(1000 + i, static_cast<std::uint32_t>(count)));
      weights.push_back(static_cast<float>(random.uniform(2000 + i)));
    }
  }
  PlacesView view() const { return {.values = values.data(), .count = count, .dim = dim}; }
  Place at(std::size_t row) const {
    Place place = {};
    for (std::size_t c = 0; c < dim; ++c) {
      place[c] = values[c * count + row];
    }
    return place;
  }
};

// Float sums of n terms below 1: each rounds by at most 2^-24 of the sum of magnitudes.
constexpr double kTolerance = 1e-5;

TEST(PlaceForces, pulls_equal_the_scalar_sums_at_every_count) {
  for (std::size_t dim = 1; dim <= kPlaceDimMax; ++dim) {
    for (const std::size_t count : {0U, 1U, 7U, 15U, 16U, 17U, 33U, 90U}) {
      SCOPED_TRACE(testing::Message() << dim << " coordinates, " << count << " neighbours");
      const Scene scene(50, dim, count);
      const Place at = scene.at(7);
      const Place student = student_pull(scene.view(), at, scene.neighbors, scene.weights);
      const Place student_expected = student_pull_scalar(scene.view(), at, scene.neighbors, scene.weights);
      const Place softened = softened_pull(scene.view(), at, scene.neighbors, 2.0F);
      const Place softened_expected = softened_pull_scalar(scene.view(), at, scene.neighbors, 2.0F);
      for (std::size_t c = 0; c < kPlaceDimMax; ++c) {
        EXPECT_NEAR(student[c], student_expected[c], kTolerance);
        EXPECT_NEAR(softened[c], softened_expected[c], kTolerance);
      }
    }
  }
}

TEST(PlaceForces, push_equals_the_scalar_sum_at_every_count) {
  for (std::size_t dim = 1; dim <= kPlaceDimMax; ++dim) {
    for (const std::size_t count : {1U, 2U, 15U, 16U, 17U, 1023U, 1024U, 1025U, 3000U}) {
      SCOPED_TRACE(testing::Message() << dim << " coordinates, " << count << " places");
      const Scene scene(count, dim, 0);
      const StudentPush push = student_push(scene.view(), scene.at(0));
      const StudentPush expected = student_push_scalar(scene.view(), scene.at(0));
      EXPECT_NEAR(push.weight, expected.weight, 1e-6 * expected.weight);
      for (std::size_t c = 0; c < kPlaceDimMax; ++c) {
        EXPECT_NEAR(push.force[c], expected.force[c], 1e-6 * expected.weight);
      }
    }
  }
}

}  // namespace
}  // namespace asterism
