#include "store/collection_upkeep.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>

#include "base/file.hpp"
#include "scratch_folder.hpp"
#include "store/embedded_store.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using State = UpkeepStatus::State;

constexpr std::size_t kDim = 8;
constexpr int kGraphItemCount = 12'000;
constexpr std::string_view kName = "c";

std::vector<Item> some_items(int count, std::size_t dim, int first = 0) {
  std::mt19937 random(static_cast<unsigned>(first + 1));
  std::normal_distribution<float> normal;
  std::vector<Item> items(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto& item = items[static_cast<std::size_t>(i)];
    item.id = fmt::format("{}", first + i);
    item.vector.resize(dim);
    std::ranges::generate(item.vector, [&] { return normal(random); });
  }
  return items;
}

UpkeepOptions quick() {
  return {.look_interval = 10ms, .retry_wait_first = 20ms, .retry_wait_max = 80ms, .searches_per_recall_check = 10};
}

class CollectionUpkeepTest : public testing::Test {
 protected:
  fs::path place() const { return folder_.path() / "c"; }

  std::shared_ptr<EmbeddedStore> create(std::size_t dim = kDim) const {
    CollectionSettings settings;
    settings.dim = dim;
    auto made = EmbeddedStore::create(place(), settings);
    EXPECT_TRUE(made) << made.error().to_string();
    return std::move(*made);
  }

  std::shared_ptr<EmbeddedStore> open(bool read_only) const {
    CollectionOpenOptions options;
    options.read_only = read_only;
    auto opened = EmbeddedStore::open(place(), options);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }

  std::shared_ptr<EmbeddedStore> create_with_graph() const {
    auto store = create();
    EXPECT_TRUE(store->add(some_items(kGraphItemCount, kDim)));
    EXPECT_TRUE(store->build_index({}));
    return store;
  }

  static std::string plan_of_finding(const EmbeddedStore& store, const Item& item) {
    const auto hits = store.nearest({.query = item.vector, .k = 1});
    EXPECT_TRUE(hits) << hits.error().to_string();
    EXPECT_FALSE(hits->hits.empty());
    EXPECT_EQ(hits->hits.front().item.id, item.id);
    return hits->explanation.plan;
  }

