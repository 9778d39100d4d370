// Collections in Milvus, through the module that the program opens.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "contract/milvus_for_tests.hpp"
#include "contract/vector_store_contract.hpp"
#include "store/filter_matcher.hpp"
#include "store/filter_parser.hpp"
#include "store/store_module.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const StoreModule& module() {
  return **load_store_module("milvus");
}

// A name that no other test has, also not in another run against the same server.
StoreLocation new_location() {
  static int count = 0;
  return *parse_location(fmt::format("{}?collection=asterism_test_{}_{}", milvus_for_tests().url, ::getpid(), ++count));
}

StoreMaker::Made make_at(const StoreLocation& location, const CollectionSettings& settings) {
  auto store = module().create(location, settings);
  EXPECT_TRUE(store) << (store ? "" : store.error().to_string());
  std::shared_ptr<void> owner(nullptr, [location](void*) {
    const auto dropped = module().drop(location);
    EXPECT_TRUE(dropped) << (dropped ? "" : dropped.error().to_string());
  });
  return {store ? std::move(*store) : nullptr, owner};
}

StoreMaker milvus() {
  StoreMaker maker;
  maker.name = "f32";
  maker.make = [](const CollectionSettings& settings) { return make_at(new_location(), settings); };
  maker.missing = [] { return milvus_for_tests().missing; };
  return maker;
}

INSTANTIATE_TEST_SUITE_P(Milvus, VectorStoreContract, testing::Values(milvus()),
                         [](const auto& made) { return made.param.name; });

class MilvusCollection : public testing::Test {
 protected:
  void SetUp() override {
    if (!milvus_for_tests().missing.empty()) {
      GTEST_SKIP() << milvus_for_tests().missing;
    }
    location_ = new_location();
  }

  VectorStore& make(const CollectionSettings& settings) {
    made_ = make_at(location_, settings);
    return *made_.store;
  }

  static CollectionSettings settings() {
    CollectionSettings made;
    made.dim = 3;
    made.model.id = "some/model";
    made.columns = {"place"};
    return made;
  }

  static Item text(std::string id, std::string content, std::vector<float> vector) {
    Item item;
    item.id = std::move(id);
    item.kind = ItemKind::kText;
    item.content = std::move(content);
    item.vector = std::move(vector);
    return item;
  }

  StoreLocation location_;
  StoreMaker::Made made_;
};

TEST_F(MilvusCollection, OpenedAgainHasItsSettingsAndItems) {
  ASSERT_TRUE(make(settings()).add(std::vector{text("a", "one", {1, 0, 0})}));
  const auto opened = module().open(location_, {});
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ((*opened)->settings(), settings());
  EXPECT_EQ(*(*opened)->count(nullptr), 1U);
}

