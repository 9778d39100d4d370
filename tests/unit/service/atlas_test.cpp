#include "service/atlas.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "base/counter_random.hpp"
#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "scratch_folder.hpp"
#include "service/atlas_export.hpp"
#include "service/atlas_json.hpp"
#include "service/atlas_page.hpp"
#include "service/atlas_search.hpp"
#include "service/atlas_session.hpp"
#include "service/atlas_tables.hpp"
#include "service/distortion_file.hpp"
#include "service/projector_files.hpp"
#include "weights/zip_directory.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kDim = 8;

// Two heaps of vectors: even rows and odd ones.
Item item(std::size_t row) {
  const CounterRandom random(3, row);
  Item out{.id = fmt::format("i{}", row), .kind = ItemKind::kText};
  out.content = fmt::format("<b>text</b> \"{}\", of row\t{}", row % 2 == 0 ? "even" : "odd", row);
  out.metadata = fmt::format(R"({{"parity": "{}", "number": {}.5}})", row % 2 == 0 ? "even" : "odd", row);
  for (std::size_t d = 0; d < kDim; ++d) {
    out.vector.push_back(static_cast<float>((d == row % 2 ? 3.0 : 0.0) + 0.3 * random.normal(d)));
  }
  return out;
}

class AtlasTest : public testing::Test {
 protected:
  void SetUp() override { add(0, 60); }

  void add(std::size_t begin, std::size_t end) {
    std::vector<Item> items;
    for (std::size_t row = begin; row < end; ++row) {
      items.push_back(item(row));
    }
    ASSERT_TRUE(collection().add(items));
  }
  Collection& collection() {
    if (!collection_) {
      auto created = Collection::create(location(), {.dim = kDim, .text_columns = {"none"}});
      EXPECT_TRUE(created) << created.error().message;
      collection_.emplace(*std::move(created));
    }
    return *collection_;
  }
  std::string location() const { return (folder_.path() / "c").string(); }
  std::shared_ptr<Atlas> open(const std::optional<MapRequest>& request = MapRequest{.method = "pca"}) {
    auto atlas = Atlas::open(collection(), {.name = "c", .location = location()}, request, run_);
    EXPECT_TRUE(atlas) << atlas.error().message;
    return atlas ? *atlas : nullptr;
  }

  ScratchFolder folder_{"atlas"};
  std::optional<Collection> collection_;
  ThreadPool pool_{2};
  AnalysisRun run_{.pool = pool_};
};

TEST_F(AtlasTest, rows_keep_their_numbers_when_the_collection_changes) {
  const auto atlas = open();
  ASSERT_TRUE(collection().erase(std::vector<std::string>{"i3"}));
  add(60, 70);
  EXPECT_EQ(atlas->snapshot().row_count(), 60U);
  EXPECT_EQ(atlas->snapshot().ids.id(4), "i4");
  EXPECT_EQ(atlas->snapshot().ids.row("i4"), 4U);
  EXPECT_EQ(atlas->snapshot().ids.row("i65"), std::nullopt);
  EXPECT_FALSE(*atlas->is_current(collection()));
  const auto items = atlas_items(collection(), atlas->snapshot(), std::vector<std::uint32_t>{3, 4});
  ASSERT_TRUE(items);
  EXPECT_EQ((*items)["items"][0]["gone"], true);
  EXPECT_EQ((*items)["items"][1]["gone"], false);
  const auto neighbors = atlas_neighbors(collection(), atlas->snapshot(), 4, 59);
  ASSERT_TRUE(neighbors);
  for (const ScoredRow& near : *neighbors) {
    EXPECT_LT(near.row, 60U);
    EXPECT_NE(near.row, 3U);
  }
  const auto again = open();
  EXPECT_EQ(again->snapshot().row_count(), 69U);
  EXPECT_NE(again->snapshot().name, atlas->snapshot().name);
}

