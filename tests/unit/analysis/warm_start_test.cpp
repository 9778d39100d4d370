// A map that grows: known rows stay about where they were, new ones find their place, and the whole is as good as a map
// that was made anew. Of every method that starts from given places.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "analysis/estimators.hpp"
#include "analysis/start_places.hpp"
#include "base/thread_pool.hpp"
#include "map_quality.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRows = 900;
constexpr std::size_t kKnown = 720;  // a fifth is new
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class WarmStart : public testing::TestWithParam<std::string> {
 protected:
  static std::vector<float> fit(const RowsView& rows, std::span<const float> initial = {}, std::size_t threads = 2) {
    ThreadPool pool(threads);
    auto fitted = fit_estimator(GetParam(), {.rows = rows, .options = {{"components", 2}}, .initial = initial}, {pool});
    EXPECT_TRUE(fitted) << fitted.error().to_string();
    return fitted ? fitted->embedding : std::vector<float>(rows.row_count * 2);
  }

  static std::vector<float> known_places(const RowsView& rows) {
    std::vector<float> places = fit({.values = rows.values, .row_count = kKnown, .dim = rows.dim});
    places.resize(rows.row_count * 2, kNaN);
    return places;
  }

  // Of the rows that were there, in parts of the map's larger side.
  static double median_move(std::span<const float> before, std::span<const float> after) {
    std::vector<double> moves;
    double side = 0.0;
    for (std::size_t c = 0; c < 2; ++c) {
      double low = std::numeric_limits<double>::infinity();
      double high = -low;
      for (std::size_t row = 0; row < kKnown; ++row) {
        low = std::min<double>(low, before[2 * row + c]);
        high = std::max<double>(high, before[2 * row + c]);
      }
      side = std::max(side, high - low);
    }
    for (std::size_t row = 0; row < kKnown; ++row) {
      moves.push_back(std::hypot(after[2 * row] - before[2 * row], after[2 * row + 1] - before[2 * row + 1]));
    }
    std::ranges::nth_element(moves, moves.begin() + kKnown / 2);
    return moves[kKnown / 2] / side;
  }
};

TEST_P(WarmStart, known_rows_stay_and_the_map_is_as_good_as_a_new_one) {
  const Blobs blobs = make_blobs(kRows, 10, 6);
  const std::vector<float> before = known_places(blobs.view());
  const std::vector<float> after = fit(blobs.view(), before);
  EXPECT_LT(median_move(before, after), 0.05);
  EXPECT_GT(trustworthiness(blobs.view(), after, 15), trustworthiness(blobs.view(), fit(blobs.view()), 15) - 0.01);
  EXPECT_GE(blob_agreement(blobs, after), 0.99);
}

// The seventh blob was not there: its rows see no row that is known.
TEST_P(WarmStart, a_group_that_is_new_comes_together) {
  Blobs blobs = make_blobs(kRows, 10, 6);
  for (std::size_t row = kKnown; row < kRows; ++row) {
    blobs.blob[row] = 6;
    for (std::size_t d = 0; d < blobs.dim; ++d) {
      blobs.values[row * blobs.dim + d] = (d % 2 == 0 ? 15.0F : -15.0F) + 0.1F * blobs.values[row * blobs.dim + d];
    }
  }
  const std::vector<float> before = known_places(blobs.view());
  const std::vector<float> after = fit(blobs.view(), before);
  EXPECT_LT(median_move(before, after), 0.05);
  EXPECT_GE(blob_agreement(blobs, after), 0.99);
}

TEST_P(WarmStart, same_bytes_at_any_thread_count) {
  const Blobs blobs = make_blobs(kRows, 10, 6);
  const std::vector<float> before = known_places(blobs.view());
  const std::vector<float> one = fit(blobs.view(), before, 1);
  for (const std::size_t threads : {2U, 3U}) {
    const std::vector<float> several = fit(blobs.view(), before, threads);
    EXPECT_EQ(std::memcmp(one.data(), several.data(), one.size() * sizeof(float)), 0) << threads << " threads";
  }
}

