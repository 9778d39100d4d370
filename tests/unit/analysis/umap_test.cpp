#include "analysis/umap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "analysis/neighbor_graph.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kDim = 10;

// `count` rows in three round blobs in turn, `apart` from each other.
std::vector<float> blobs(std::size_t count, float apart, std::uint64_t seed = 1) {
  const CounterRandom noise(seed, 7);
  std::vector<float> values(count * kDim);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t blob = i / kDim % 3;
    values[i] = static_cast<float>(noise.normal(i)) + (i % kDim == blob ? apart : 0.0F);
  }
  return values;
}

RowsView view(const std::vector<float>& values) {
  return {.values = values, .row_count = values.size() / kDim, .dim = kDim};
}

// A strip that is rolled up: near on the strip is not near across its turns.
std::vector<float> rolled_strip(std::size_t count) {
  const CounterRandom random(3, 9);
  std::vector<float> values(count * kDim, 0.0F);
  for (std::size_t r = 0; r < count; ++r) {
    const double along = 4.7 + 9.4 * random.uniform(2 * r);
    values[r * kDim] = static_cast<float>(along * std::cos(along));
    values[r * kDim + 1] = static_cast<float>(along * std::sin(along));
    values[r * kDim + 2] = static_cast<float>(20.0 * random.uniform(2 * r + 1));
  }
  return values;
}

// Share of the 15 nearest on the map that are among the `within` nearest of the rows.
double kept_share(const RowsView& rows, std::span<const float> places, std::size_t dim, std::size_t within,
                  ThreadPool& pool) {
  auto near = neighbor_graph(rows, {.neighbor_count = within, .search = NeighborGraphOptions::Search::kExact}, {pool});
  auto on_map = neighbor_graph({.values = places, .row_count = rows.row_count, .dim = dim},
                               {.neighbor_count = 15, .search = NeighborGraphOptions::Search::kExact}, {pool});
  EXPECT_TRUE(near && on_map);
  std::size_t kept = 0;
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    const auto true_ones = std::span(near->neighbors).subspan(r * within, within);
    for (const std::uint32_t id : std::span(on_map->neighbors).subspan(r * 15, 15)) {
      kept += std::ranges::find(true_ones, id) != true_ones.end() ? 1U : 0U;
    }
  }
  return static_cast<double>(kept) / static_cast<double>(rows.row_count * 15);
}

double distance(std::span<const float> places, std::size_t a, std::size_t b) {
  return std::hypot(places[2 * a] - places[2 * b], places[2 * a + 1] - places[2 * b + 1]);
}

// How far the nearest row of another blob is, in parts of how far the fifth nearest of the own is; the least of all.
double least_gap(std::span<const float> places) {
  double least = std::numeric_limits<double>::infinity();
  const std::size_t count = places.size() / 2;
  for (std::size_t a = 0; a < count; ++a) {
    std::vector<double> own;
    double other = std::numeric_limits<double>::infinity();
    for (std::size_t b = 0; b < count; ++b) {
      if (b % 3 != a % 3) {
        other = std::min(other, distance(places, a, b));
      } else if (b != a) {
        own.push_back(distance(places, a, b));
      }
    }
    std::ranges::nth_element(own, own.begin() + 4);
    least = std::min(least, other / own[4]);
  }
  return least;
}

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

TEST(Umap, blobs_come_apart_from_every_start) {
  ThreadPool pool(2);
  const auto values = blobs(300, 12.0F);
  for (const UmapStart start : {UmapStart::kSpectral, UmapStart::kPca, UmapStart::kRandom}) {
    auto umap = Umap::fit(view(values), {.start = start}, {}, {}, {pool});
    ASSERT_TRUE(umap) << umap.error().to_string();
    EXPECT_GT(least_gap(umap->embedding()), 2.0) << static_cast<int>(start);
  }
}

