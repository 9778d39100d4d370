#include "service/atlas_series.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <optional>

#include "analysis/aligned_places.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"
#include "scratch_folder.hpp"
#include "service/atlas.hpp"
#include "service/atlas_json.hpp"
#include "service/atlas_run.hpp"
#include "service/atlas_session.hpp"
#include "tensor/tensor.hpp"
#include "weights/safetensors.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kDim = 8;
constexpr std::size_t kHeapCount = 4;

// Rows of four heaps; `turn` gives other vectors of the same heaps.
Item item(std::size_t row, std::uint64_t turn = 0) {
  const CounterRandom random(11 + turn, row);
  Item out{.id = fmt::format("i{}", row), .kind = ItemKind::kText, .content = fmt::format("text {}", row)};
  out.metadata = fmt::format(R"({{"heap": "h{}"}})", row % kHeapCount);
  for (std::size_t d = 0; d < kDim; ++d) {
    out.vector.push_back(static_cast<float>((d == row % kHeapCount ? 3.0 : 0.0) + 0.4 * random.normal(d)));
  }
  return out;
}

class AtlasSeriesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = Collection::create(location(), {.dim = kDim, .text_columns = {"none"}});
    ASSERT_TRUE(created) << created.error().message;
    collection_.emplace(*std::move(created));
  }
  void add(std::size_t begin, std::size_t end, std::uint64_t turn = 0) {
    std::vector<Item> items;
    for (std::size_t row = begin; row < end; ++row) {
      items.push_back(item(row, turn));
    }
    ASSERT_TRUE(collection_->add(items));
  }
  void name(const std::string& version) { ASSERT_TRUE(collection_->create_version(version)); }
  // 200 rows, 240 without the first ten, 250 of which ten have other vectors.
  void three_versions() {
    add(0, 200);
    name("one");
    add(200, 250);
    std::vector<std::string> gone;
    for (std::size_t row = 0; row < 10; ++row) {
      gone.push_back(fmt::format("i{}", row));
    }
    ASSERT_TRUE(collection_->erase(gone));
    name("two");
    add(10, 20, 7);
    add(250, 260);
    name("three");
  }
  Result<std::vector<SeriesStep>> lay_out(std::vector<std::string> versions = {}, MapRequest map = {}) {
    return map_series({.location = location(), .versions = std::move(versions), .map = std::move(map)}, run_);
  }
  std::shared_ptr<Atlas> open(const std::string& version) {
    auto collection = Collection::open(location(), {.read_only = true, .version = version});
    EXPECT_TRUE(collection) << collection.error().message;
    auto atlas =
        Atlas::open(*collection, {.name = "c", .location = location(), .version = version}, std::nullopt, run_);
    EXPECT_TRUE(atlas) << atlas.error().message;
    return atlas ? *atlas : nullptr;
  }
  std::string location() const { return (folder_.path() / "c").string(); }

  ScratchFolder folder_{"series"};
  std::optional<Collection> collection_;
  ThreadPool pool_{2};
  AnalysisRun run_{.pool = pool_};
};

TEST_F(AtlasSeriesTest, each_step_has_the_rows_of_its_version_and_what_stays_keeps_its_place) {
  three_versions();
  const auto steps = lay_out();
  ASSERT_TRUE(steps) << steps.error().message;
  ASSERT_EQ(steps->size(), 3U) << "what is there now is version three";
  EXPECT_EQ((*steps)[0].row_count, 200U);
  EXPECT_EQ((*steps)[1].row_count, 240U);
  EXPECT_EQ((*steps)[1].kept_count, 190U);
  EXPECT_EQ((*steps)[1].new_count, 50U);
  EXPECT_EQ((*steps)[1].gone_count, 10U);
  EXPECT_EQ((*steps)[2].row_count, 250U);
  EXPECT_EQ((*steps)[2].kept_count, 230U) << "ten have other vectors";
  EXPECT_LT((*steps)[1].median_move, 0.05);
  EXPECT_LT((*steps)[2].median_move, 0.05);
  for (const SeriesStep& step : *steps) {
    const auto atlas = open(step.version);
    EXPECT_EQ(atlas->maps().front().name, step.projection) << "the map of its version is shown first";
    const auto map = atlas->map(step.projection);
    ASSERT_TRUE(map);
    EXPECT_EQ(atlas->snapshot().row_count(), step.row_count);
    EXPECT_TRUE(std::ranges::all_of((*map)->points, [](float value) { return std::isfinite(value); }));
  }
}

