#include "kernels/fourier.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

struct Planes {
  std::vector<float> real;
  std::vector<float> imaginary;
  FourierBlock block() { return {.real = real.data(), .imaginary = imaginary.data()}; }
};

Planes random_planes(std::size_t count, std::uint64_t seed) {
  const CounterRandom random(seed);
  Planes planes{std::vector<float>(count), std::vector<float>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    planes.real[i] = static_cast<float>(random.normal(2 * i));
    planes.imaginary[i] = static_cast<float>(random.normal(2 * i + 1));
  }
  return planes;
}

TEST(Fourier, lengths_are_the_next_products_of_twos_and_threes) {
  EXPECT_EQ(fourier_length(0), 2U);
  EXPECT_EQ(fourier_length(2), 2U);
  EXPECT_EQ(fourier_length(5), 6U);
  EXPECT_EQ(fourier_length(17), 18U);
  EXPECT_EQ(fourier_length(49), 54U);
  EXPECT_EQ(fourier_length(65), 72U);
  EXPECT_EQ(fourier_length(973), 1024U);
  EXPECT_EQ(fourier_length(487), 512U);
}

TEST(Fourier, equals_the_definition_at_every_kind_of_length) {
  for (const std::size_t length : {2U, 4U, 6U, 8U, 12U, 18U, 32U, 54U, 72U, 96U, 162U, 256U}) {
    SCOPED_TRACE(length);
    const std::size_t columns = 2 * kFourierColumnStep;
    Planes ours = random_planes(length * columns, length);
    Planes expected = ours;
    Planes scratch = random_planes(length * columns, 1);
    const FourierBlock result = fourier_columns(FourierPlan(length), ours.block(), scratch.block(), columns);
    fourier_columns_scalar(length, expected.block(), columns);
    // Rounding grows with the root of the number of steps; values are of the size of the root of the length.
    const double tolerance = 1e-6 * std::sqrt(static_cast<double>(length));
    for (std::size_t i = 0; i < length * columns; ++i) {
      ASSERT_NEAR(result.real[i], expected.real[i], tolerance) << i;
      ASSERT_NEAR(result.imaginary[i], expected.imaginary[i], tolerance) << i;
    }
  }
}

TEST(Fourier, swapped_planes_are_the_inverse) {
  const std::size_t length = 144;
  const std::size_t columns = kFourierColumnStep;
  Planes data = random_planes(length * columns, 3);
  const Planes given = data;
  Planes scratch = data;
  const FourierPlan plan(length);
  const FourierBlock there = fourier_columns(plan, data.block(), scratch.block(), columns);
  const FourierBlock other = there.real == data.real.data() ? scratch.block() : data.block();
  const auto swapped = [](FourierBlock b) { return FourierBlock{.real = b.imaginary, .imaginary = b.real}; };
  const FourierBlock back = swapped(fourier_columns(plan, swapped(there), swapped(other), columns));
  for (std::size_t i = 0; i < length * columns; ++i) {
    ASSERT_NEAR(back.real[i] / static_cast<float>(length), given.real[i], 2e-6);
    ASSERT_NEAR(back.imaginary[i] / static_cast<float>(length), given.imaginary[i], 2e-6);
  }
}

}  // namespace
}  // namespace asterism