TEST(Umap, a_rolled_strip_keeps_its_neighbors) {
  ThreadPool pool(2);
  const auto values = rolled_strip(1500);
  for (const std::size_t components : {2U, 3U}) {
    auto umap = Umap::fit(view(values), {.component_count = components}, {}, {}, {pool});
    ASSERT_TRUE(umap);
    EXPECT_GT(kept_share(view(values), umap->embedding(), components, 60, pool), 0.97) << components;
  }
}

TEST(Umap, same_bytes_at_any_thread_count_and_another_map_for_another_seed) {
  const auto values = blobs(700, 3.0F);
  ThreadPool one(1);
  for (const Metric metric : {Metric::kEuclidean, Metric::kCosine}) {
    const auto expected = Umap::fit(view(values), {.metric = metric, .seed = 5}, {}, {}, {one});
    ASSERT_TRUE(expected);
    for (const std::size_t threads : {1U, 2U, 3U}) {
      ThreadPool pool(threads);
      const auto umap = Umap::fit(view(values), {.metric = metric, .seed = 5}, {}, {}, {pool});
      ASSERT_TRUE(umap);
      EXPECT_TRUE(std::ranges::equal(umap->embedding(), expected->embedding())) << threads;
    }
    const auto other = Umap::fit(view(values), {.metric = metric, .seed = 6}, {}, {}, {one});
    ASSERT_TRUE(other);
    EXPECT_FALSE(std::ranges::equal(other->embedding(), expected->embedding()));
  }
}

TEST(Umap, labels_draw_classes_apart_that_rows_do_not) {
  ThreadPool pool(2);
  const auto values = blobs(300, 0.5F);
  std::vector<std::int32_t> labels(300);
  for (std::size_t r = 0; r < 300; ++r) {
    labels[r] = static_cast<std::int32_t>(r % 3);
  }
  const auto plain = Umap::fit(view(values), {}, {}, {}, {pool});
  const auto supervised = Umap::fit(view(values), {.target_weight = 0.9}, {.classes = labels}, {}, {pool});
  ASSERT_TRUE(plain && supervised);
  const auto own_share = [&](std::span<const float> places) {
    auto graph = neighbor_graph({.values = places, .row_count = 300, .dim = 2}, {.neighbor_count = 5}, {pool});
    std::size_t own = 0;
    for (std::size_t i = 0; i < graph->neighbors.size(); ++i) {
      own += graph->neighbors[i] % 3 == i / 5 % 3 ? 1U : 0U;
    }
    return static_cast<double>(own) / static_cast<double>(graph->neighbors.size());
  };
  EXPECT_LT(own_share(plain->embedding()), 0.7);
  EXPECT_GT(own_share(supervised->embedding()), 0.95);
  // Rows without a label are placed too.
  for (std::size_t r = 0; r < 300; r += 4) {
    labels[r] = kNoLabel;
  }
  const auto partly = Umap::fit(view(values), {.target_weight = 0.9}, {.classes = labels}, {}, {pool});
  ASSERT_TRUE(partly);
  EXPECT_TRUE(all_finite(partly->embedding()));
  EXPECT_GT(own_share(partly->embedding()), own_share(plain->embedding()));
}

// Log of the mean distance to the ten nearest.
std::vector<double> sparsity(const RowsView& rows, ThreadPool& pool) {
  const auto graph = neighbor_graph(rows, {.neighbor_count = 10}, {pool});
  EXPECT_TRUE(graph);
  std::vector<double> out;
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    double sum = 0.0;
    for (const float distance : std::span(graph->distances).subspan(r * 10, 10)) {
      sum += static_cast<double>(distance);
    }
    out.push_back(std::log(sum / 10.0));
  }
  return out;
}