  // Whether it comes true while one waits.
  template <typename True>
  static bool comes(const True& is_true) {
    const auto end = std::chrono::steady_clock::now() + 300s;
    while (!is_true()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }

  static bool comes_to_build(const CollectionUpkeep& upkeep, std::uint64_t build_count) {
    return comes([&] { return upkeep.status(kName)->build_count >= build_count; });
  }

  ScratchFolder folder_{"upkeep"};
};

TEST_F(CollectionUpkeepTest, AMissingIndexIsBuiltWhileSearchesAreAnswered) {
  const auto store = create();
  const auto items = some_items(kGraphItemCount, kDim);
  ASSERT_TRUE(store->add(items));
  EXPECT_EQ(plan_of_finding(*store, items[5]), "exact");
  CollectionUpkeep upkeep(quick());
  EXPECT_FALSE(upkeep.status(kName));
  upkeep.watch(kName, store);
  ASSERT_TRUE(comes([&] { return plan_of_finding(*store, items[7]) == "graph"; }));
  ASSERT_TRUE(comes_to_build(upkeep, 1));
  EXPECT_THAT(upkeep.status(kName)->reason, HasSubstr("12000 rows came after the index"));
  EXPECT_FALSE(upkeep.status(kName)->error);
  // With nothing to do it does nothing.
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(upkeep.status(kName)->build_count, 1U);
}

TEST_F(CollectionUpkeepTest, FewRowsAndFewChangesNeedNoBuild) {
  const auto store = create_with_graph();
  ASSERT_TRUE(store->add(some_items(400, kDim, kGraphItemCount)));
  EXPECT_EQ(*store->index_need(), std::nullopt);
  ASSERT_TRUE(store->add(some_items(4'000, kDim, kGraphItemCount + 400)));
  EXPECT_THAT(store->index_need()->value_or(""), HasSubstr("4400 rows came"));
  ASSERT_TRUE(store->build_index({}));
  EXPECT_EQ(*store->index_need(), std::nullopt);
  std::vector<std::string> gone;
  for (int i = 0; i < 2'000; ++i) {
    gone.push_back(fmt::format("{}", i));
  }
  ASSERT_TRUE(store->erase(gone));
  EXPECT_THAT(store->index_need()->value_or(""), HasSubstr("2000 of 16400 rows"));
  ASSERT_TRUE(store->build_index({}));
  EXPECT_EQ(*store->index_need(), std::nullopt);
}

TEST_F(CollectionUpkeepTest, AGraphIsDueAsSoonAsThereAreRowsForOne) {
  const auto store = create();
  ASSERT_TRUE(store->add(some_items(8'000, kDim)));
  ASSERT_TRUE(store->build_index({}));
  ASSERT_TRUE(store->add(some_items(1'999, kDim, 8'000)));
  EXPECT_EQ(*store->index_need(), std::nullopt);
  const auto last = some_items(1, kDim, 9'999);
  ASSERT_TRUE(store->add(last));
  EXPECT_THAT(store->index_need()->value_or(""), HasSubstr("10000 rows have no graph"));
  ASSERT_TRUE(store->build_index({}));
  EXPECT_EQ(*store->index_need(), std::nullopt);
  EXPECT_EQ(plan_of_finding(*store, last[0]), "graph");
}

TEST_F(CollectionUpkeepTest, RowsOfAnotherProcessAreIndexed) {
  create();
  const auto items = some_items(kGraphItemCount, kDim);
  const pid_t writer = ::fork();
  if (writer == 0) {
    auto opened = EmbeddedStore::open(place(), {});
    bool good = opened.has_value();
    for (int first = 0; good && first < kGraphItemCount; first += 500) {
      good = (*opened)->add(std::span(items).subspan(static_cast<std::size_t>(first), 500)).has_value();
    }
    ::_exit(good ? 0 : 1);
  }
  const auto reader = open(true);
  CollectionUpkeep upkeep(quick());
  upkeep.watch(kName, reader);
  ASSERT_TRUE(comes([&] { return *reader->count(nullptr) == static_cast<std::uint64_t>(kGraphItemCount); }));
  int ended = -1;
  ASSERT_EQ(::waitpid(writer, &ended, 0), writer);
  EXPECT_EQ(ended, 0);
  ASSERT_TRUE(comes([&] { return plan_of_finding(*reader, items[kGraphItemCount - 1]) == "graph"; }));
  EXPECT_TRUE(reader->verify({})->problems.empty());
}

TEST_F(CollectionUpkeepTest, WhatAnotherProcessBuiltIsTakenUp) {
  const auto writer = create();
  const auto items = some_items(kGraphItemCount, kDim);
  ASSERT_TRUE(writer->add(items));
  const auto reader = open(true);
  EXPECT_EQ(plan_of_finding(*reader, items[3]), "exact");
  ASSERT_TRUE(writer->build_index({}));
  EXPECT_EQ(*reader->index_need(), std::nullopt);
  EXPECT_EQ(plan_of_finding(*reader, items[3]), "graph");
}

TEST_F(CollectionUpkeepTest, ThereIsOneBuildAtATime) {
  const auto store = create();
  const auto items = some_items(kGraphItemCount, kDim);
  ASSERT_TRUE(store->add(items));
  fs::create_directories(place() / "index");
  auto other = FileLock::try_acquire(place() / "index" / "index.lock");
  ASSERT_TRUE(other);
  CollectionUpkeep upkeep(quick());
  upkeep.watch(kName, store);
  ASSERT_TRUE(comes([&] { return !upkeep.status(kName)->reason.empty(); }));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(upkeep.status(kName)->build_count, 0U);
  EXPECT_FALSE(fs::exists(place() / "index" / "current.json"));
  { const auto released = std::move(*other); }
  ASSERT_TRUE(comes_to_build(upkeep, 1));
}

TEST_F(CollectionUpkeepTest, DamagedAndDeletedFilesAreMadeAnew) {
  const auto store = create_with_graph();
  for (const auto& entry : fs::directory_iterator(place() / "index")) {
    if (entry.path().filename().string().starts_with("graph-")) {
      fs::resize_file(entry.path(), 1000);
    }
  }
  const auto reader = open(true);
  CollectionUpkeep upkeep(quick());
  upkeep.watch(kName, reader);
  ASSERT_TRUE(comes_to_build(upkeep, 1));
  EXPECT_THAT(upkeep.status(kName)->reason, HasSubstr("graph-"));
  EXPECT_TRUE(reader->verify({})->problems.empty());
  fs::remove(place() / "index" / "current.json");
  ASSERT_TRUE(comes_to_build(upkeep, 2));
  EXPECT_TRUE(reader->verify({})->problems.empty());
  EXPECT_THAT(open(true)->status()->index, StartsWith("graph over"));
}

TEST_F(CollectionUpkeepTest, AnErrorIsKeptAndTriedAgain) {
  const auto store = create();
  ASSERT_TRUE(store->add(some_items(kGraphItemCount, kDim)));
  std::ofstream(place() / "index") << "in the way";
  CollectionUpkeep upkeep(quick());
  upkeep.watch(kName, store);
  ASSERT_TRUE(comes([&] { return upkeep.status(kName)->failed_build_count >= 3; }));
  const auto failed = *upkeep.status(kName);
  EXPECT_NE(failed.state, State::kWaiting);
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->code, ErrorCode::kIo);
  fs::remove(place() / "index");
  ASSERT_TRUE(comes_to_build(upkeep, 1));
  EXPECT_FALSE(upkeep.status(kName)->error);
}

TEST_F(CollectionUpkeepTest, WaitsTwiceAsLongAfterEachFailure) {
  const auto store = create();
  ASSERT_TRUE(store->add(some_items(kGraphItemCount, kDim)));
  std::ofstream(place() / "index") << "in the way";
  auto options = quick();
  options.retry_wait_first = 100ms;
  options.retry_wait_max = 100s;
  CollectionUpkeep upkeep(options);
  const auto begin = std::chrono::steady_clock::now();
  upkeep.watch(kName, store);
  ASSERT_TRUE(comes([&] { return upkeep.status(kName)->failed_build_count >= 1; }));
  std::this_thread::sleep_for(1s);
  const auto count = upkeep.status(kName)->failed_build_count;
  // At 0, 0.1, 0.3, 0.7, 1.5 s and so on; without growing waits there would be ten a second.
  std::size_t count_max = 1;
  for (auto due = begin + options.retry_wait_first; due < std::chrono::steady_clock::now();
       due = begin + ((std::size_t{1} << count_max) - 1) * options.retry_wait_first) {
    ++count_max;
  }
  EXPECT_LE(count, count_max);
}

TEST_F(CollectionUpkeepTest, ABuildIsBrokenOffWithinASecond) {
  constexpr int kManyItems = 60'000;
  constexpr std::size_t kLongDim = 128;
  const auto store = create(kLongDim);
  ASSERT_TRUE(store->add(some_items(kManyItems, kLongDim)));
  for (const bool forgotten : {true, false}) {
    // A machine that stalls does not do so every time.
    std::chrono::steady_clock::duration least = 1h;
    for (int attempt = 0; attempt < 8 && least >= 1s; ++attempt) {
      CollectionUpkeep upkeep(quick());
      upkeep.watch(kName, store);
      ASSERT_TRUE(comes([&] { return upkeep.status(kName)->state == State::kBuilding; }));
      std::this_thread::sleep_for(300ms);
      const auto start = std::chrono::steady_clock::now();
      if (forgotten) {
        upkeep.forget(kName);
        EXPECT_FALSE(upkeep.status(kName));
        EXPECT_EQ(store.use_count(), 1);
      } else {
        upkeep.stop();
        EXPECT_EQ(upkeep.status(kName)->failed_build_count, 0U);
      }
      least = std::min(least, std::chrono::steady_clock::now() - start);
      EXPECT_FALSE(fs::exists(place() / "index" / "current.json"));
    }
    EXPECT_LT(least, 1s);
  }
}

TEST_F(CollectionUpkeepTest, RecallOfRealSearchesIsChecked) {
  const auto store = create_with_graph();
  CollectionUpkeep upkeep(quick());
  upkeep.watch(kName, store);
  const auto questions = some_items(40, kDim, 500'000);
  ASSERT_TRUE(comes([&] {
    for (const auto& question : questions) {
      upkeep.note_search(kName, question.vector, 10);
    }
    const auto recall = upkeep.status(kName)->recall;
    return recall && recall->query_count >= 5;
  }));
  upkeep.stop();
  const auto recall = *upkeep.status(kName)->recall;
  EXPECT_GE(recall.recall, 0.9);
  EXPECT_LE(recall.recall, 1.0);
  EXPECT_FALSE(upkeep.status(kName)->recall_error);
  ASSERT_TRUE(store->status()->served_recall);
  EXPECT_EQ(store->status()->served_recall->query_count, recall.query_count);
  // `show` of another process sees it.
  const auto seen = open(true)->status()->served_recall;
  ASSERT_TRUE(seen);
  EXPECT_DOUBLE_EQ(seen->recall, recall.recall);
  EXPECT_EQ(seen->checked_at, recall.checked_at);
}

// A store that leaves out half of what it finds, unless it is asked exactly.
class HalfBlindStore final : public VectorStore {
 public:
  explicit HalfBlindStore(std::shared_ptr<EmbeddedStore> store) : store_(std::move(store)) {}

  Result<StoreHits> nearest(const NearestRequest& request) const override {
    auto hits = store_->nearest(request);
    if (hits && request.mode != SearchMode::kExact) {
      hits->hits.resize(hits->hits.size() / 2);
    }
    return hits;
  }
  const CollectionSettings& settings() const noexcept override { return store_->settings(); }
  std::string_view backend() const noexcept override { return "half blind"; }
  Result<CollectionStatus> status() const override { return store_->status(); }
  Result<AddSummary> add(std::span<const Item> items) override { return store_->add(items); }
  Result<std::uint64_t> erase(std::span<const std::string> ids) override { return store_->erase(ids); }
  Result<std::uint64_t> erase_where(const FilterExpression& filter) override { return store_->erase_where(filter); }
  Result<std::vector<std::optional<Item>>> get(std::span<const std::string> ids,
                                               const ItemParts& parts) const override {
    return store_->get(ids, parts);
  }
  Result<void> scan(const FilterExpression* filter, const ItemParts& parts,
                    const std::function<Result<void>(Item&&)>& take) const override {
    return store_->scan(filter, parts, take);
  }
  Result<std::uint64_t> count(const FilterExpression* filter) const override { return store_->count(filter); }

 private:
  std::shared_ptr<EmbeddedStore> store_;
};

TEST_F(CollectionUpkeepTest, WhatIsLeftOutLowersTheRecall) {
  const auto store = create();
  ASSERT_TRUE(store->add(some_items(100, kDim)));
  CollectionUpkeep upkeep(quick());
  upkeep.watch(kName, std::make_shared<HalfBlindStore>(store));
  const auto question = some_items(1, kDim, 7'000);
  ASSERT_TRUE(comes([&] {
    upkeep.note_search(kName, question[0].vector, 10);
    return upkeep.status(kName)->recall.has_value();
  }));
  EXPECT_DOUBLE_EQ(upkeep.status(kName)->recall->recall, 0.5);
}

}  // namespace
}  // namespace asterism
