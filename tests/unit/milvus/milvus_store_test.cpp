// What the store makes of servers that fail, and of what Milvus does in another way than milvus-lite, which
// tests/contract asks.
#include "milvus/milvus_store.hpp"

#include <gmock/gmock.h>

#include "milvus/milvus_schema.hpp"
#include "unit/milvus/fake_milvus.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr std::int32_t kRateLimit = 8;

CollectionSettings settings(Metric metric = Metric::kCosine) {
  CollectionSettings made;
  made.dim = 2;
  made.metric = metric;
  return made;
}

Item item(std::string id, std::vector<float> vector) {
  Item made;
  made.id = std::move(id);
  made.vector = std::move(vector);
  return made;
}

class MilvusStoreWithFake : public testing::Test {
 protected:
  std::unique_ptr<MilvusStore> make(Metric metric = Metric::kCosine) {
    auto store = MilvusStore::create(fake.location(), settings(metric));
    EXPECT_TRUE(store) << (store ? "" : store.error().to_string());
    return store ? std::move(*store) : nullptr;
  }

  FakeMilvus fake;
};

TEST_F(MilvusStoreWithFake, creates_with_our_fields_and_waits_until_loaded) {
  ASSERT_TRUE(make());
  ASSERT_TRUE(fake.created);
  EXPECT_EQ(fake.created->collection_name(), "fake");
  EXPECT_EQ(fake.created->db_name(), "things");
  EXPECT_THAT(fake.index_types, ElementsAre("HNSW"));
  EXPECT_EQ(fake.count("GetLoadState"), 2);
}

TEST_F(MilvusStoreWithFake, calls_carry_who_asks) {
  ASSERT_TRUE(MilvusStore::create(fake.location("root:Milvus@"), settings()));
  EXPECT_THAT(fake.metadata(), testing::IsSupersetOf({Pair("authorization", "cm9vdDpNaWx2dXM="),
                                                      Pair("identifier", "77"), Pair("dbname", "things")}));
}

TEST_F(MilvusStoreWithFake, a_server_without_hnsw_is_asked_for_its_own_index) {
  fake.fail_next("CreateIndex", {.code = 1100});
  ASSERT_TRUE(make());
  EXPECT_THAT(fake.index_types, ElementsAre("HNSW", "AUTOINDEX"));
}

TEST_F(MilvusStoreWithFake, nothing_half_made_stays) {
  fake.fail_next("LoadCollection", {.code = 65535});
  const auto store = MilvusStore::create(fake.location(), settings());
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("LoadCollection: as told (Milvus code 65535)"));
  EXPECT_FALSE(fake.created);
  EXPECT_EQ(fake.count("DropCollection"), 1);
}

TEST_F(MilvusStoreWithFake, a_server_without_greeting_is_good_enough) {
  fake.fail_next("Connect", {.transport = {::grpc::StatusCode::UNIMPLEMENTED, "no"}});
  ASSERT_TRUE(make());
}

TEST_F(MilvusStoreWithFake, a_collection_of_others_is_neither_opened_nor_dropped) {
  milvus::CreateCollectionRequest foreign;
  foreign.set_schema(milvus_schema::CollectionSchema().SerializeAsString());
  fake.created = foreign;
  EXPECT_EQ(MilvusStore::open(fake.location(), {}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(MilvusStore::drop(fake.location()).error().code, ErrorCode::kMismatch);
  EXPECT_TRUE(fake.created);
}

TEST_F(MilvusStoreWithFake, old_servers_say_in_the_old_way_that_there_is_none) {
  fake.created = milvus::CreateCollectionRequest();
  fake.fail_next("DescribeCollection", {.error_code = 4});
  EXPECT_EQ(MilvusStore::open(fake.location(), {}).error().code, ErrorCode::kNotFound);
}

TEST_F(MilvusStoreWithFake, retriable_errors_are_tried_again) {
  const auto store = make();
  fake.fail_next("Upsert", {.code = kRateLimit});
  fake.fail_next("Upsert", {.code = 5, .is_retriable = true});
  fake.fail_next("Upsert", {.transport = {::grpc::StatusCode::UNAVAILABLE, "moving"}});
  const auto summary = store->add(std::vector{item("a", {1, 0})});
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_EQ(summary->added_count, 1U);
  EXPECT_EQ(fake.count("Upsert"), 4);
}

TEST_F(MilvusStoreWithFake, other_errors_are_not) {
  const auto store = make();
  fake.fail_next("Upsert", {.code = 1100});
  const auto refused = store->add(std::vector{item("a", {1, 0})});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fake.count("Upsert"), 1);
}

TEST_F(MilvusStoreWithFake, making_a_collection_is_not_done_twice) {
  fake.fail_next("CreateCollection", {.transport = {::grpc::StatusCode::UNAVAILABLE, "gone"}});
  const auto store = MilvusStore::create(fake.location(), settings());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kNetwork);
  EXPECT_EQ(fake.count("CreateCollection"), 1);
}