double correlation(std::span<const double> a, std::span<const double> b) {
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

TEST(Umap, density_of_the_rows_is_that_of_the_map_where_it_is_asked_for) {
  // One blob is ten times as wide as another, a third in between.
  auto values = blobs(600, 0.0F);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t blob = i / kDim % 3;
    values[i] = values[i] * (blob == 0 ? 1.0F : blob == 1 ? 3.0F : 10.0F) + (i % kDim == blob ? 200.0F : 0.0F);
  }
  ThreadPool pool(2);
  const auto of_rows = sparsity(view(values), pool);
  const auto kept = [&](double weight, ThreadPool& threads) {
    const auto umap = Umap::fit(view(values), {.density = {.weight = weight}}, {}, {}, {threads});
    EXPECT_TRUE(umap);
    return std::vector<float>(umap->embedding().begin(), umap->embedding().end());
  };
  const auto plain = kept(0.0, pool);
  const auto dense = kept(2.0, pool);
  const auto of_map = [&](const std::vector<float>& places) {
    return sparsity({.values = places, .row_count = 600, .dim = 2}, pool);
  };
  EXPECT_GT(correlation(of_rows, of_map(dense)), 0.85);
  EXPECT_LT(correlation(of_rows, of_map(plain)), correlation(of_rows, of_map(dense)) - 0.1);
  for (const std::size_t threads : {1U, 3U}) {
    ThreadPool others(threads);
    EXPECT_EQ(kept(2.0, others), dense) << threads;
  }
}

TEST(Umap, density_of_copies_and_few_rows_is_no_trouble) {
  ThreadPool pool(2);
  const std::vector<float> same(100 * kDim, 4.0F);
  const auto few = blobs(3, 5.0F);
  for (const auto* values : {&same, &few}) {
    const auto umap = Umap::fit(view(*values), {.density = {.weight = 2.0, .variance_shift = 0.0}}, {}, {}, {pool});
    ASSERT_TRUE(umap) << umap.error().to_string();
    EXPECT_TRUE(all_finite(umap->embedding()));
  }
}

TEST(Umap, numbers_order_rows_that_say_nothing_of_them) {
  ThreadPool pool(2);
  const auto values = blobs(300, 0.0F);
  const CounterRandom random(31);
  std::vector<float> numbers(300);
  for (std::size_t r = 0; r < 300; ++r) {
    numbers[r] = r % 10 == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(random.uniform(r));
  }
  // How much the number changes to the nearest on the map.
  const auto step = [&](std::span<const float> places) {
    const auto graph = neighbor_graph({.values = places, .row_count = 300, .dim = 2}, {.neighbor_count = 3}, {pool});
    double sum = 0.0;
    double count = 0.0;
    for (std::size_t i = 0; i < graph->neighbors.size(); ++i) {
      const float apart = std::abs(numbers[i / 3] - numbers[graph->neighbors[i]]);
      if (std::isfinite(apart)) {
        sum += static_cast<double>(apart);
        count += 1.0;
      }
    }
    return sum / count;
  };
  const auto plain = Umap::fit(view(values), {}, {}, {}, {pool});
  const auto supervised = Umap::fit(view(values), {.target_weight = 0.9}, {.numbers = numbers}, {}, {pool});
  ASSERT_TRUE(plain && supervised);
  EXPECT_TRUE(all_finite(supervised->embedding()));
  EXPECT_LT(step(supervised->embedding()), 0.3 * step(plain->embedding()));
  const std::vector<float> equal(300, 1.0F);
  EXPECT_TRUE(Umap::fit(view(values), {}, {.numbers = equal}, {}, {pool}));
  EXPECT_FALSE(Umap::fit(view(values), {}, {.numbers = std::span(equal).first(9)}, {}, {pool}));
}

