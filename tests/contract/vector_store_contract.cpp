#include "contract/vector_store_contract.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "store/filter_parser.hpp"
#include "store/unit_vector.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr std::size_t kDim = 4;

CollectionSettings settings(Metric metric = Metric::kCosine) {
  CollectionSettings made;
  made.dim = kDim;
  made.metric = metric;
  made.columns = {"place"};
  return made;
}

Item item(const std::string& id, std::vector<float> vector, const std::string& metadata = "{}") {
  Item made;
  made.id = id;
  made.vector = std::move(vector);
  made.metadata = metadata;
  return made;
}

// The filter must outlive the request.
FilterExpression filter(std::string_view text) {
  return *parse_filter(text);
}

StoreHits nearest(const VectorStore& store, const std::vector<float>& query, std::size_t k,
                  const FilterExpression* passing = nullptr) {
  auto hits = store.nearest({.query = query, .k = k, .filter = passing});
  EXPECT_TRUE(hits) << (hits ? "" : hits.error().to_string());
  return hits ? std::move(*hits) : StoreHits{};
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VectorStoreContract);

void VectorStoreContract::SetUp() {
  if (const auto reason = GetParam().missing(); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
}

VectorStore& VectorStoreContract::make(const CollectionSettings& settings) {
  made_ = GetParam().make(settings);
  EXPECT_NE(made_.store, nullptr);
  return *made_.store;
}

std::vector<Item> VectorStoreContract::circle(std::size_t count) {
  std::vector<Item> items;
  for (std::size_t i = 0; i < count; ++i) {
    const double angle = std::numbers::pi * static_cast<double>(i) / static_cast<double>(count);
    items.push_back(
        item(std::to_string(i), {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)), 0, 0},
             fmt::format(R"({{"place":{},"even":{},"name":"item {}","tags":["t{}"]}})", i, i % 2 == 0, i, i % 3)));
  }
  return items;
}

std::vector<std::string> VectorStoreContract::ids(const StoreHits& hits) {
  std::vector<std::string> ids;
  for (const auto& hit : hits.hits) {
    ids.push_back(hit.item.id);
  }
  return ids;
}

TEST_P(VectorStoreContract, AddedItemsComeBackWhole) {
  auto& store = make(settings());
  Item given = item("a 'quoted' \"id\"", {1, 2, 3, 4}, R"({"text":"naïve ☃","nested":{"n":[1,2.5,null]}})");
  given.kind = ItemKind::kText;
  given.content = "two\nlines";
  ASSERT_TRUE(store.add(std::vector{given}));
  const auto got = store.get(std::vector<std::string>{"nobody", given.id},
                             {.metadata = true, .content = true, .data = true, .vector = true});
  ASSERT_TRUE(got) << got.error().to_string();
  ASSERT_EQ(got->size(), 2U);
  EXPECT_FALSE((*got)[0]);
  ASSERT_TRUE((*got)[1]);
  EXPECT_EQ((*got)[1]->id, given.id);
  EXPECT_EQ((*got)[1]->kind, ItemKind::kText);
  EXPECT_EQ((*got)[1]->content, given.content);
  EXPECT_EQ(*plain_metadata(*(*got)[1]), *plain_metadata(given));
  EXPECT_EQ((*got)[1]->vector, given.vector);
}

TEST_P(VectorStoreContract, AddingAgainReplacesAndSaysWhatItDid) {
  auto& store = make(settings());
  EXPECT_EQ(*store.add(circle(3)), (AddSummary{.added_count = 3}));
  auto again = circle(3);
  again[1].vector = {0, 0, 1, 0};
  again[2].metadata = R"({"place":9})";
  const auto summary = store.add(again);
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_EQ(summary->added_count, 0U);
  EXPECT_EQ(summary->updated_count, 2U);
  EXPECT_EQ(summary->unchanged_count, 1U);
  EXPECT_EQ(*store.count(nullptr), 3U);
  EXPECT_THAT(ids(nearest(store, {0, 0, 1, 0}, 1)), ElementsAre("1"));
  const auto nine = filter("place = 9");
  EXPECT_EQ(*store.count(&nine), 1U);
}

TEST_P(VectorStoreContract, OfEqualIdsInABatchTheLastCounts) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(std::vector{item("x", {1, 0, 0, 0}), item("y", {0, 1, 0, 0}), item("x", {0, 0, 1, 0})}));
  EXPECT_EQ(*store.count(nullptr), 2U);
  EXPECT_THAT(ids(nearest(store, {0, 0, 1, 0}, 1)), ElementsAre("x"));
}

TEST_P(VectorStoreContract, NearestAreInOrderWithScoresOfTheMetric) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(circle(8)));
  const auto hits = nearest(store, {1, 0, 0, 0}, 3);
  EXPECT_THAT(ids(hits), ElementsAre("0", "1", "2"));
  EXPECT_NEAR(hits.hits[0].score, 1.0F, 1e-5F);
  EXPECT_NEAR(hits.hits[1].score, std::cos(std::numbers::pi_v<float> / 8.0F), 1e-5F);
  EXPECT_EQ(*plain_metadata(hits.hits[1].item), *plain_metadata(circle(8)[1]));
}

TEST_P(VectorStoreContract, EuclideanScoresAreDistances) {
  auto& store = make(settings(Metric::kEuclidean));
  ASSERT_TRUE(
      store.add(std::vector{item("far", {9, 0, 0, 0}), item("near", {1, 0, 0, 0}), item("zero", {0, 0, 0, 0})}));
  const auto hits = nearest(store, {1, 0, 0, 2}, 3);
  EXPECT_THAT(ids(hits), ElementsAre("near", "zero", "far"));
  EXPECT_NEAR(hits.hits[0].score, 2.0F, 1e-5F);
  EXPECT_NEAR(hits.hits[1].score, std::sqrt(5.0F), 1e-5F);
}

