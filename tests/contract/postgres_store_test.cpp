#include "postgres/postgres_store.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>

#include "contract/pglite_process.hpp"
#include "contract/vector_store_contract.hpp"
#include "filter_generator.hpp"
#include "store/filter_matcher.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

StoreLocation location_of(std::string_view name) {
  const std::string& url = postgres_for_tests().url;
  return *parse_location(fmt::format("{}{}collection={}", url, url.find('?') == std::string::npos ? "?" : "&", name));
}

// A name that no other test has, also not in another run against the same server, and that SQL must not read.
StoreLocation new_location() {
  static int count = 0;
  return location_of(fmt::format("test '\"{}-{}\"; DROP", ::getpid(), ++count));
}

StoreMaker::Made make_store(const CollectionSettings& settings) {
  const StoreLocation location = new_location();
  auto store = PostgresStore::create(location, settings);
  EXPECT_TRUE(store) << (store ? "" : store.error().to_string());
  std::shared_ptr<void> owner(nullptr, [location](void* /*unused*/) {
    const auto dropped = PostgresStore::drop(location);
    EXPECT_TRUE(dropped) << (dropped ? "" : dropped.error().to_string());
  });
  return {store ? std::move(*store) : nullptr, owner};
}

StoreMaker postgres(VectorType type) {
  StoreMaker maker;
  maker.name = vector_type_name(type);
  maker.make = [type](const CollectionSettings& settings) {
    auto typed = settings;
    typed.vector_type = type;
    return make_store(typed);
  };
  maker.missing = [] { return postgres_for_tests().missing; };
  return maker;
}

INSTANTIATE_TEST_SUITE_P(Postgres, VectorStoreContract, testing::Values(postgres(VectorType::kF32)),
                         [](const auto& made) { return made.param.name; });

class PostgresStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto& reason = postgres_for_tests().missing; !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }

  static CollectionSettings settings(std::size_t dim, VectorType type = VectorType::kF32) {
    CollectionSettings made;
    made.dim = dim;
    made.vector_type = type;
    return made;
  }

  static std::vector<Item> random_items(std::size_t count, std::size_t dim) {
    std::mt19937_64 random(dim);
    std::normal_distribution<float> normal;
    std::vector<Item> items(count);
    for (std::size_t i = 0; i < count; ++i) {
      items[i].id = std::to_string(i);
      items[i].metadata = fmt::format(R"({{"n":{}}})", i);
      items[i].vector.resize(dim);
      std::ranges::generate(items[i].vector, [&] { return normal(random); });
    }
    return items;
  }

  static std::vector<std::string> ids(const StoreHits& hits) {
    std::vector<std::string> found;
    for (const SearchHit& hit : hits.hits) {
      found.push_back(hit.item.id);
    }
    return found;
  }

  static std::vector<std::string> scanned(const VectorStore& store, const FilterExpression& filter) {
    std::vector<std::string> found;
    const auto done = store.scan(&filter, {}, [&](Item&& item) -> Result<void> {
      found.push_back(item.id);
      return {};
    });
    EXPECT_TRUE(done) << (done ? "" : done.error().to_string());
    return found;
  }
};

// How far the index may be from comparing every row, of vectors of each kind that it can hold.
class PostgresIndex : public PostgresStoreTest,
                      public testing::WithParamInterface<std::tuple<std::size_t, VectorType, Metric, std::size_t>> {};

