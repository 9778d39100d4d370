#include "analysis/push_field.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// Blobs of uneven density, `extent` wide in all.
std::vector<float> blobs(std::size_t count, std::size_t dim, double extent) {
  const CounterRandom random(count, dim);
  std::vector<float> values(count * dim);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t blob = random.below(i, 7);
    for (std::size_t c = 0; c < dim; ++c) {
      const double center = extent * (random.uniform(1'000'000 + blob * dim + c) - 0.5);
      const double spread = extent * 0.02 * static_cast<double>(1 + blob);
      values[c * count + i] = static_cast<float>(center + spread * random.normal(2'000'000 + i * dim + c));
    }
  }
  return values;
}

Place place_of(const PlacesView& places, std::size_t row) {
  Place place = {};
  for (std::size_t c = 0; c < places.dim; ++c) {
    place[c] = places.values[c * places.count + row];
  }
  return place;
}

struct Deviation {
  double force = 0.0;   // root mean square of the error of the force over that of the force
  double weight = 0.0;  // error of the sum of all weights over the sum
};

Deviation deviation_of(const PlacesView& places, PushMethod method) {
  ThreadPool pool(2);
  const auto field = make_push_field(method, places.count, places.dim, 0.5F);
  field->update(places, pool);
  double error = 0.0;
  double size = 0.0;
  double weight = 0.0;
  double weight_expected = 0.0;
  for (std::size_t i = 0; i < places.count; ++i) {
    const StudentPush push = field->at(place_of(places, i));
    const StudentPush expected = student_push_scalar(places, place_of(places, i));
    for (std::size_t c = 0; c < places.dim; ++c) {
      error += (push.force[c] - expected.force[c]) * (push.force[c] - expected.force[c]);
      size += expected.force[c] * expected.force[c];
    }
    weight += push.weight;
    weight_expected += expected.weight;
  }
  return {.force = std::sqrt(error / size), .weight = std::abs(weight / weight_expected - 1.0)};
}

// Places from a thousandth of the kernel's width to two hundred times it, as a run of t-SNE has them. The bounds at 10,
// 50 and 200 are openTSNE's own errors at its defaults on such places (tools/goldens/tsne_record.py prints them); where
// places lie closer its doubles are finer than our floats.
TEST(PushField, interpolation_is_near_the_exact_sums_at_every_extent) {
  struct Bound {
    double extent;
    double force;
    double weight;
  };
  for (const Bound& bound :
       {Bound{0.001, 1e-5, 1e-6}, {1.0, 1e-4, 1e-5}, {10.0, 9e-4, 1e-4}, {50.0, 0.017, 5e-4}, {200.0, 0.026, 9e-3}}) {
    const std::size_t count = 3000;
    const std::vector<float> values = blobs(count, 2, bound.extent);
    const Deviation deviation =
        deviation_of({.values = values.data(), .count = count, .dim = 2}, PushMethod::kInterpolation);
    EXPECT_LT(deviation.force, bound.force) << bound.extent;
    EXPECT_LT(deviation.weight, bound.weight) << bound.extent;
  }
}

TEST(PushField, one_place_far_away_does_not_coarsen_the_others) {
  std::vector<float> values = blobs(3000, 2, 50.0);
  values[0] = 1e6F;
  const Deviation deviation =
      deviation_of({.values = values.data(), .count = 3000, .dim = 2}, PushMethod::kInterpolation);
  EXPECT_LT(deviation.force, 0.02);
  EXPECT_LT(deviation.weight, 0.01);
}

TEST(PushField, barnes_hut_is_near_the_exact_sums_in_every_dimension) {
  for (std::size_t dim = 1; dim <= 3; ++dim) {
    const std::size_t count = 2000;
    const std::vector<float> values = blobs(count, dim, 60.0);
    const Deviation deviation =
        deviation_of({.values = values.data(), .count = count, .dim = dim}, PushMethod::kBarnesHut);
    EXPECT_LT(deviation.force, 2e-2) << dim;
    EXPECT_LT(deviation.weight, 1e-2) << dim;
  }
}

TEST(PushField, a_line_and_a_single_point_have_a_grid_too) {
  ThreadPool pool(1);
  std::vector<float> values(6000, 0.0F);
  for (std::size_t i = 0; i < 3000; ++i) {
    values[i] = static_cast<float>(i) * 0.01F;
  }
  EXPECT_LT(deviation_of({.values = values.data(), .count = 3000, .dim = 2}, PushMethod::kInterpolation).force, 0.01);
  std::ranges::fill(values, 4.0F);
  const PlacesView one{.values = values.data(), .count = 3000, .dim = 2};
  const auto field = make_push_field(PushMethod::kInterpolation, 3000, 2, 0.5F);
  field->update(one, pool);
  const StudentPush push = field->at(place_of(one, 0));
  EXPECT_NEAR(push.weight, 3000.0, 0.1);
  EXPECT_NEAR(push.force[0], 0.0, 0.1);
}

TEST(PushField, same_bytes_at_any_thread_count) {
  const std::vector<float> values = blobs(5000, 2, 80.0);
  const std::vector<float> solid = blobs(5000, 3, 80.0);
  for (const PlacesView& places : {PlacesView{values.data(), 5000, 2}, PlacesView{solid.data(), 5000, 3}}) {
    std::vector<double> first;
    for (std::size_t threads = 1; threads <= 3; ++threads) {
      ThreadPool pool(threads);
      const auto field = make_push_field(PushMethod::kAuto, places.count, places.dim, 0.5F);
      field->update(places, pool);
      std::vector<double> found;
      for (std::size_t i = 0; i < places.count; i += 7) {
        const StudentPush push = field->at(place_of(places, i));
        found.insert(found.end(), push.force.begin(), push.force.end());
        found.push_back(push.weight);
      }
      if (threads == 1) {
        first = found;
      }
      EXPECT_EQ(found, first) << threads;
    }
  }
}

}  // namespace
}  // namespace asterism