// Only how places lie counts, not how wide: the same start, scaled, is the same map.
TEST_P(WarmStart, a_shape_is_a_start_whatever_its_scale) {
  const Blobs blobs = make_blobs(kRows, 10, 6);
  std::vector<float> shape = fit(blobs.view());
  scale_places(shape, 2, 0.5);
  std::vector<float> smaller = shape;
  for (float& value : smaller) {
    value *= 0.125F;
  }
  const std::vector<float> after = fit(blobs.view(), shape);
  EXPECT_EQ(fit(blobs.view(), smaller), after);
  EXPECT_GT(trustworthiness(blobs.view(), after, 15), trustworthiness(blobs.view(), fit(blobs.view()), 15) - 0.01);
}

INSTANTIATE_TEST_SUITE_P(Methods, WarmStart, testing::Values("umap", "tsne", "pacmap"),
                         [](const auto& each) { return each.param; });

TEST(StartPlaces, are_scaled_by_their_widest_component_and_nothing_else) {
  std::vector<float> places{1000.0F, 0.0F, 1002.0F, 4.0F, kNaN, kNaN, 1001.0F, 8.0F};
  EXPECT_EQ(kind_of_places(places, 2), GivenPlaces::kMap);
  scale_places(places, 2, 0.01);
  EXPECT_NEAR(places[7] - places[1], 0.01 * std::sqrt(6.0), 1e-6);
  EXPECT_TRUE(std::isnan(places[4]));
  EXPECT_EQ(kind_of_places(places, 2), GivenPlaces::kShape);
  scale_places(places, 2, 100.0);
  EXPECT_EQ(kind_of_places(places, 2), GivenPlaces::kMap);
  std::vector<float> same(6, 3.0F);
  scale_places(same, 2, 1.0);
  EXPECT_EQ(same, std::vector<float>(6, 3.0F));
  EXPECT_EQ(kind_of_places(std::vector<float>(6, kNaN), 2), GivenPlaces::kNone);
}

TEST(StartPlaces, new_rows_start_amid_those_they_see_by_weight) {
  // Row 2 is new and sees 0 and 1; row 3 is new and sees row 2 alone; 4 and 5 are new and see each other.
  const SparseGraph graph{
      .begin = {0, 1, 2, 5, 6, 7, 8}, .columns = {2, 2, 0, 1, 3, 2, 5, 4}, .weights = {1, 1, 3, 1, 5, 5, 1, 1}};
  std::vector<float> given(12, kNaN);
  std::ranges::copy(std::vector<float>{0.0F, 0.0F, 8.0F, 4.0F}, given.begin());
  const auto places = completed_places(graph, given, 2, 1);
  EXPECT_TRUE(std::ranges::equal(std::span(places).first(4), std::span(given).first(4)));
  for (const std::size_t row : {2U, 3U}) {
    EXPECT_NEAR(places[2 * row], 2.0F, 1e-2) << row;
    EXPECT_NEAR(places[2 * row + 1], 1.0F, 1e-2) << row;
  }
  EXPECT_LT(std::min(square_between(places, 2, 4, 0), square_between(places, 2, 4, 1)), 1e-4);
  EXPECT_LT(square_between(places, 2, 4, 5), 1e-4);
  EXPECT_GT(square_between(places, 2, 4, 5), 0.0);
  EXPECT_EQ(step_shares(given, 2), (std::vector<float>{kKnownStepShare, kKnownStepShare, 1.0F, 1.0F, 1.0F, 1.0F}));
}

TEST(StartPlaces, a_map_that_is_narrow_along_its_first_component_is_a_map) {
  const std::vector<float> narrow{0.0F, -5.0F, 0.5F, 5.0F, 0.2F, 0.0F};
  EXPECT_EQ(kind_of_places(narrow, 2), GivenPlaces::kMap);
  const std::vector<float> small{0.0F, -0.5F, 0.5F, 0.5F, kNaN, 9.0F};
  EXPECT_EQ(kind_of_places(small, 2), GivenPlaces::kShape);
  EXPECT_EQ(kind_of_places(std::vector<float>(4, kNaN), 2), GivenPlaces::kNone);
}

}  // namespace
}  // namespace asterism