TEST_F(MilvusStoreWithFake, retrying_ends) {
  const auto store = make();
  for (int i = 0; i < kMilvusAttemptCountMax; ++i) {
    fake.fail_next("Query", {.code = kRateLimit});
  }
  const auto counted = store->count(nullptr);
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(counted.error().hint, HasSubstr("try again later"));
  EXPECT_EQ(fake.count("Query"), kMilvusAttemptCountMax);
}

TEST_F(MilvusStoreWithFake, a_cancelled_caller_waits_no_longer) {
  ASSERT_TRUE(make());
  CancelFlag cancel;
  const auto store = MilvusStore::open(fake.location(), {.cancel = &cancel});
  ASSERT_TRUE(store);
  cancel.request();
  EXPECT_EQ((*store)->count(nullptr).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(fake.count("Query"), 0);
}

TEST_F(MilvusStoreWithFake, a_refused_user_is_told_so_and_shown_no_password) {
  fake.fail_next("Connect", {.transport = {::grpc::StatusCode::UNAUTHENTICATED, "auth check failure"}});
  const auto by_transport = MilvusStore::open(fake.location("root:secret@"), {});
  fake.fail_next("Connect", {.code = 1400});
  const auto by_status = MilvusStore::open(fake.location("root:secret@"), {});
  for (const auto& error : {by_transport.error(), by_status.error()}) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.hint, HasSubstr("user and password"));
    EXPECT_THAT(error.to_string(), Not(HasSubstr("secret")));
  }
}

