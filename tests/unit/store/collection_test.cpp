#include "asterism/collection.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/sha256.hpp"
#include "scratch_folder.hpp"
#include "store/collection_embedder.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// With the model inside the program: nothing is fetched.
class CollectionTest : public testing::Test {
 protected:
  std::string place() const { return (folder_.path() / "c").string(); }

  Collection create() const {
    CollectionSettings settings;
    settings.model.id = "builtin";
    settings.columns = {"colour", "price"};
    settings.text_columns = {"$content"};
    auto made = Collection::create(place(), settings);
    EXPECT_TRUE(made) << made.error().to_string();
    return std::move(*made);
  }

  static Item text(const std::string& id, const std::string& content, const std::string& metadata = "{}") {
    Item item;
    item.id = id;
    item.kind = ItemKind::kText;
    item.content = content;
    item.metadata = metadata;
    return item;
  }

  static std::vector<Item> wardrobe() {
    return {text("coat", "a warm winter coat", R"({"colour":"red","price":120})"),
            text("jacket", "a warm winter jacket", R"({"colour":"red","price":80})"),
            text("parka", "a winter parka with a hood", R"({"colour":"blue","price":150})"),
            text("pan", "a frying pan for the kitchen", R"({"colour":"black","price":25})"),
            text("knife", "a sharp kitchen knife", R"({"colour":"black","price":30})")};
  }

  static std::vector<std::string> ids(const Result<SearchResult>& result) {
    EXPECT_TRUE(result) << result.error().to_string();
    std::vector<std::string> ids;
    for (const auto& hit : result->hits) {
      ids.push_back(hit.item.id);
    }
    return ids;
  }

  static SearchRequest about(const std::string& text, std::size_t k) {
    SearchRequest request;
    request.like = {query_text(text)};
    request.k = k;
    return request;
  }

  ScratchFolder folder_{"collection"};
};

TEST_F(CollectionTest, TextsAreEmbeddedOnceAndFoundByMeaning) {
  auto collection = create();
  EXPECT_GT(collection.settings().dim, 0U);
  const auto added = collection.embed_and_add(wardrobe());
  ASSERT_TRUE(added) << added.error().to_string();
  EXPECT_EQ(*added, (AddSummary{.added_count = 5, .embedded_count = 5}));
  EXPECT_EQ(*collection.embed_and_add(wardrobe()), (AddSummary{.unchanged_count = 5}));
  // The same text under another id, and one text in two items: one vector, one run of the model.
  EXPECT_EQ(
      *collection.embed_and_add(std::vector{text("coat 2", "a warm winter coat"), text("x", "new"), text("y", "new")}),
      (AddSummary{.added_count = 3, .embedded_count = 1}));
  EXPECT_THAT(ids(collection.search(about("something for cooking", 2))), testing::UnorderedElementsAre("pan", "knife"));
}

TEST_F(CollectionTest, ChangedMetadataNeedsNoModel) {
  auto collection = create();
  ASSERT_TRUE(collection.embed_and_add(wardrobe()));
  auto cheaper = wardrobe();
  cheaper[0].metadata = R"({"colour":"red","price":60})";
  EXPECT_EQ(*collection.embed_and_add(cheaper), (AddSummary{.updated_count = 1, .unchanged_count = 4}));
  EXPECT_EQ(*collection.count("price < 70"), 3U);
}

TEST_F(CollectionTest, FiltersKeywordsGroupsAndIds) {
  auto collection = create();
  ASSERT_TRUE(collection.embed_and_add(wardrobe()));
  auto request = about("warm winter clothes", 5);
  request.filter = "colour = 'red' and price < 100";
  EXPECT_THAT(ids(collection.search(request)), ElementsAre("jacket"));
  request = about("warm winter clothes", 2);
  request.group_by = "colour";
  const auto grouped = ids(collection.search(request));
  EXPECT_EQ(grouped.size(), 2U);
  EXPECT_THAT(grouped, testing::Contains("parka"));
  request = about("kitchen", 1);
  request.keywords = "hood";
  const auto fused = collection.search(request);
  EXPECT_EQ(fused->score_name, "reciprocal rank");
  EXPECT_TRUE(fused->larger_is_nearer);
  SearchRequest words;
  words.keywords = "hood";
  EXPECT_THAT(ids(collection.search(words)), ElementsAre("parka"));
  SearchRequest like;
  like.like = {query_id("coat")};
  like.k = 1;
  EXPECT_THAT(ids(collection.search(like)), ElementsAre("jacket"));
  like.k = 10;
  like.unlike = {query_text("kitchen")};
  const auto unlike = ids(collection.search(like));
  EXPECT_EQ(unlike.size(), 4U);
  EXPECT_THAT(unlike.back(), testing::AnyOf("pan", "knife"));
}