TEST_F(MilvusCollection, MadeTwiceIsRefused) {
  make(settings());
  const auto again = module().create(location_, settings());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(MilvusCollection, OneThatIsNotThereIsNamed) {
  for (const auto& error : {module().open(location_, {}).error(), module().drop(location_).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.message, HasSubstr(location_.collection));
  }
}

TEST_F(MilvusCollection, ReadOnlyIsNotWritten) {
  make(settings());
  const auto opened = module().open(location_, {.read_only = true});
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ((*opened)->add(std::vector{text("a", "one", {1, 0, 0})}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ((*opened)->erase(std::vector<std::string>{"a"}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(MilvusCollection, ExactSearchAgreesWithTheIndex) {
  for (const auto metric : {Metric::kCosine, Metric::kDot, Metric::kEuclidean}) {
    auto with_metric = settings();
    with_metric.metric = metric;
    location_ = new_location();
    auto& store = make(with_metric);
    std::vector<Item> items;
    for (int i = 0; i < 1'500; ++i) {
      const auto x = static_cast<float>(i);
      items.push_back(text(fmt::format("item {}", i), "", {std::sin(x), std::cos(2 * x), std::sin(3 * x) + 2}));
    }
    ASSERT_EQ(store.add(items)->added_count, 1'500U);
    const std::vector<float> query{0.6F, 0.8F, 0};
    const auto exact = store.nearest({.query = query, .k = 10, .mode = SearchMode::kExact});
    const auto index = store.nearest({.query = query, .k = 10});
    ASSERT_TRUE(exact) << exact.error().to_string();
    ASSERT_TRUE(index) << index.error().to_string();
    ASSERT_EQ(exact->hits.size(), 10U);
    for (std::size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(exact->hits[i].item.id, index->hits[i].item.id) << metric_name(metric);
      EXPECT_NEAR(exact->hits[i].score, index->hits[i].score, 1e-5) << metric_name(metric);
    }
    EXPECT_EQ(exact->explanation.distance_count, 1'500U);
  }
}

TEST_F(MilvusCollection, ScansMoreThanAPageInTheOrderOfWriting) {
  auto& store = make(settings());
  std::vector<Item> items;
  for (int i = 0; i < 5'000; ++i) {
    items.push_back(text(std::to_string((i * 7'919) % 5'000), "", {1, static_cast<float>(i), 0}));
  }
  ASSERT_TRUE(store.add(items));
  std::size_t seen = 0;
  ASSERT_TRUE(store.scan(nullptr, {}, [&](Item&& item) -> Result<void> {
    EXPECT_EQ(item.id, items[seen].id);
    ++seen;
    return {};
  }));
  EXPECT_EQ(seen, 5'000U);
}

TEST_F(MilvusCollection, EqualContentIsFound) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(
      std::vector{text("a", "same", {1, 0, 0}), text("b", "other", {0, 1, 0}), text("c", "same", {1, 0, 0})}));
  const auto pairs = store.equal_contents();
  ASSERT_TRUE(pairs) << pairs.error().to_string();
  ASSERT_EQ(pairs->size(), 1U);
  EXPECT_EQ(pairs->front().id, "a");
  EXPECT_EQ(pairs->front().duplicate_id, "c");
  const std::vector<std::string> digests{content_digest(text("x", "other", {})), content_digest(text("x", "new", {}))};
  const auto known = store.vectors_of_content(digests);
  ASSERT_TRUE(known) << known.error().to_string();
  EXPECT_THAT((*known)[0]->vector, ElementsAre(0, 1, 0));
  EXPECT_FALSE((*known)[1]);
}

TEST_F(MilvusCollection, IdsOfAnyTextComeBackAndOthersAreRefused) {
  auto& store = make(settings());
  const std::vector<std::string> ids{"quote ' and \"", "back\\slash", "snow ☃", "new\nline", "tab\t", "%_", " "};
  std::vector<Item> items;
  for (const auto& id : ids) {
    items.push_back(text(id, id, {1, 2, 3}));
  }
  ASSERT_TRUE(store.add(items));
  const auto got = store.get(ids, {});
  ASSERT_TRUE(got) << got.error().to_string();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_TRUE((*got)[i]) << ids[i];
    EXPECT_EQ((*got)[i]->content, ids[i]);
  }
  EXPECT_EQ(*store.erase(ids), ids.size());
  const auto refused = store.add(std::vector{text("fine", "", {1, 0, 0}), text("\xFF", "", {1, 0, 0})});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(*store.count(nullptr), 0U);
  EXPECT_FALSE((*store.get(std::vector<std::string>{"\xFF"}, {}))[0]);
}

TEST_F(MilvusCollection, WhatMilvusCannotKeepIsRefusedByName) {
  auto halves = settings();
  halves.vector_type = VectorType::kF16;
  auto words = settings();
  words.text_columns = {"$content"};
  for (const auto& refused : {halves, words}) {
    const auto made = module().create(location_, refused);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kUnsupported);
  }
  auto& store = make(settings());
  auto file = text("a", "a.png", {1, 0, 0});
  file.kind = ItemKind::kImage;
  file.data = "PNG";
  EXPECT_EQ(store.add(std::vector{file}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(store.add(std::vector{text("a", std::string(65'536, 'x'), {1, 0, 0})}).error().code,
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(module().open(location_, {.version = "v1"}).error().code, ErrorCode::kUnsupported);
}

// Everything that filters can say, on values of every kind but for what filter_milvus.hpp lists: milvus-lite takes true
// for 1, so booleans have a name of their own.
TEST_F(MilvusCollection, FiltersAgreeWithTheOneInMemory) {
  auto& store = make(settings());
  const std::vector<std::string> values{"null",      "0",
                                        "1",         "2.5",
                                        "-3",        "\"\"",
                                        "\"text\"",  "\"te%xt\"",
                                        "\"TEXT\"",  "[]",
                                        "[1,2]",     "[\"a\",\"b\",1]",
                                        "{\"x\":1}", "{\"x\":{\"y\":\"z\"}}"};
  std::vector<Item> items{text("none", "", {1, 1, 1})};
  for (std::size_t i = 0; i < values.size(); ++i) {
    items.push_back(text(fmt::format("v{}", i), i % 3 == 0 ? "" : fmt::format("content {}", i), {1, 0, 1}));
    items.back().metadata = fmt::format(R"({{"a":{},"n":{},"even":{}}})", values[i], i, i % 2 == 0);
  }
  ASSERT_TRUE(store.add(items));
  const std::vector<std::string> filters{"a = 1",
                                         "a != 1",
                                         "not (a = 1)",
                                         "a = 2.5",
                                         "a = 'text'",
                                         "a in ('text', 2.5)",
                                         "a not in ('text', 2.5)",
                                         "not (a in ('text'))",
                                         "a < 2",
                                         "a <= 2.5",
                                         "a > 'T'",
                                         "a between 0 and 2",
                                         "a like 'te%'",
                                         "a like '%EX%'",
                                         "a not like 'te%'",
                                         "not (a like 'te%')",
                                         "a is null",
                                         "a is not null",
                                         "a.x is not null",
                                         "a.x = 1",
                                         "a.x.y = 'z'",
                                         "array_contains(a, 'a')",
                                         "array_contains_any(a, ['a', 2])",
                                         "array_contains_all(a, ['a', 'b'])",
                                         "not array_contains(a, 'a')",
                                         "n >= 3 and n < 9",
                                         "n < 3 or n > 12",
                                         "not (n < 3 or n > 12)",
                                         "$id = 'v3'",
                                         "$id in ('v1', 'v2')",
                                         "$id like 'v1%'",
                                         "$id > 'v5'",
                                         "$kind = 'text'",
                                         "$content is null",
                                         "$content like '%1%'",
                                         "$content = 'content 4'",
                                         "not ($content = 'content 4')",
                                         "$content != 'content 4'",
                                         "even",
                                         "not even",
                                         "even = false",
                                         "even != true",
                                         "even in (true, 'x')"};
  for (const auto& spelled : filters) {
    const auto parsed = parse_filter(spelled);
    ASSERT_TRUE(parsed) << spelled << ": " << parsed.error().to_string();
    FilterMatcher matcher(*parsed);
    std::vector<std::string> expected;
    for (const auto& item : items) {
      const auto content = item.content.empty() ? std::nullopt : std::optional<std::string_view>(item.content);
      if (*matcher.matches({item.id, item_kind_name(item.kind), content, item.metadata})) {
        expected.push_back(item.id);
      }
    }
    std::vector<std::string> found;
    const auto scanned = store.scan(&*parsed, {}, [&](Item&& item) -> Result<void> {
      found.push_back(item.id);
      return {};
    });
    ASSERT_TRUE(scanned) << spelled << ": " << scanned.error().to_string();
    EXPECT_EQ(found, expected) << spelled;
  }
}

TEST_F(MilvusCollection, BuildIndexWaitsForAllRows) {
  auto& store = make(settings());
  ASSERT_TRUE(store.add(std::vector{text("a", "one", {1, 0, 0})}));
  std::uint64_t done = 0;
  const auto built = store.build_index({.progress = [&](const Progress& progress) { done = progress.done; }});
  ASSERT_TRUE(built) << built.error().to_string();
  EXPECT_EQ(done, 1U);
  EXPECT_THAT(store.status()->index, HasSubstr("HNSW over 1 of 1 rows"));
}

}  // namespace
}  // namespace asterism