TEST_P(PostgresIndex, answers_as_comparing_every_row_does) {
  const auto& [dim, type, metric, count] = GetParam();
  auto with = settings(dim, type);
  with.metric = metric;
  const auto made = make_store(with);
  const auto items = random_items(count, dim);
  const auto added = made.store->add(items);
  ASSERT_TRUE(added) << added.error().to_string();
  const auto built = made.store->build_index({});
  ASSERT_TRUE(built) << built.error().to_string();
  EXPECT_THAT(made.store->status()->index, HasSubstr("HNSW over"));
  ASSERT_TRUE(made.store->build_index({}));
  const auto odd = *parse_filter(fmt::format("n >= {}", count / 2));
  std::size_t same_count = 0;
  constexpr std::size_t kQueryCount = 10;
  constexpr std::size_t kNeighbours = 5;
  for (std::size_t q = 0; q < kQueryCount; ++q) {
    for (const FilterExpression* filter : {static_cast<const FilterExpression*>(nullptr), &odd}) {
      NearestRequest request{.query = items[q].vector, .k = kNeighbours, .filter = filter};
      request.mode = SearchMode::kExact;
      const auto exact = made.store->nearest(request);
      request.mode = SearchMode::kApproximate;
      const auto found = made.store->nearest(request);
      ASSERT_TRUE(exact && found) << (found ? exact : found).error().to_string();
      EXPECT_EQ(found->explanation.plan, filter == nullptr ? "graph" : "graph with filter");
      EXPECT_EQ(found->hits.size(), kNeighbours);
      for (std::size_t i = 0; i < found->hits.size(); ++i) {
        const auto& hit = found->hits[i];
        const auto match = std::ranges::find(exact->hits, hit.item.id, [](const SearchHit& h) { return h.item.id; });
        same_count += match != exact->hits.end() ? 1U : 0U;
        if (match != exact->hits.end()) {
          EXPECT_EQ(match->score, hit.score);
        }
      }
    }
  }
  // 100 answers; an index of a few hundred rows with 64 candidates misses hardly any.
  EXPECT_GE(same_count, 95U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PostgresIndex,
                         testing::Values(std::tuple{8U, VectorType::kF32, Metric::kCosine, 400U},
                                         std::tuple{8U, VectorType::kF16, Metric::kEuclidean, 400U},
                                         std::tuple{8U, VectorType::kF32, Metric::kDot, 400U},
                                         // Past pgvector's limit for vector: indexed as halves, compared again as kept.
                                         std::tuple{2001U, VectorType::kF32, Metric::kCosine, 60U},
                                         std::tuple{2001U, VectorType::kF16, Metric::kDot, 60U}));

TEST_F(PostgresStoreTest, vectors_too_long_for_an_index_are_compared_one_by_one) {
  const auto made = make_store(settings(kPostgresHalfIndexDimMax + 1));
  const auto items = random_items(3, kPostgresHalfIndexDimMax + 1);
  ASSERT_TRUE(made.store->add(items));
  EXPECT_EQ(made.store->build_index({}).error().code, ErrorCode::kUnsupported);
  const auto found = made.store->nearest({.query = items[1].vector, .k = 1, .mode = SearchMode::kApproximate});
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_THAT(ids(*found), ElementsAre("1"));
  EXPECT_EQ(found->explanation.plan, "exact");
  EXPECT_THAT(found->explanation.reason, HasSubstr("too long"));
}

TEST_F(PostgresStoreTest, filter_that_few_rows_pass_still_gives_k_answers) {
  const auto made = make_store(settings(8));
  const auto items = random_items(300, 8);
  ASSERT_TRUE(made.store->add(items));
  ASSERT_TRUE(made.store->build_index({}));
  const auto few = *parse_filter("n in [3, 150, 299]");
  const auto found = made.store->nearest(
      {.query = items[0].vector, .k = 3, .filter = &few, .mode = SearchMode::kApproximate, .expansion = 1});
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->hits.size(), 3U);
}

TEST_F(PostgresStoreTest, filters_agree_with_memory) {
  constexpr int kItemCount = 100;
  constexpr int kFilterCount = 500;
  FilterGenerator random(42);
  const auto made = make_store(settings(1));
  std::vector<Item> items(kItemCount);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].id = i == 3 ? "ab" : i == 7 ? "1" : std::to_string(i + 100);
    items[i].kind = i % 3 == 0 ? ItemKind::kImage : ItemKind::kText;
    items[i].content = i % 2 == 0 ? "ab" : "1";
    items[i].metadata = random.object(3).dump();
    items[i].vector = {1.0F};
  }
  ASSERT_TRUE(made.store->add(items));
  std::size_t taken_count = 0;
  for (int f = 0; f < kFilterCount; ++f) {
    const FilterExpression filter = random.filter(4);
    FilterMatcher matcher(filter);
    std::vector<std::string> taken;
    for (const Item& item : items) {
      const auto answer = matcher.matches(
          {.id = item.id, .kind = item_kind_name(item.kind), .content = item.content, .metadata = item.metadata});
      ASSERT_TRUE(answer);
      if (*answer) {
        taken.push_back(item.id);
      }
    }
    taken_count += taken.size();
    ASSERT_EQ(scanned(*made.store, filter), taken) << filter.to_text();
  }
  EXPECT_GT(taken_count, std::size_t{kItemCount} * kFilterCount / 10);
  EXPECT_LT(taken_count, std::size_t{kItemCount} * kFilterCount * 9 / 10);
}