TEST(MilvusConnection, no_server_is_named_with_what_to_do) {
  // Reserved for this: nothing listens on port 1 of a test machine.
  const auto store = MilvusStore::open(*parse_location("milvus://127.0.0.1:1?collection=c"), {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(store.error().message, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(store.error().hint, HasSubstr("milvuss://"));
}

// Milvus gives squares where milvus-lite gives roots: neither is taken.
TEST_F(MilvusStoreWithFake, euclidean_distances_are_computed_from_the_vectors) {
  const auto store = make(Metric::kEuclidean);
  std::vector<Item> items{item("far", {3, 4}), item("near", {0, 1})};
  std::vector<const Item*> pointers{&items[0], &items[1]};
  auto& results = *fake.search.mutable_results();
  ASSERT_TRUE(write_milvus_rows(pointers, 1, 2, *results.mutable_fields_data()));
  for (const auto& one : items) {
    results.mutable_ids()->mutable_str_id()->add_data(one.id);
    results.add_scores(-7);
  }
  results.add_topks(2);
  const std::vector<float> query{0, 0};
  const auto hits = store->nearest({.query = query, .k = 2});
  ASSERT_TRUE(hits) << hits.error().to_string();
  ASSERT_EQ(hits->hits.size(), 2U);
  EXPECT_EQ(hits->hits[0].item.id, "near");
  EXPECT_EQ(hits->hits[0].score, 1.0F);
  EXPECT_EQ(hits->hits[1].score, 5.0F);
  EXPECT_TRUE(hits->hits[0].item.vector.empty());
}

TEST_F(MilvusStoreWithFake, questions_ask_for_what_was_written_before) {
  const auto store = make();
  const std::vector<float> query{0, 1};
  ASSERT_TRUE(store->nearest({.query = query, .k = 3, .expansion = 99}));
  ASSERT_EQ(fake.asked_searches.size(), 1U);
  const auto& asked = fake.asked_searches.front();
  EXPECT_EQ(asked.consistency_level(), milvus_common::Strong);
  EXPECT_EQ(asked.dsl(), "");
  std::map<std::string, std::string> parameters;
  for (const auto& parameter : asked.search_params()) {
    parameters[parameter.key()] = parameter.value();
  }
  EXPECT_EQ(parameters["topk"], "3");
  EXPECT_EQ(parameters["params"], R"({"ef":99})");
  EXPECT_EQ(parameters["metric_type"], "COSINE");
}

TEST_F(MilvusStoreWithFake, questions_that_differ_in_their_vector_alone_go_together) {
  const auto store = make();
  const std::vector<float> query{0, 1};
  std::vector<NearestRequest> requests(70, {.query = query, .k = 3});
  requests.push_back({.query = query, .k = 4});
  const auto found = store->nearest_batch(requests);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->size(), 71U);
  std::vector<std::int64_t> counts;
  for (const auto& asked : fake.asked_searches) {
    counts.push_back(asked.nq());
  }
  EXPECT_THAT(counts, ElementsAre(64, 6, 1));
}

TEST_F(MilvusStoreWithFake, answers_that_do_not_fit_their_questions_are_damage) {
  const auto store = make(Metric::kEuclidean);
  const std::vector<float> query{0, 1};
  auto& results = *fake.search.mutable_results();
  results.mutable_ids()->mutable_str_id()->add_data("a");
  results.add_scores(1);
  const auto without_counts = store->nearest({.query = query, .k = 3});
  results.add_topks(1);
  const auto without_vectors = store->nearest({.query = query, .k = 3});
  results.set_topks(0, 2);
  const auto too_many = store->nearest({.query = query, .k = 3});
  for (const auto& error : {without_counts.error(), without_vectors.error(), too_many.error()}) {
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_THAT(error.message, HasSubstr("the server's answer"));
  }
}

TEST_F(MilvusStoreWithFake, a_question_of_another_length_is_not_asked) {
  const auto store = make();
  const std::vector<float> query{0, 1, 2};
  EXPECT_EQ(store->nearest({.query = query, .k = 3}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(fake.asked_searches.empty());
}

TEST_F(MilvusStoreWithFake, more_than_milvus_gives_is_refused_where_there_are_more_rows) {
  const auto store = make();
  const auto with_count = [&](std::int64_t row_count) {
    milvus::QueryResults counted;
    counted.add_fields_data()->mutable_scalars()->mutable_long_data()->add_data(row_count);
    fake.queries.push_back(counted);
  };
  const std::vector<float> query{0, 1};
  with_count(kMilvusResultCountMax);
  EXPECT_TRUE(store->nearest({.query = query, .k = kMilvusResultCountMax + 1}));
  with_count(kMilvusResultCountMax + 1);
  const auto refused = store->nearest({.query = query, .k = kMilvusResultCountMax + 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
}

TEST_F(MilvusStoreWithFake, many_items_go_in_batches_and_an_error_says_how_far_it_came) {
  const auto store = make();
  std::vector<Item> items;
  for (int i = 0; i < 2'500; ++i) {
    items.push_back(item(std::to_string(i), {1, static_cast<float>(i)}));
  }
  ASSERT_TRUE(store->add(items));
  ASSERT_EQ(fake.upserts.size(), 3U);
  EXPECT_EQ(fake.upserts[2].num_rows(), 500U);
  fake.fail_next("Upsert", {});
  fake.fail_next("Upsert", {.code = 1100});
  const auto failed = store->add(items);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().hint, HasSubstr("1000 of 2500 items are written"));
}

// A server that ignores the order of pages would otherwise be asked for ever.
TEST_F(MilvusStoreWithFake, pages_that_do_not_go_on_end) {
  const auto store = make();
  milvus::QueryResults page;
  auto& ids = *page.add_fields_data();
  ids.set_field_name(kMilvusId);
  ids.mutable_scalars()->mutable_string_data()->add_data("a");
  fake.queries.assign(2, page);
  const auto scanned = store->scan(nullptr, {}, [](Item&&) { return Result<void>{}; });
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace asterism
