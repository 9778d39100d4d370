#include "analysis/tsne.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>
#include <vector>

#include "analysis/estimators.hpp"
#include "base/thread_pool.hpp"
#include "map_quality.hpp"

namespace asterism {
namespace {

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

Result<Tsne::Fit> fit(const RowsView& rows, const TsneOptions& options = {}, std::span<const float> initial = {},
                      std::size_t threads = 2) {
  ThreadPool pool(threads);
  return Tsne::fit(rows, options, initial, {.pool = pool});
}

// Exact, interpolated and by tree; in one, two and three dimensions.
struct Way {
  std::size_t components;
  PushMethod push;
};
constexpr Way kWays[] = {{2, PushMethod::kExact},     {2, PushMethod::kInterpolation}, {2, PushMethod::kBarnesHut},
                         {1, PushMethod::kBarnesHut}, {3, PushMethod::kBarnesHut},     {3, PushMethod::kExact}};

TEST(Tsne, blobs_come_apart_in_every_way) {
  const Blobs blobs = make_blobs(400, 10, 5);
  for (const Way& way : kWays) {
    SCOPED_TRACE(testing::Message() << way.components << " components, push " << static_cast<int>(way.push));
    const auto fitted = fit(blobs.view(), {.component_count = way.components, .push = way.push});
    ASSERT_TRUE(fitted) << fitted.error().to_string();
    EXPECT_EQ(blob_agreement(blobs, fitted->places), 1.0);
    EXPECT_GT(trustworthiness(blobs.view(), fitted->places, 15), way.components == 1 ? 0.9 : 0.95);
    EXPECT_GT(fitted->tsne.divergence(), 0.0);
  }
}

TEST(Tsne, ways_agree_on_the_divergence) {
  const Blobs blobs = make_blobs(600, 8, 4);
  const auto exact = fit(blobs.view(), {.push = PushMethod::kExact});
  const auto grid = fit(blobs.view(), {.push = PushMethod::kInterpolation});
  const auto tree = fit(blobs.view(), {.push = PushMethod::kBarnesHut});
  ASSERT_TRUE(exact && grid && tree);
  EXPECT_NEAR(grid->tsne.divergence(), exact->tsne.divergence(), 0.03 * exact->tsne.divergence());
  EXPECT_NEAR(tree->tsne.divergence(), exact->tsne.divergence(), 0.03 * exact->tsne.divergence());
}

TEST(Tsne, same_bytes_at_any_thread_count_and_others_for_another_seed) {
  const Blobs blobs = make_blobs(700, 6, 4);
  for (const Way& way : kWays) {
    TsneOptions options{.component_count = way.components, .early_step_count = 60, .step_count = 60, .push = way.push};
    const auto first = fit(blobs.view(), options, {}, 1);
    ASSERT_TRUE(first);
    for (const std::size_t threads : {2U, 3U}) {
      const auto other = fit(blobs.view(), options, {}, threads);
      ASSERT_TRUE(other);
      EXPECT_EQ(other->places, first->places);
      EXPECT_EQ(other->tsne.divergence(), first->tsne.divergence());
    }
    options.seed = 1;
    const auto reseeded = fit(blobs.view(), options);
    ASSERT_TRUE(reseeded);
    EXPECT_NE(reseeded->places, first->places);
  }
}

TEST(Tsne, perplexity_is_lowered_to_a_third_of_the_other_rows) {
  EXPECT_EQ(tsne_perplexity(30.0, 1000), 30.0);
  EXPECT_EQ(tsne_perplexity(30.0, 61), 20.0);
  EXPECT_EQ(tsne_perplexity(30.0, 3), 1.5);
  EXPECT_EQ(tsne_perplexity(1.2, 3), 1.2);
  const Blobs blobs = make_blobs(31, 4, 2);
  const auto fitted = fit(blobs.view(), {.perplexity = 500.0});
  ASSERT_TRUE(fitted);
  EXPECT_EQ(fitted->tsne.perplexity(), 10.0);
  EXPECT_TRUE(all_finite(fitted->places));
}

TEST(Tsne, few_rows_are_placed) {
  for (const std::size_t count : {2U, 3U, 4U, 7U}) {
    const Blobs blobs = make_blobs(count, 3, 2);
    const auto fitted = fit(blobs.view());
    ASSERT_TRUE(fitted) << count << ": " << fitted.error().to_string();
    EXPECT_TRUE(all_finite(fitted->places)) << count;
    EXPECT_NE(fitted->places[0], fitted->places[2]) << count;
  }
  const std::vector<float> one{1.0F, 2.0F};
  EXPECT_EQ(fit({.values = one, .row_count = 1, .dim = 2}).error().code, ErrorCode::kInvalidArgument);
}

TEST(Tsne, equal_rows_and_constant_columns_are_placed) {
  const std::vector<float> equal(200 * 4, 3.0F);
  const auto all_equal = fit({.values = equal, .row_count = 200, .dim = 4});
  ASSERT_TRUE(all_equal) << all_equal.error().to_string();
  EXPECT_TRUE(all_finite(all_equal->places));
  // A hundred copies of one row among others: more than the perplexity.
  Blobs blobs = make_blobs(300, 5, 3);
  for (std::size_t row = 0; row < 100; ++row) {
    std::copy_n(blobs.values.begin(), 5, blobs.values.begin() + static_cast<std::ptrdiff_t>(row * 5));
  }
  for (std::size_t row = 0; row < 300; ++row) {
    blobs.values[row * 5 + 2] = -7.0F;
  }
  const auto copies = fit(blobs.view());
  ASSERT_TRUE(copies) << copies.error().to_string();
  EXPECT_TRUE(all_finite(copies->places));
}

TEST(Tsne, bad_input_is_named) {
  Blobs blobs = make_blobs(20, 3, 2);
  EXPECT_EQ(fit(blobs.view(), {.component_count = 4}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fit(blobs.view(), {.component_count = 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fit(blobs.view(), {}, std::vector<float>(10, 0.0F)).error().code, ErrorCode::kInvalidArgument);
  const auto ran_away = fit(blobs.view(), {.learning_rate = 1e30});
  EXPECT_TRUE(!ran_away || all_finite(ran_away->places));
  blobs.values[7] = std::numeric_limits<float>::quiet_NaN();
  const auto nan = fit(blobs.view());
  ASSERT_FALSE(nan);
  EXPECT_NE(nan.error().message.find("row 2"), std::string::npos) << nan.error().message;
}

TEST(Tsne, stops_when_asked) {
  const Blobs blobs = make_blobs(200, 3, 2);
  ThreadPool pool(1);
  CancelFlag cancel;
  std::size_t told = 0;
  const auto fitted =
      Tsne::fit(blobs.view(), {.step_count = 100000}, {},
                {.pool = pool, .cancel = &cancel, .progress = [&](std::string_view stage, std::size_t, std::size_t) {
                   told += stage == "layout" ? 1U : 0U;
                   cancel.request();
                 }});
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().code, ErrorCode::kCancelled);
  EXPECT_LE(told, 2U);
}

TEST(Tsne, new_rows_go_to_their_blob_each_alone) {
  const Blobs blobs = make_blobs(500, 10, 5);
  const std::size_t fitted_count = 450;
  for (const Way& way : kWays) {
    SCOPED_TRACE(testing::Message() << way.components << " components, push " << static_cast<int>(way.push));
    const auto fitted = fit({.values = blobs.values, .row_count = fitted_count, .dim = 10},
                            {.component_count = way.components, .push = way.push});
    ASSERT_TRUE(fitted);
    const RowsView added{.values = std::span(blobs.values).subspan(fitted_count * 10), .row_count = 50, .dim = 10};
    ThreadPool pool(2);
    const auto places = fitted->tsne.transform(added, {.pool = pool});
    ASSERT_TRUE(places) << places.error().to_string();
    std::vector<float> all = fitted->places;
    all.insert(all.end(), places->begin(), places->end());
    EXPECT_GE(blob_agreement(blobs, all), 0.99);
    for (const std::size_t row : {0U, 17U, 49U}) {
      ThreadPool single(1);
      const auto alone =
          fitted->tsne.transform({.values = added.row(row), .row_count = 1, .dim = 10}, {.pool = single});
      ASSERT_TRUE(alone);
      EXPECT_TRUE(std::ranges::equal(*alone, std::span(*places).subspan(row * way.components, way.components)));
    }
  }
}

TEST(Tsne, goes_on_from_a_map_when_rows_are_added) {
  const Blobs blobs = make_blobs(400, 8, 4);
  const auto before = fit({.values = blobs.values, .row_count = 360, .dim = 8});
  ASSERT_TRUE(before);
  std::vector<float> initial = before->places;
  initial.resize(800, std::numeric_limits<float>::quiet_NaN());
  const auto after = fit(blobs.view(), {.step_count = 50}, initial);
  ASSERT_TRUE(after) << after.error().to_string();
  EXPECT_EQ(blob_agreement(blobs, after->places), 1.0);
  double moved = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < before->places.size(); ++i) {
    moved += std::pow(static_cast<double>(after->places[i] - before->places[i]), 2.0);
    size += std::pow(static_cast<double>(before->places[i]), 2.0);
  }
  EXPECT_LT(std::sqrt(moved / size), 0.3);
}

TEST(Tsne, unknown_places_are_none_given) {
  const Blobs blobs = make_blobs(60, 4, 2);
  const std::vector<float> unknown(120, std::numeric_limits<float>::quiet_NaN());
  const auto without = fit(blobs.view());
  const auto with = fit(blobs.view(), {}, unknown);
  ASSERT_TRUE(without && with);
  EXPECT_EQ(with->places, without->places);
}

TEST(Tsne, is_a_method_of_the_table_and_comes_back_from_its_state) {
  const Blobs blobs = make_blobs(120, 5, 3);
  ThreadPool pool(2);
  const auto fitted = fit_estimator(
      "tsne", {.rows = blobs.view(), .options = {{"components", 2}, {"perplexity", 12.5}, {"metric", "cosine"}}},
      {.pool = pool});
  ASSERT_TRUE(fitted) << fitted.error().to_string();
  const auto method = find_estimator_method("tsne");
  ASSERT_TRUE(method);
  const auto loaded = (*method)->load(fitted->estimator->state(), "here");
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ((*loaded)->dim(), 5U);
  EXPECT_EQ((*loaded)->component_count(), 2U);
  EXPECT_EQ((*loaded)->state().options, fitted->estimator->state().options);
  const auto ours = fitted->estimator->transform(blobs.view(), {.pool = pool});
  const auto theirs = (*loaded)->transform(blobs.view(), {.pool = pool});
  ASSERT_TRUE(ours && theirs);
  EXPECT_EQ(*ours, *theirs);
  EXPECT_FALSE(fit_estimator("tsne", {.rows = blobs.view(), .options = {{"components", 4}}}, {.pool = pool}));
}

}  // namespace
}  // namespace asterism