TEST_P(VectorStoreContract, DotProductsPreferLongVectors) {
  auto& store = make(settings(Metric::kDot));
  ASSERT_TRUE(
      store.add(std::vector{item("short", {1, 0, 0, 0}), item("long", {3, 3, 0, 0}), item("other", {-1, 0, 0, 0})}));
  const auto hits = nearest(store, {2, 0, 0, 0}, 3);
  EXPECT_THAT(ids(hits), ElementsAre("long", "short", "other"));
  EXPECT_NEAR(hits.hits[0].score, 6.0F, 1e-4F);
  EXPECT_NEAR(hits.hits[2].score, -2.0F, 1e-4F);
}

TEST_P(VectorStoreContract, MoreThanThereIsGivesAll) {
  auto& store = make(settings());
  EXPECT_THAT(ids(nearest(store, {1, 0, 0, 0}, 5)), testing::IsEmpty());
  ASSERT_TRUE(store.add(circle(3)));
  EXPECT_EQ(nearest(store, {1, 0, 0, 0}, 1000).hits.size(), 3U);
}

TEST_P(VectorStoreContract, FiltersChooseAmongNearestCountAndScan) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(circle(12)));
  const auto passing = filter("place >= 4 and even = true and not (name = 'item 6')");
  EXPECT_THAT(ids(nearest(store, {1, 0, 0, 0}, 2, &passing)), ElementsAre("4", "8"));
  EXPECT_EQ(*store.count(&passing), 3U);
  std::vector<std::string> scanned;
  ASSERT_TRUE(store.scan(&passing, {}, [&](Item&& found) -> Result<void> {
    scanned.push_back(found.id);
    return {};
  }));
  EXPECT_THAT(scanned, UnorderedElementsAre("4", "8", "10"));
}

TEST_P(VectorStoreContract, FiltersOfEveryKindAgreeWithTheirMeaning) {
  auto& store = make(settings());
  auto items = circle(6);
  items[3].metadata = R"({"place":"3","deep":{"a":[1,2]},"tags":[]})";
  items[4].metadata = R"({"place":null})";
  ASSERT_TRUE(store.add(items));
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, std::vector<std::string>>>{{"place in [0, 5]", {"0", "5"}},
                                                                     {"place = '3'", {"3"}},
                                                                     {"place is null", {"4"}},
                                                                     {"name like 'item%' and place < 2", {"0", "1"}},
                                                                     {"deep.a[1] = 2", {"3"}},
                                                                     {"array_contains(tags, 't1')", {"1"}},
                                                                     {"$id = '2'", {"2"}}}) {
    const auto passing = filter(text);
    std::vector<std::string> found;
    ASSERT_TRUE(store.scan(&passing, {}, [&](Item&& one) -> Result<void> {
      found.push_back(one.id);
      return {};
    })) << text;
    std::ranges::sort(found);
    EXPECT_EQ(found, expected) << text;
  }
}

TEST_P(VectorStoreContract, ScoreLimitKeepsWhatIsWithin) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(circle(8)));
  const std::vector<float> query{1, 0, 0, 0};
  const auto hits = store.nearest({.query = query, .k = 100, .score_limit = 0.7F});
  ASSERT_TRUE(hits) << hits.error().to_string();
  EXPECT_THAT(ids(*hits), ElementsAre("0", "1", "2"));
}

TEST_P(VectorStoreContract, ErasedItemsAreGoneAndTheirIdsFree) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(circle(6)));
  EXPECT_EQ(*store.erase(std::vector<std::string>{"0", "nobody", "2"}), 2U);
  EXPECT_EQ(*store.count(nullptr), 4U);
  EXPECT_THAT(ids(nearest(store, {1, 0, 0, 0}, 2)), ElementsAre("1", "3"));
  const auto odd = filter("even = false");
  EXPECT_EQ(*store.erase_where(odd), 3U);
  EXPECT_THAT(ids(nearest(store, {1, 0, 0, 0}, 9)), ElementsAre("4"));
  ASSERT_TRUE(store.add(std::vector{item("0", {1, 0, 0, 0})}));
  EXPECT_THAT(ids(nearest(store, {1, 0, 0, 0}, 1)), ElementsAre("0"));
}

TEST_P(VectorStoreContract, ABatchOfQuestionsHasAnAnswerEach) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(circle(16)));
  const auto items = circle(16);
  std::vector<NearestRequest> requests;
  for (const auto& asked : items) {
    requests.push_back({.query = asked.vector, .k = 1});
  }
  const auto results = store.nearest_batch(requests);
  ASSERT_TRUE(results) << results.error().to_string();
  ASSERT_EQ(results->size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ((*results)[i].hits.front().item.id, items[i].id);
  }
}

TEST_P(VectorStoreContract, StatusCounts) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(circle(5)));
  const auto status = store.status();
  ASSERT_TRUE(status) << status.error().to_string();
  EXPECT_EQ(status->item_count, 5U);
  EXPECT_EQ(status->backend, store.backend());
  EXPECT_EQ(status->settings.dim, kDim);
}

TEST_P(VectorStoreContract, WhatAStoreCannotSaysSo) {
  auto& store = make(settings());
  const auto version = store.create_version("v1");
  if (!version) {
    EXPECT_EQ(version.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(version.error().message.find(store.backend()), std::string::npos);
  }
}

}  // namespace asterism