TEST_F(PostgresStoreTest, ids_and_contents_may_be_any_bytes) {
  const auto made = make_store(settings(1));
  std::vector<Item> items(3);
  const std::string odd("nul\0 \xff '\"\\", 11);
  items[0] = {.id = odd, .kind = ItemKind::kText, .content = odd, .vector = {1}};
  items[1] = {.id = "\\x00", .kind = ItemKind::kText, .content = "it's", .vector = {2}};
  items[2] = {.id = "image", .kind = ItemKind::kImage, .content = "a.png", .data = odd, .vector = {3}};
  ASSERT_TRUE(made.store->add(items));
  EXPECT_EQ(made.store->add(items)->unchanged_count, 3U);
  const std::vector<std::string> asked{odd, "\\x00", "image"};
  const auto got = made.store->get(asked, {.metadata = true, .content = true, .data = true, .vector = true});
  ASSERT_TRUE(got) << got.error().to_string();
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSERT_TRUE((*got)[i]) << i;
    EXPECT_EQ((*got)[i]->id, items[i].id);
    EXPECT_EQ((*got)[i]->kind, items[i].kind);
    EXPECT_EQ((*got)[i]->content, items[i].content);
    EXPECT_EQ((*got)[i]->data, items[i].data);
    EXPECT_EQ((*got)[i]->vector, items[i].vector);
    EXPECT_EQ((*got)[i]->content_sha256, content_digest(items[i]));
  }
  EXPECT_EQ(made.store->erase(asked).value(), 3U);
}

TEST_F(PostgresStoreTest, equal_contents_and_their_vectors_are_found) {
  const auto made = make_store(settings(1));
  std::vector<Item> items(4);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i] = {.id = std::to_string(i), .kind = ItemKind::kText, .content = i == 2 ? "other" : "same"};
    items[i].vector = {static_cast<float>(i + 1)};
  }
  ASSERT_TRUE(made.store->add(items));
  const auto pairs = made.store->equal_contents();
  ASSERT_TRUE(pairs) << pairs.error().to_string();
  ASSERT_EQ(pairs->size(), 2U);
  EXPECT_EQ((*pairs)[0].id, "0");
  EXPECT_EQ((*pairs)[0].duplicate_id, "1");
  EXPECT_EQ((*pairs)[1].duplicate_id, "3");
  const auto known = made.store->vectors_of_content(std::vector{content_digest(items[2]), std::string(64, '0')});
  ASSERT_TRUE(known) << known.error().to_string();
  ASSERT_TRUE((*known)[0]);
  EXPECT_THAT((*known)[0]->vector, ElementsAre(3.0F));
  EXPECT_FALSE((*known)[1]);
}

TEST_F(PostgresStoreTest, batch_with_a_bad_row_changes_nothing) {
  const auto made = make_store(settings(1, VectorType::kF16));
  std::vector<Item> items(2);
  items[0] = {.id = "good", .vector = {1}};
  items[1] = {.id = "bad", .vector = {70'000}};
  const auto added = made.store->add(items);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(made.store->count(nullptr).value(), 0U);
  EXPECT_EQ(made.store->add(std::span(items).first(1))->added_count, 1U);
}

TEST_F(PostgresStoreTest, error_of_whoever_takes_ends_a_scan) {
  const auto made = make_store(settings(4));
  ASSERT_TRUE(made.store->add(random_items(1200, 4)));
  std::size_t taken_count = 0;
  const auto stopped = made.store->scan(nullptr, {}, [&](Item&& /*item*/) -> Result<void> {
    return ++taken_count == 700 ? Result<void>(fail(ErrorCode::kIo, "enough")) : Result<void>{};
  });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message, "enough");
  EXPECT_EQ(taken_count, 700U);
  std::vector<std::string> all;
  ASSERT_TRUE(made.store->scan(nullptr, {}, [&](Item&& item) -> Result<void> {
    all.push_back(item.id);
    return {};
  }));
  EXPECT_EQ(all.size(), 1200U);
  EXPECT_EQ(all.back(), "1199");
}

TEST_F(PostgresStoreTest, writers_wait_for_each_other) {
  const StoreLocation location = new_location();
  const auto first = PostgresStore::create(location, settings(4));
  const auto second = PostgresStore::open(location, {.thread_count = 1});
  ASSERT_TRUE(first && second);
  const auto items = random_items(60, 4);
  const auto add_all = [&](PostgresStore& store, std::size_t from) {
    for (std::size_t i = 0; i < 30; ++i) {
      const auto added = store.add(std::span(items).subspan(from + i, 1 + i % 3));
      EXPECT_TRUE(added) << added.error().to_string();
    }
  };
  std::thread other([&] { add_all(**first, 0); });
  add_all(**second, 15);
  other.join();
  const auto status = (*first)->status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->item_count, (*first)->count(nullptr).value());
  EXPECT_EQ(status->version_number, 60U);
  EXPECT_THAT((*first)->verify({})->problems, IsEmpty());
  ASSERT_TRUE(PostgresStore::drop(location));
}

