#include "analysis/map_regions.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

// Normal heaps around the centres, one row of each in turn.
std::vector<float> heaps(const std::vector<std::vector<float>>& centers, std::size_t row_count, double spread) {
  const CounterRandom random(7);
  std::vector<float> out;
  for (std::size_t row = 0; row < row_count; ++row) {
    for (const float middle : centers[row % centers.size()]) {
      out.push_back(middle + static_cast<float>(spread * random.normal(out.size())));
    }
  }
  return out;
}

TEST(MapRegions, finds_heaps_that_lie_apart) {
  const auto points = heaps({{0, 0}, {10, 0}, {0, 10}}, 900, 0.3);
  const auto levels = map_regions({.values = points, .row_count = 900, .dim = 2});
  ASSERT_TRUE(levels);
  ASSERT_EQ(levels->size(), 4U);
  const MapLevel& coarse = levels->front();
  ASSERT_EQ(coarse.regions.size(), 3U);
  for (std::size_t row = 3; row < 900; ++row) {
    EXPECT_EQ(coarse.region_of[row], coarse.region_of[row % 3]) << row;
  }
  EXPECT_EQ(coarse.regions[0].row_count + coarse.regions[1].row_count + coarse.regions[2].row_count, 900U);
  const MapRegion& first = coarse.regions[coarse.region_of[1]];
  EXPECT_NEAR(first.center[0], 10.0, 1.0);
  EXPECT_NEAR(first.center[1], 0.0, 1.0);
}

TEST(MapRegions, works_in_three_dimensions) {
  const auto points = heaps({{0, 0, 0}, {10, 10, 10}}, 400, 0.3);
  const auto levels = map_regions({.values = points, .row_count = 400, .dim = 3});
  ASSERT_TRUE(levels);
  EXPECT_EQ(levels->front().regions.size(), 2U);
  EXPECT_EQ(levels->front().regions[0].center.size(), 3U);
}

TEST(MapRegions, rows_without_a_place_and_rows_in_one_place_are_no_trouble) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> points{1, 1, none, 0, 1, 1, 1, 1, 1, 1};
  const auto levels = map_regions({.values = points, .row_count = 5, .dim = 2});
  ASSERT_TRUE(levels);
  for (const MapLevel& level : *levels) {
    ASSERT_EQ(level.regions.size(), 1U);
    EXPECT_EQ(level.regions[0].row_count, 4U);
    EXPECT_EQ(level.regions[0].center, (std::vector<float>{1, 1}));
    EXPECT_EQ(level.region_of, (std::vector<std::uint32_t>{0, kNoRegion, 0, 0, 0}));
  }
  EXPECT_TRUE(map_regions({.values = {}, .row_count = 0, .dim = 2}));
  EXPECT_EQ(map_regions({.values = points, .row_count = 2, .dim = 5}).error().code, ErrorCode::kInvalidArgument);
}

TEST(MapRegions, small_regions_are_none) {
  const auto points = heaps({{0, 0}, {0, 0}, {0, 0}, {10, 10}}, 400, 0.1);
  const auto levels =
      map_regions({.values = points, .row_count = 400, .dim = 2}, {.level_count = 1, .row_count_min = 150});
  ASSERT_TRUE(levels);
  ASSERT_EQ(levels->front().regions.size(), 1U);
  EXPECT_EQ(levels->front().region_of[3], kNoRegion);
}

}  // namespace
}  // namespace asterism