TEST(Umap, new_rows_go_to_their_own_and_each_alone) {
  ThreadPool pool(2);
  const auto values = blobs(600, 12.0F);
  const std::vector<float> fitted(values.begin(), values.begin() + 300 * kDim);
  const std::vector<float> added(values.begin() + 300 * kDim, values.end());
  const auto umap = Umap::fit(view(fitted), {}, {}, {}, {pool});
  ASSERT_TRUE(umap);
  const auto placed = umap->transform(view(added), {pool});
  ASSERT_TRUE(placed) << placed.error().to_string();
  for (std::size_t r = 0; r < 300; ++r) {
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t f = 0; f < 300; ++f) {
      const double apart =
          std::hypot((*placed)[2 * r] - umap->embedding()[2 * f], (*placed)[2 * r + 1] - umap->embedding()[2 * f + 1]);
      if (apart < least) {
        least = apart;
        nearest = f;
      }
    }
    EXPECT_EQ(nearest % 3, r % 3) << r;
  }
  ThreadPool three(3);
  for (const std::size_t r : {0U, 17U, 299U}) {
    const std::vector<float> row(added.begin() + static_cast<std::ptrdiff_t>(r * kDim),
                                 added.begin() + static_cast<std::ptrdiff_t>((r + 1) * kDim));
    const auto alone = umap->transform(view(row), {three});
    ASSERT_TRUE(alone);
    EXPECT_TRUE(std::ranges::equal(*alone, std::span(*placed).subspan(2 * r, 2))) << r;
  }
  EXPECT_FALSE(umap->transform({.values = added, .row_count = 1, .dim = kDim - 1}, {pool}));
  EXPECT_TRUE(umap->transform({.values = {}, .row_count = 0, .dim = kDim}, {pool})->empty());
}

TEST(Umap, starts_from_given_places_and_stays_near_them) {
  ThreadPool pool(2);
  const auto values = blobs(300, 12.0F);
  const auto before = Umap::fit(view(values), {}, {}, {}, {pool});
  ASSERT_TRUE(before);
  std::vector<float> initial(before->embedding().begin(), before->embedding().end());
  std::fill(initial.begin() + 2 * 200, initial.end(), std::numeric_limits<float>::quiet_NaN());
  const auto after = Umap::fit(view(values), {.epoch_count = 100}, {}, initial, {pool});
  ASSERT_TRUE(after);
  // Each blob is still nearest to where it was.
  const auto centre = [](std::span<const float> places, std::size_t blob) {
    std::array<double, 2> sum{};
    for (std::size_t r = blob; r < 200; r += 3) {
      sum[0] += places[2 * r];
      sum[1] += places[2 * r + 1];
    }
    return sum;
  };
  for (std::size_t blob = 0; blob < 3; ++blob) {
    const auto now = centre(after->embedding(), blob);
    std::size_t nearest = 3;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t other = 0; other < 3; ++other) {
      const auto then = centre(before->embedding(), other);
      const double apart = std::hypot(now[0] - then[0], now[1] - then[1]);
      if (apart < least) {
        least = apart;
        nearest = other;
      }
    }
    EXPECT_EQ(nearest, blob);
  }
  EXPECT_GT(least_gap(after->embedding()), 2.0);
}