TEST_F(AtlasTest, a_map_is_computed_once_and_kept) {
  const auto atlas = open();
  const auto map = atlas->map("pca");
  ASSERT_TRUE(map);
  ASSERT_EQ((*map)->points.size(), 120U);
  const auto read = read_map(location(), "pca", atlas->snapshot());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->points, (*map)->points);
  EXPECT_FALSE(is_stale(read->summary, atlas->snapshot()));
  add(60, 61);
  const auto later = open(std::nullopt);
  const auto old = later->map("pca");
  ASSERT_TRUE(old);
  EXPECT_TRUE(std::isnan((*old)->points[120])) << "the new row has no place on the old map";
  EXPECT_TRUE(is_stale((*old)->summary, later->snapshot()));
  const auto anew = open();
  EXPECT_FALSE(std::isnan((*anew->map("pca"))->points[120]))
      << "asked for by its method it is computed for what is there";
  EXPECT_EQ(later->map("none").error().code, ErrorCode::kNotFound);
}

TEST_F(AtlasTest, few_rows_and_equal_rows_have_places) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
    const std::string place = (folder_.path() / fmt::format("few{}", count)).string();
    auto few = Collection::create(place, {.dim = kDim, .text_columns = {"none"}});
    ASSERT_TRUE(few);
    std::vector<Item> items;
    for (std::size_t row = 0; row < count; ++row) {
      items.push_back(item(0));
      items.back().id = std::to_string(row);
    }
    ASSERT_TRUE(few->add(items));
    const auto atlas = Atlas::open(*few, {.name = "few", .location = place}, std::nullopt, run_);
    ASSERT_TRUE(atlas) << atlas.error().message;
    const auto map = (*atlas)->map((*atlas)->maps().front().name);
    ASSERT_TRUE(map);
    EXPECT_EQ((*map)->points, std::vector<float>(count * 2, 0.0F));
    EXPECT_TRUE((*atlas)->distortion(*few, (*map)->summary.name, run_));
    EXPECT_TRUE((*atlas)->labels(*few, (*map)->summary.name, run_));
  }
  auto none = Collection::create((folder_.path() / "none").string(), {.dim = kDim});
  ASSERT_TRUE(none);
  EXPECT_EQ(Atlas::open(*none, {.name = "none", .location = ""}, std::nullopt, run_).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(AtlasTest, distortion_is_between_nothing_and_all_and_worked_out_once) {
  const auto atlas = open();
  EXPECT_EQ(atlas->find_distortion("pca"), nullptr);
  const auto first = atlas->distortion(collection(), "pca", run_);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ((*first)->asked_row_count, 60U);
  for (const float value : (*first)->values) {
    EXPECT_GE(value, 0.0F);
    EXPECT_LE(value, 1.0F);
  }
  EXPECT_GT((*first)->trustworthiness, 0.5);
  EXPECT_EQ(atlas->find_distortion("pca"), *first);
  EXPECT_EQ(*atlas->distortion(collection(), "pca", run_), *first);
}

TEST_F(AtlasTest, a_distortion_is_kept_for_its_snapshot_and_its_map) {
  const auto atlas = open();
  const auto map = atlas->map("pca");
  ASSERT_TRUE(map);
  EXPECT_EQ(read_distortion(location(), atlas->snapshot(), **map).error().code, ErrorCode::kNotFound);
  const auto first = atlas->distortion(collection(), "pca", run_);
  ASSERT_TRUE(first) << first.error().message;
  // Read and not measured again: what the file says is what there is.
  MapDistortion other = **first;
  other.values[0] = 0.125F;
  ASSERT_TRUE(keep_distortion(location(), atlas->snapshot(), **map, other));
  const auto again = open()->distortion(collection(), "pca", run_);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->values, other.values);
  EXPECT_EQ((*again)->neighbor_count, (*first)->neighbor_count);
  EXPECT_EQ((*again)->asked_row_count, 60U);
  EXPECT_EQ((*again)->continuity, (*first)->continuity);

  AtlasMap moved = **map;
  moved.points[0] += 1.0F;
  EXPECT_EQ(read_distortion(location(), atlas->snapshot(), moved).error().code, ErrorCode::kMismatch);
  other.values[0] = 7.0F;
  ASSERT_TRUE(keep_distortion(location(), atlas->snapshot(), **map, other));
  EXPECT_EQ(read_distortion(location(), atlas->snapshot(), **map).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ((*open()->distortion(collection(), "pca", run_))->values, (*first)->values) << "measured again";

  add(60, 61);
  const auto later = open(std::nullopt);
  EXPECT_EQ(read_distortion(location(), later->snapshot(), **later->map("pca")).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(list_maps(location()).size(), 1U) << "a distortion is no map";
}

TEST_F(AtlasTest, neighbours_on_the_map_are_true_or_false) {
  const auto atlas = open();
  const auto map = atlas->map("pca");
  ASSERT_TRUE(map);
  const auto near = map_neighbors(collection(), atlas->snapshot(), map->get(), 0, 5);
  ASSERT_TRUE(near);
  EXPECT_EQ(near->original.size(), 5U);
  EXPECT_EQ(near->map.size(), 5U);
  for (const auto& neighbor : near->map) {
    EXPECT_GT(neighbor.rank, 0U) << "all 59 others are among the first 100";
  }
  EXPECT_EQ(map_neighbors(collection(), atlas->snapshot(), nullptr, 60, 5).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(map_neighbors(collection(), atlas->snapshot(), nullptr, 0, kAtlasNeighborCountMax + 1).error().code,
            ErrorCode::kLimitExceeded);
}

TEST_F(AtlasTest, an_expression_of_items_leaves_these_out) {
  const auto atlas = open();
  const auto ask = [&](const std::string& expression) {
    return atlas_search(collection(), atlas->snapshot(), {.kind = AtlasQuery::Kind::kExpression, .value = expression},
                        10);
  };
  const auto found = ask("#i0 + 0.5*#\"i2\" - #i1");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 10U);
  for (const ScoredRow& one : *found) {
    EXPECT_EQ(one.row % 2, 0U) << "the heap that is added, not the one that is taken away";
    EXPECT_GT(one.row, 2U);
  }
  EXPECT_EQ(ask("#i0 + #none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ask("#i0 + @\"/etc/hostname\"").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ask("#i0 - #i0").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ask("#i0 - ").error().code, ErrorCode::kUsage);
}

TEST_F(AtlasTest, finds_texts_and_copies_rows) {
  const auto atlas = open();
  const auto rows = find_rows(collection(), atlas->snapshot(), "\"EVEN\"", 10);
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows, (std::vector<std::uint32_t>{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}));
  auto to = Collection::create((folder_.path() / "copy").string(), collection().settings());
  ASSERT_TRUE(to);
  ASSERT_TRUE(collection().erase(std::vector<std::string>{"i2"}));
  EXPECT_EQ(copy_rows(collection(), atlas->snapshot(), *rows, *to), 9U);
  const auto copied = to->get(std::vector<std::string>{"i4"}, {.vector = true});
  ASSERT_TRUE(copied);
  EXPECT_EQ((*copied)[0]->content, item(4).content);
}

TEST_F(AtlasTest, tables_hold_every_row) {
  const auto atlas = open();
  const std::vector<std::uint32_t> rows{1, 0};
  const auto map = atlas->map("pca");
  ASSERT_TRUE(map);
  const auto table = AtlasTable::open(collection(), atlas->snapshot(), map->get(), rows, AtlasTableFormat::kCsv);
  ASSERT_TRUE(table);
  const auto piece = (*table)->next();
  ASSERT_TRUE(piece && *piece);
  const std::string& csv = **piece;
  EXPECT_EQ(*(*table)->next(), std::nullopt);
  EXPECT_TRUE(csv.starts_with("id,text,parity,number,x,y\r\ni1,\"<b>text</b> \"\"odd\"\", of row\t1\",odd,1.5,"))
      << csv;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  const auto archive = projector_archive(collection(), atlas->snapshot(), rows);
  ASSERT_TRUE(archive);
  const auto directory = read_zip_directory(std::as_bytes(std::span(*archive)), "test");
  ASSERT_TRUE(directory);
  EXPECT_TRUE(directory->contains("vectors.tsv"));
  EXPECT_TRUE(directory->contains("metadata.tsv"));
  EXPECT_TRUE(directory->contains("projector_config.json"));
  EXPECT_EQ(parse_table_format("xlsx").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(AtlasTest, the_same_bytes_with_any_number_of_threads) {
  std::set<std::string> maps;
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
    ThreadPool pool(threads);
    const AnalysisRun run{.pool = pool};
    const auto atlas = open();
    const auto map = compute_map(collection(), atlas->snapshot(), {.method = "pca", .dim = 3}, run);
    ASSERT_TRUE(map);
    const auto distortion = measure_distortion(collection(), atlas->snapshot(), *map, run);
    ASSERT_TRUE(distortion);
    maps.insert(array_bytes(map->points) + array_bytes(distortion->values));
  }
  EXPECT_EQ(maps.size(), 1U);
}

TEST_F(AtlasTest, a_cancelled_run_says_so) {
  CancelFlag cancel;
  cancel.request();
  const auto atlas = open();
  const AnalysisRun run{.pool = pool_, .cancel = &cancel};
  const auto map = compute_map(collection(), atlas->snapshot(), {.method = "pca"}, run);
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().code, ErrorCode::kCancelled);
}

TEST(AtlasPage, takes_its_data_as_data) {
  constexpr std::string_view kPage = R"(<script type="application/json" id="asterism-data">null</script><b>)";
  EXPECT_EQ(page_with_data(kPage, {{"mode", "</script>"}}),
            R"(<script type="application/json" id="asterism-data">{"mode":"\u003c/script>"}</script><b>)");
  EXPECT_EQ(page_with_data("<html>", {}), std::nullopt);
}

TEST(AtlasNames, are_names_of_files_and_of_addresses) {
  for (const std::string_view name : {"label", "maker.country", "a/b", "ä", "a b"}) {
    EXPECT_TRUE(is_exportable_name(name)) << name;
  }
  for (const std::string_view name : {"", "..", "../x", "a/../b", "a//b", "/a", "a/", ".", "a\\b", "a\nb"}) {
    EXPECT_FALSE(is_exportable_name(name)) << name;
  }
  EXPECT_EQ(served_name("/x/my photos.v2/"), "my-photos-v2");
  EXPECT_EQ(served_name("notes"), "notes");
  EXPECT_EQ(served_name("/"), "collection");
}

class ProjectorTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_.path() / name;
    EXPECT_TRUE(write_file_atomic(path, text));
    return path.string();
  }
  ScratchFolder folder_{"projector"};
};

TEST_F(ProjectorTest, vectors_and_metadata_are_items) {
  write("v.tsv", "1\t2\n-3\t0.5\n");
  write("m.tsv", "Label\tkind\tsize\na <b>\tx\t7\nb\t\t8\n");
  const auto read =
      read_projector(write("c.json", R"({"embeddings": [{"tensorPath": "v.tsv", "metadataPath": "m.tsv"}]})"));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->items.size(), 2U);
  EXPECT_EQ(read->dim, 2U);
  EXPECT_EQ(read->items[0].content, "a <b>");
  EXPECT_EQ(read->items[0].metadata, R"({"kind":"x","size":7})");
  EXPECT_EQ(read->items[1].vector, (std::vector<float>{-3.0F, 0.5F}));
}