TEST_F(PostgresStoreTest, mistakes_are_named) {
  const StoreLocation location = new_location();
  EXPECT_EQ(PostgresStore::open(location, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(PostgresStore::drop(location).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(PostgresStore::create(location, settings(0)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(PostgresStore::create(location, settings(kPostgresDimMax + 1)).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(PostgresStore::create(location, settings(4, VectorType::kI8)).error().code, ErrorCode::kUnsupported);
  const auto store = PostgresStore::create(location, settings(4));
  ASSERT_TRUE(store) << store.error().to_string();
  EXPECT_EQ(PostgresStore::create(location, settings(4)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(PostgresStore::open(location, {.version = "v1"}).error().code, ErrorCode::kUnsupported);
  const auto reader = PostgresStore::open(location, {.read_only = true});
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->add(random_items(1, 4)).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(PostgresStore::drop(location));
  EXPECT_EQ((*store)->add(random_items(1, 4)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ((*store)->count(nullptr).error().code, ErrorCode::kNotFound);
}

TEST_F(PostgresStoreTest, database_without_the_extension_is_told_what_to_do) {
  auto connection = PostgresConnection::open(postgres_for_tests().url, "test");
  ASSERT_TRUE(connection) << connection.error().to_string();
  ASSERT_TRUE(connection->run_script("BEGIN; DROP EXTENSION vector CASCADE"));
  const auto checked = check_extension(*connection);
  connection->roll_back();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(checked.error().to_string(), HasSubstr("CREATE EXTENSION vector"));
  EXPECT_TRUE(check_extension(*connection));
}

TEST_F(PostgresStoreTest, verify_finds_what_was_changed_behind_its_back) {
  const StoreLocation location = new_location();
  const auto store = PostgresStore::create(location, settings(4));
  ASSERT_TRUE(store && (*store)->add(random_items(3, 4)));
  EXPECT_THAT((*store)->verify({})->problems, IsEmpty());
  auto connection = PostgresConnection::open(postgres_for_tests().url, "test");
  ASSERT_TRUE(connection);
  const auto found = find_collection(*connection, location.collection, false);
  ASSERT_TRUE(found);
  ASSERT_TRUE(connection->run_script(
      fmt::format("DELETE FROM {0} WHERE id = '0'; UPDATE {0} SET document = '{{}}' WHERE id = '1'", found->table())));
  EXPECT_THAT((*store)->verify({})->problems, ElementsAre(HasSubstr("expected 3"), HasSubstr("another metadata")));
  ASSERT_TRUE(PostgresStore::drop(location));
}

TEST_F(PostgresStoreTest, compacting_keeps_the_items_and_the_index) {
  const auto made = make_store(settings(4));
  ASSERT_TRUE(made.store->add(random_items(50, 4)));
  const auto compacted = made.store->compact({});
  ASSERT_TRUE(compacted) << compacted.error().to_string();
  EXPECT_EQ(made.store->count(nullptr).value(), 50U);
  EXPECT_THAT(made.store->status()->index, HasSubstr("HNSW over 50 rows"));
}

TEST_F(PostgresStoreTest, transaction_whose_connection_broke_runs_again) {
  if (std::getenv("ASTERISM_TEST_POSTGRES_URL") == nullptr) {
    GTEST_SKIP() << "PGlite has one backend, which cannot be ended: set ASTERISM_TEST_POSTGRES_URL to a server";
  }
  const PostgresPool pool(postgres_for_tests().url, "test", 2, nullptr);
  int attempt_count = 0;
  const auto done = pool.transaction("", [&](PostgresConnection& connection) -> Result<void> {
    const bool first = attempt_count++ == 0;
    return connection.run_script(first ? "SELECT pg_terminate_backend(pg_backend_pid())" : "SELECT 1");
  });
  EXPECT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(attempt_count, 2);
}

TEST_F(PostgresStoreTest, conflict_is_tried_again_and_a_mistake_is_not) {
  const PostgresPool pool(postgres_for_tests().url, "test", 1, nullptr);
  int attempt_count = 0;
  const auto conflict = pool.transaction("", [&](PostgresConnection& connection) {
    return ++attempt_count < 3
               ? connection.run_script("DO $$ BEGIN RAISE EXCEPTION 'meant' USING ERRCODE = '40001'; END $$")
               : connection.run_script("SELECT 1");
  });
  EXPECT_TRUE(conflict) << conflict.error().to_string();
  EXPECT_EQ(attempt_count, 3);
  attempt_count = 0;
  const auto mistake = pool.transaction("", [&](PostgresConnection& connection) {
    ++attempt_count;
    return connection.run_script("SELECT 1/0");
  });
  EXPECT_FALSE(mistake);
  EXPECT_EQ(attempt_count, 1);
  EXPECT_TRUE(pool.transaction("", [](PostgresConnection& connection) { return connection.run_script("SELECT 1"); }));
}

}  // namespace
}  // namespace asterism