TEST_F(AtlasSeriesTest, the_manifest_says_which_map_is_which_step) {
  three_versions();
  ASSERT_TRUE(lay_out({"one", "three"}));
  const Json manifest = atlas_manifest(*open("one"), {});
  ASSERT_EQ(manifest["projections"].size(), 2U);
  const Json& last = manifest["projections"][1];
  EXPECT_EQ(last["series"], "versions");
  EXPECT_EQ(last["series_step"], 2);
  EXPECT_EQ(last["series_label"], "three");
  EXPECT_EQ(last["version"], "three");
  ASSERT_EQ(last["series_bounds"].size(), 4U);
  EXPECT_EQ(last["series_bounds"], manifest["projections"][0]["series_bounds"]) << "one box for all steps";
}

TEST_F(AtlasSeriesTest, what_is_there_now_is_the_last_step_where_it_is_something_else) {
  three_versions();
  ASSERT_EQ(lay_out()->size(), 3U);
  add(260, 265);
  const auto steps = lay_out();
  ASSERT_TRUE(steps);
  ASSERT_EQ(steps->size(), 4U);
  EXPECT_EQ(steps->back().version, "");
  EXPECT_EQ(steps->back().label, "now");
  // A shorter series leaves nothing of a longer one.
  ASSERT_TRUE(lay_out({"one", "two"}));
  EXPECT_EQ(list_series(location(), kSeriesName).size(), 2U);
}

TEST_F(AtlasSeriesTest, a_step_without_new_rows_leaves_all_others_where_they_are) {
  add(0, 100);
  name("all");
  ASSERT_TRUE(collection_->erase(std::vector<std::string>{"i5", "i50"}));
  name("fewer");
  const auto steps = lay_out();
  ASSERT_TRUE(steps);
  EXPECT_EQ((*steps)[1].median_move, 0.0);
  const auto before = open("all");
  const auto after = open("fewer");
  const auto from = (*before->map((*steps)[0].projection))->view().row(*before->snapshot().ids.row("i7"));
  const auto to = (*after->map((*steps)[1].projection))->view().row(*after->snapshot().ids.row("i7"));
  EXPECT_TRUE(std::ranges::equal(from, to));
}

TEST_F(AtlasSeriesTest, a_collection_that_grew_shows_parts_of_its_last_map) {
  add(0, 30);
  name("few");
  add(30, 250);
  name("many");
  const auto steps = lay_out();
  ASSERT_TRUE(steps) << steps.error().message;
  ASSERT_EQ(steps->size(), 2U);
  EXPECT_EQ((*steps)[1].kept_count, 30U);
  EXPECT_EQ((*steps)[1].median_move, 0.0);
  const auto few = open("few");
  const auto many = open("many");
  const auto part = (*few->map((*steps)[0].projection))->view().row(*few->snapshot().ids.row("i7"));
  const auto whole = (*many->map((*steps)[1].projection))->view().row(*many->snapshot().ids.row("i7"));
  EXPECT_TRUE(std::ranges::equal(part, whole));
}

TEST_F(AtlasSeriesTest, other_vectors_of_the_same_rows_are_laid_out_anew_and_lie_on_the_map_before) {
  for (const std::string_view method : {"umap", "pca"}) {
    SCOPED_TRACE(method);
    if (collection_->count().value_or(0) == 0) {
      add(0, 120);
      name("untrained");
      add(0, 120, 5);
      name("trained");
    }
    const auto steps = lay_out({"untrained", "trained"}, {.method = std::string(method)});
    ASSERT_TRUE(steps) << steps.error().message;
    EXPECT_EQ((*steps)[1].kept_count, 0U);
    const auto first = open("untrained")->map((*steps)[0].projection);
    const auto second = open("trained")->map((*steps)[1].projection);
    // The middles of the four heaps are near where they were, as far as the map is wide.
    double worst = 0.0;
    double side = 0.0;
    for (std::size_t heap = 0; heap < kHeapCount; ++heap) {
      double shift = 0.0;
      for (std::size_t axis = 0; axis < 2; ++axis) {
        double from = 0.0;
        double to = 0.0;
        for (std::size_t row = heap; row < 120; row += kHeapCount) {
          from += static_cast<double>((*first)->view().row(row)[axis]) / 30.0;
          to += static_cast<double>((*second)->view().row(row)[axis]) / 30.0;
          side = std::max(side, std::abs(2.0 * from));
        }
        shift += (from - to) * (from - to);
      }
      worst = std::max(worst, std::sqrt(shift));
    }
    EXPECT_LT(worst, 0.5 * side);
  }
}