TEST_F(ProjectorTest, says_what_is_wrong) {
  write("v.tsv", "1\t2\n3\n");
  write("n.tsv", "1\tnan\n");
  write("ok.tsv", "1\t2\n3\t4\n");
  write("one.tsv", "a\n");
  write("raw.bytes", std::string(12, '\0'));
  const auto code = [&](const std::string& config) {
    const auto read = read_projector(write("c.json", config));
    return read ? ErrorCode::kInternal : read.error().code;
  };
  EXPECT_EQ(code(R"({"embeddings": [{"tensorPath": "v.tsv"}]})"), ErrorCode::kCorrupt);
  EXPECT_EQ(code(R"({"embeddings": [{"tensorPath": "n.tsv"}]})"), ErrorCode::kCorrupt);
  EXPECT_EQ(code(R"({"embeddings": [{"tensorPath": "none.tsv"}]})"), ErrorCode::kNotFound);
  EXPECT_EQ(code(R"({"embeddings": [{"tensorPath": "https://example.com/v.tsv"}]})"), ErrorCode::kUnsupported);
  EXPECT_EQ(code(R"({"embeddings": [{"tensorPath": "ok.tsv", "metadataPath": "one.tsv"}]})"), ErrorCode::kMismatch);
  EXPECT_EQ(code(R"({"embeddings": [{"tensorPath": "raw.bytes", "tensorShape": [2, 2]}]})"), ErrorCode::kCorrupt);
  EXPECT_EQ(code(R"({"embeddings": []})"), ErrorCode::kCorrupt);
  EXPECT_EQ(code("[]"), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace asterism::service