TEST(Umap, copies_constant_columns_and_pieces_are_placed) {
  ThreadPool pool(2);
  std::vector<float> same(1000 * kDim, 4.0F);
  auto umap = Umap::fit(view(same), {}, {}, {}, {pool});
  ASSERT_TRUE(umap) << umap.error().to_string();
  EXPECT_TRUE(all_finite(umap->embedding()));
  // A thousand copies beside two blobs: the graph is in pieces.
  const auto rest = blobs(200, 40.0F);
  same.insert(same.end(), rest.begin(), rest.end());
  for (const std::size_t components : {1U, 2U, 5U}) {
    umap = Umap::fit(view(same), {.component_count = components}, {}, {}, {pool});
    ASSERT_TRUE(umap) << umap.error().to_string();
    EXPECT_TRUE(all_finite(umap->embedding()));
  }
  // Many small pieces: more than there are axes.
  const CounterRandom random(21, 1);
  std::vector<float> islands(400 * kDim);
  for (std::size_t i = 0; i < islands.size(); ++i) {
    const std::size_t island = i / kDim / 8;
    islands[i] = static_cast<float>(100.0 * random.normal(island * kDim + i % kDim) + 0.01 * random.normal(i + 100000));
  }
  umap = Umap::fit(view(islands), {.neighbor_count = 5}, {}, {}, {pool});
  ASSERT_TRUE(umap);
  EXPECT_TRUE(all_finite(umap->embedding()));
  auto graph = neighbor_graph({.values = umap->embedding(), .row_count = 400, .dim = 2}, {.neighbor_count = 3}, {pool});
  std::size_t own = 0;
  for (std::size_t i = 0; i < graph->neighbors.size(); ++i) {
    own += graph->neighbors[i] / 8 == i / 3 / 8 ? 1U : 0U;
  }
  EXPECT_GT(static_cast<double>(own) / static_cast<double>(graph->neighbors.size()), 0.95);
}

TEST(Umap, few_rows_have_fewer_neighbors) {
  ThreadPool pool(2);
  for (const std::size_t count : {2U, 3U, 4U, 14U, 16U}) {
    const auto values = blobs(count, 5.0F);
    const auto umap = Umap::fit(view(values), {}, {}, {}, {pool});
    ASSERT_TRUE(umap) << count << ": " << umap.error().to_string();
    EXPECT_TRUE(all_finite(umap->embedding()));
    const auto placed = umap->transform(view(values), {pool});
    ASSERT_TRUE(placed);
    EXPECT_TRUE(all_finite(*placed));
  }
}

TEST(Umap, bad_input_is_an_error) {
  ThreadPool pool(1);
  auto values = blobs(30, 5.0F);
  const auto code = [&](const RowsView& rows, const UmapOptions& options, std::span<const std::int32_t> labels = {},
                        std::span<const float> initial = {}) {
    const auto umap = Umap::fit(rows, options, {.classes = labels}, initial, {pool});
    return umap ? std::string("none") : umap.error().message;
  };
  EXPECT_NE(code({.values = values, .row_count = 1, .dim = kDim}, {}).find("at least 2 rows"), std::string::npos);
  EXPECT_NE(code(view(values), {.component_count = 0}).find("components"), std::string::npos);
  EXPECT_NE(code(view(values), {.component_count = 101}).find("components"), std::string::npos);
  EXPECT_NE(code(view(values), {.neighbor_count = 1}).find("neighbors"), std::string::npos);
  EXPECT_NE(code(view(values), {.min_dist = 1.5}).find("min_dist"), std::string::npos);
  EXPECT_NE(code(view(values), {}, std::vector<std::int32_t>(29, 0)).find("labels"), std::string::npos);
  EXPECT_NE(code(view(values), {}, {}, std::vector<float>(59, 0.0F)).find("start from"), std::string::npos);
  values[17 * kDim + 2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(code(view(values), {}).find("row 17"), std::string::npos);
}

TEST(Umap, stops_when_asked_between_epochs_and_says_how_far_it_is) {
  ThreadPool pool(2);
  const auto values = blobs(300, 5.0F);
  CancelFlag cancel;
  std::vector<std::string> stages;
  const AnalysisRun run{
      .pool = pool, .cancel = &cancel, .progress = [&](std::string_view stage, std::size_t done, std::size_t total) {
        EXPECT_LE(done, total);
        stages.emplace_back(stage);
        if (stage == "layout") {
          cancel.request();
        }
      }};
  const auto umap = Umap::fit(view(values), {}, {}, {}, run);
  ASSERT_FALSE(umap);
  EXPECT_EQ(umap.error().code, ErrorCode::kCancelled);
  ASSERT_FALSE(stages.empty());
  EXPECT_EQ(stages.front(), "neighbors");
}

}  // namespace
}  // namespace asterism
