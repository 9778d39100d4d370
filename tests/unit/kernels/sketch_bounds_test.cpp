#include "kernels/sketch_bounds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <vector>

namespace asterism {
namespace {

struct alignas(kSketchLineWords * sizeof(std::uint64_t)) Line {
  std::uint64_t words[kSketchLineWords];
};

std::vector<Line> random_lines(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<Line> lines(count);
  for (Line& line : lines) {
    std::ranges::generate(line.words, std::ref(random));
  }
  return lines;
}

// Component by component, from what the header says.
std::int32_t true_sum(const std::vector<Line>& planes, std::size_t line_count, const Line* sketch) {
  const std::int32_t weights[kSketchPlaneCount] = {1, 2, 4, -8};
  std::int32_t sum = 0;
  for (std::size_t bit = 0; bit < line_count * kSketchLineWords * 64; ++bit) {
    const std::size_t line = bit / (64 * kSketchLineWords);
    const std::size_t word = bit / 64 % kSketchLineWords;
    if (((sketch[line].words[word] >> (bit % 64)) & 1U) == 0) {
      continue;
    }
    for (std::size_t plane = 0; plane < kSketchPlaneCount; ++plane) {
      if (((planes[plane * line_count + line].words[word] >> (bit % 64)) & 1U) != 0) {
        sum += weights[plane];
      }
    }
  }
  return sum;
}

// What a bound is made of, in double: sums of some size beside numbers that differ from row to row.
double true_bound(const SketchTerms& query, const SketchNumbers& row, std::int32_t sum) {
  const auto at = [](float value) { return static_cast<double>(value); };
  return at(query.base) + at(row.offset) - at(query.mean_share) * at(row.mean_product) -
         at(row.scale) * at(query.step) * (2.0 * sum - query.sum) - at(query.margin) * at(row.error);
}

void set_numbers(std::vector<Line>& sketches, std::size_t row, std::size_t stride_lines, const SketchNumbers& numbers) {
  std::memcpy(&sketches[(row + 1) * stride_lines - 1].words[kSketchLineWords - 2], &numbers, sizeof numbers);
}

TEST(SketchBounds, are_those_of_the_components_at_every_number_of_lines_and_rows) {
  const std::size_t sketch_count = 40;
  std::mt19937 random(3);
  std::uniform_real_distribution<float> number(-2.0F, 2.0F);
  for (const std::size_t line_count : {1U, 2U, 3U}) {
    for (const std::size_t stride_lines : {line_count, line_count + 1}) {
      auto sketches = random_lines(sketch_count * stride_lines, 1);
      std::vector<SketchNumbers> numbers;
      for (std::size_t row = 0; row < sketch_count; ++row) {
        numbers.push_back({number(random), number(random), number(random), number(random)});
        set_numbers(sketches, row, stride_lines, numbers.back());
      }
      auto planes = random_lines(kSketchPlaneCount * line_count, 2);
      for (std::size_t plane = 0; plane < kSketchPlaneCount; ++plane) {
        // Where the numbers lie there are no components.
        Line& last = planes[(plane + 1) * line_count - 1];
        last.words[kSketchLineWords - 2] = last.words[kSketchLineWords - 1] = 0;
      }
      const SketchTerms query{
          .planes = planes.front().words, .sum = 37, .step = 0.01F, .base = 3.0F, .mean_share = 0.7F, .margin = 1.3F};
      for (std::size_t row_count = 0; row_count <= 33; ++row_count) {
        std::vector<std::uint32_t> rows;
        for (std::uint32_t i = 0; i < row_count; ++i) {
          rows.push_back(i * 17 % sketch_count);
        }
        for (const SketchBounds& kernel : sketch_bounds()) {
          // One more than asked for: nothing is written past the end.
          std::vector<float> bounds(row_count + 1, 4711.0F);
          kernel.bounds(query,
                        {.first = sketches.front().words, .stride_lines = stride_lines, .line_count = line_count}, rows,
                        bounds.data());
          for (std::size_t i = 0; i < row_count; ++i) {
            const std::int32_t sum = true_sum(planes, line_count, &sketches[rows[i] * stride_lines]);
            const double expected = true_bound(query, numbers[rows[i]], sum);
            EXPECT_NEAR(bounds[i], expected, 2e-5) << kernel.name << i;
          }
          EXPECT_EQ(bounds[row_count], 4711.0F) << kernel.name;
        }
      }
    }
  }
}

TEST(SketchBounds, of_the_most_and_the_largest_components_do_not_wrap) {
  const std::size_t line_count = 65536 / (64 * kSketchLineWords);
  std::vector<Line> sketch(line_count + 1);
  std::vector<Line> planes(kSketchPlaneCount * line_count);
  for (Line& line : sketch) {
    std::ranges::fill(line.words, ~std::uint64_t{0});
  }
  set_numbers(sketch, 0, line_count + 1, {.scale = 1.0F, .offset = 0.0F, .mean_product = 0.0F, .error = 0.0F});
  const std::vector<std::uint32_t> rows{0};
  for (const int component : {kSketchComponentMin, kSketchComponentMax}) {
    for (std::size_t i = 0; i < planes.size(); ++i) {
      const bool is_set = ((static_cast<unsigned>(component) >> (i / line_count)) & 1U) != 0;
      std::ranges::fill(planes[i].words, is_set ? ~std::uint64_t{0} : 0);
    }
    for (const SketchBounds& kernel : sketch_bounds()) {
      float bound = 0.0F;
      kernel.bounds({.planes = planes.front().words, .step = 1.0F},
                    {.first = sketch.front().words, .stride_lines = line_count + 1, .line_count = line_count}, rows,
                    &bound);
      EXPECT_EQ(bound, -2.0F * static_cast<float>(component) * 65536.0F) << kernel.name;
    }
  }
}

TEST(SketchBounds, what_is_not_a_number_bounds_nothing) {
  std::vector<Line> sketch(1);
  const std::vector<Line> planes(kSketchPlaneCount);
  set_numbers(sketch, 0, 1,
              {.scale = 0.0F, .offset = 0.0F, .mean_product = 0.0F, .error = std::numeric_limits<float>::infinity()});
  const std::vector<std::uint32_t> rows{0, 0, 0, 0, 0};
  for (const SketchBounds& kernel : sketch_bounds()) {
    for (const float margin : {0.0F, 1.0F}) {
      std::vector<float> bounds(rows.size());
      kernel.bounds({.planes = planes.front().words, .margin = margin},
                    {.first = sketch.front().words, .stride_lines = 1, .line_count = 1}, rows, bounds.data());
      EXPECT_TRUE(std::ranges::all_of(bounds, [](float bound) {
        return bound == -std::numeric_limits<float>::infinity();
      })) << kernel.name;
    }
  }
}

TEST(SketchBounds, the_ones_that_are_used_are_not_serial) {
  EXPECT_NE(sketch_bounds().front().name, "serial");
  EXPECT_EQ(sketch_bounds().back().name, "serial");
}

}  // namespace
}  // namespace asterism