TEST_F(CollectionTest, DiversityPutsUnlikeAnswersFirst) {
  auto collection = create();
  auto items = wardrobe();
  items.push_back(text("coat again", "a warm winter coat!"));
  ASSERT_TRUE(collection.embed_and_add(items));
  auto request = about("a warm winter coat", 2);
  EXPECT_THAT(ids(collection.search(request)), testing::UnorderedElementsAre("coat", "coat again"));
  request.diversity = 0.7;
  const auto diverse = ids(collection.search(request));
  EXPECT_EQ(diverse.front(), "coat");
  EXPECT_THAT(diverse, testing::Not(testing::Contains("coat again")));
}

TEST_F(CollectionTest, ManyQuestionsAtOnce) {
  auto collection = create();
  ASSERT_TRUE(collection.embed_and_add(wardrobe()));
  std::vector<SearchRequest> requests{about("cooking", 1), about("winter", 3)};
  requests[1].filter = "colour = 'blue'";
  const auto results = collection.search_batch(requests);
  ASSERT_TRUE(results) << results.error().to_string();
  EXPECT_EQ(results->at(0).hits.size(), 1U);
  EXPECT_EQ(results->at(1).hits.at(0).item.id, "parka");
  EXPECT_EQ(results->at(0).hits.at(0).item.id, ids(collection.search(requests[0])).front());
}

TEST_F(CollectionTest, DuplicatesByContentAndByNearness) {
  auto collection = create();
  auto items = wardrobe();
  items.push_back(text("coat 2", "a warm winter coat"));
  items.push_back(text("coat 3", "A warm winter coat!"));
  ASSERT_TRUE(collection.embed_and_add(items));
  const auto equal = collection.duplicates({});
  ASSERT_EQ(equal->size(), 1U);
  EXPECT_EQ(equal->front().id, "coat");
  EXPECT_EQ(equal->front().duplicate_id, "coat 2");
  const auto near = collection.duplicates(0.95F);
  ASSERT_TRUE(near) << near.error().to_string();
  EXPECT_EQ(near->size(), 3U);  // 2 with 1, 3 with 1, 3 with 2
}

TEST_F(CollectionTest, PairsOfDuplicatesHaveALimit) {
  // n rows in one place are n (n - 1) / 2 pairs: one row less would be within.
  static_assert(1414 * 1413 / 2 <= kDuplicatePairsMax && 1415 * 1414 / 2 > kDuplicatePairsMax);
  CollectionSettings settings;
  settings.dim = 4;
  auto collection = Collection::create(place(), settings).value();
  std::vector<Item> items;
  for (int i = 0; i < 1415; ++i) {
    items.push_back({.id = std::to_string(i), .vector = {1.0F, 2.0F, 3.0F, 4.0F}});
  }
  ASSERT_TRUE(collection.add(items));
  const auto past = collection.duplicates(0.99F);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::kLimitExceeded);
}

TEST_F(CollectionTest, LookingForDuplicatesEndsWhenAsked) {
  auto collection = create();
  ASSERT_TRUE(collection.embed_and_add(wardrobe()));
  CancelFlag cancel;
  cancel.request();
  const auto ended = collection.duplicates(0.9F, {.progress = {}, .cancel = &cancel});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kCancelled);
}

TEST_F(CollectionTest, AnItemThatFailsCostsOnlyItself) {
  auto collection = create();
  auto items = wardrobe();
  items[1].metadata = "[1]";
  items[2].metadata = "{\"a\":\"" + std::string(kItemMetadataSizeBytesMax, 'x') + "\"}";
  items[3].kind = ItemKind::kImage;
  items[3].content = (folder_.path() / "nothing.jpg").string();
  std::vector<std::size_t> failed;
  const auto added = collection.embed_and_add(items, [&](std::size_t index, const Error&) { failed.push_back(index); });
  ASSERT_TRUE(added) << added.error().to_string();
  EXPECT_EQ(added->added_count, 2U);
  EXPECT_THAT(failed, testing::UnorderedElementsAre(1, 2, 3));
}