TEST_F(AtlasSeriesTest, the_same_bytes_at_any_thread_count) {
  three_versions();
  std::vector<std::vector<float>> points;
  for (const std::size_t thread_count : {1U, 2U, 3U}) {
    ThreadPool pool(thread_count);
    ASSERT_TRUE(map_series({.location = location()}, {.pool = pool}));
    points.push_back((*open("three")->map("versions-003"))->points);
  }
  EXPECT_EQ(points[0], points[1]);
  EXPECT_EQ(points[0], points[2]);
}

TEST_F(AtlasSeriesTest, what_is_no_series_is_refused_with_what_to_do) {
  add(0, 40);
  EXPECT_EQ(lay_out().error().code, ErrorCode::kInvalidArgument);
  name("only");
  const auto same = lay_out();
  ASSERT_FALSE(same);
  EXPECT_THAT(same.error().message, testing::HasSubstr("version 'only'"));
  EXPECT_EQ(lay_out({"only", "only"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(lay_out({"only", "none"}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(list_series(location(), kSeriesName).empty()) << "nothing is kept of what failed";
}

TEST(AlignedPlaces, undo_a_turn_and_a_mirror) {
  const std::vector<float> reference{0, 0, 2, 0, 0, 1, 5, 5};
  // Turned by a quarter, mirrored and moved; the last row says nothing.
  std::vector<float> places;
  for (std::size_t row = 0; row < 3; ++row) {
    places.push_back(reference[row * 2 + 1] + 7.0F);
    places.push_back(reference[row * 2] - 3.0F);
  }
  places.insert(places.end(), {std::nanf(""), 1.0F});
  const auto aligned = aligned_places(places, reference, 2);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(aligned[i], reference[i], 1e-5F);
  }
  EXPECT_TRUE(std::isnan(aligned[6]));
}

// A run's folder with vectors of two evaluations: the second row has none at first.
class RunFolderTest : public testing::Test {
 protected:
  void write(std::size_t evaluation_count) {
    const auto folder = run() / "evaluations";
    std::filesystem::create_directories(folder);
    Tensor offsets(DType::kI64, {3});
    std::ranges::fill(offsets.mutable_as<std::int64_t>(), 0);
    const std::string rows =
        R"([{"id":"validation-000000","label":"cat","split":"validation","row":0,"cells":{"a":"1"}},)"
        R"({"id":"validation-000001","label":"","split":"validation","row":1,"cells":{"a":"2"}}])";
    ASSERT_TRUE(write_safetensors(
        folder / "rows.safetensors",
        {{.name = "pictures", .tensor = Tensor(DType::kU8, {0})}, {.name = "picture_offsets", .tensor = offsets}},
        {{"rows", rows}}));
    for (std::size_t i = 0; i < evaluation_count; ++i) {
      Tensor vectors(DType::kF32, {2, 3});
      const std::vector<float> values{1, 0, 0, i == 0 ? std::nanf("") : 0.0F, 1, 0};
      std::ranges::copy(values, vectors.mutable_as<float>().begin());
      ASSERT_TRUE(write_safetensors(folder / fmt::format("epoch-{:08}.safetensors", i),
                                    {{.name = "vectors", .tensor = vectors}}, {{"epoch", std::to_string(i)}}));
    }
  }
  std::filesystem::path run() const { return folder_.path() / "run"; }
  Result<RunCollection> collect() { return collect_run(run(), (folder_.path() / "c").string(), nullptr, {}); }

  ScratchFolder folder_{"run"};
};

TEST_F(RunFolderTest, becomes_a_collection_with_a_version_for_each_evaluation) {
  write(2);
  const auto collected = collect();
  ASSERT_TRUE(collected) << collected.error().message;
  EXPECT_EQ(collected->versions, (std::vector<std::string>{"epoch 0", "epoch 1"}));
  const std::string place = (folder_.path() / "c").string();
  const auto first = Collection::open(place, {.read_only = true, .version = "epoch 0"});
  const auto last = Collection::open(place, {.read_only = true, .version = "epoch 1"});
  ASSERT_TRUE(first && last);
  EXPECT_EQ(*first->count(), 1U) << "a row without a vector is not there yet";
  EXPECT_EQ(*last->count(), 2U);
  const auto item = (*last->get(std::vector<std::string>{"validation-000000"}))[0];
  ASSERT_TRUE(item);
  EXPECT_EQ(item->content, "a: 1");
  EXPECT_THAT(item->metadata, testing::HasSubstr(R"("label":"cat")"));
}

TEST_F(RunFolderTest, without_vectors_or_with_one_evaluation_says_what_to_do) {
  const auto none = collect();
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().hint, testing::HasSubstr("training.evaluation_vectors"));
  write(1);
  EXPECT_EQ(collect().error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism::service