TEST_F(CollectionTest, BadQuestionsAreNamed) {
  auto collection = create();
  ASSERT_TRUE(collection.embed_and_add(wardrobe()));
  auto request = about("x", 5);
  request.filter = "colour = ";
  EXPECT_EQ(collection.search(request).error().code, ErrorCode::kUsage);
  request.filter = "color = 'red'";
  const auto unknown = collection.search(request);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(unknown.error().to_string(), HasSubstr("colour"));
  EXPECT_EQ(collection.search(about("x", kSearchCountMax + 1)).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(collection.search(about("x", 0)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ids(collection.search(about("x", kSearchCountMax))).size(), 5U);
  EXPECT_EQ(collection.search({}).error().code, ErrorCode::kInvalidArgument);
  SearchRequest vector;
  vector.like = {query_vector({1, 2})};
  EXPECT_THAT(collection.search(vector).error().message, HasSubstr("components"));
  vector.like = {query_vector(std::vector<float>(collection.settings().dim, 0.0F))};
  EXPECT_THAT(collection.search(vector).error().message, HasSubstr("no direction"));
  vector.like = {query_id("nobody")};
  EXPECT_EQ(collection.search(vector).error().code, ErrorCode::kNotFound);
}

TEST_F(CollectionTest, BadVectorsAreNamed) {
  CollectionSettings settings;
  settings.dim = 2;
  auto collection = Collection::create(place(), settings);
  ASSERT_TRUE(collection);
  const auto error_of = [&](std::vector<float> vector) {
    Item item;
    item.id = "it";
    item.vector = std::move(vector);
    const auto added = collection->add(std::vector{item});
    EXPECT_FALSE(added);
    EXPECT_THAT(added.error().message, HasSubstr("\"it\""));
    return added.error().message;
  };
  EXPECT_THAT(error_of({1}), HasSubstr("expected 2 components"));
  EXPECT_THAT(error_of({1, NAN}), HasSubstr("component 1"));
  EXPECT_THAT(error_of({0, 0}), HasSubstr("zeros"));
  EXPECT_THAT(collection->search(about("x", 1)).error().message, HasSubstr("no model"));
  EXPECT_EQ(*collection->count(), 0U);
}

TEST_F(CollectionTest, AnotherModelUnderTheSameNameIsRefused) {
  const auto model = folder_.path() / "model";
  std::filesystem::copy(std::filesystem::path(ASTERISM_SOURCE_DIR) / "assets" / "builtin", model,
                        std::filesystem::copy_options::recursive);
  CollectionSettings settings;
  settings.model.id = model.string();
  {
    auto collection = Collection::create(place(), settings);
    ASSERT_TRUE(collection) << collection.error().to_string();
    ASSERT_TRUE(collection->embed_and_add(wardrobe()));
  }
  std::ofstream(model / "more.json") << "{}";
  auto collection = Collection::open(place());
  ASSERT_TRUE(collection);
  EXPECT_EQ(collection->search(about("coat", 1)).error().code, ErrorCode::kMismatch);
}

TEST(ExpectSameModel, TakesTheDigestThatTheCollectionNamesAndAnyWhereItNamesNone) {
  CollectionSettings settings;
  settings.dim = 256;
  EXPECT_TRUE(expect_same_model(settings, "abc", 256)) << "a collection of an earlier version";
  settings.model.sha256 = "abc";
  EXPECT_TRUE(expect_same_model(settings, "abc", 256));
  EXPECT_FALSE(expect_same_model(settings, "abd", 256));
  EXPECT_FALSE(expect_same_model(settings, "abc", 128));
}

TEST_F(CollectionTest, LocationsAreUnderstood) {
  for (const auto& [location, expected] : std::vector<std::pair<std::string, std::string>>{
           {"redis://x?collection=a", "milvus://"}, {"milvus://host:1/db", "collection=NAME"}, {"", "nothing"}}) {
    const auto opened = Collection::open(location);
    ASSERT_FALSE(opened) << location;
    EXPECT_THAT(opened.error().to_string(), HasSubstr(expected));
  }
  EXPECT_THAT(Collection::open("postgresql://me:secret@host/db").error().message, testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace asterism
