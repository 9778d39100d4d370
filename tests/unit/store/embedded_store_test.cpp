#include "store/embedded_store.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "base/file.hpp"
#include "scratch_folder.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t kDim = 8;
constexpr int kGraphItemCount = 12'000;

class EmbeddedStoreTest : public testing::Test {
 protected:
  fs::path place() const { return folder_.path() / "c"; }

  static CollectionSettings settings() {
    CollectionSettings settings;
    settings.dim = kDim;
    settings.columns = {"number"};
    settings.text_columns = {"title", "$content"};
    return settings;
  }

  std::unique_ptr<EmbeddedStore> create() const {
    auto made = EmbeddedStore::create(place(), settings());
    EXPECT_TRUE(made) << made.error().to_string();
    return std::move(*made);
  }

  std::unique_ptr<EmbeddedStore> open(const CollectionOpenOptions& options = {}) const {
    auto opened = EmbeddedStore::open(place(), options);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }

  std::unique_ptr<EmbeddedStore> open_at(const std::string& version) const {
    CollectionOpenOptions options;
    options.version = version;
    return open(options);
  }

  std::unique_ptr<EmbeddedStore> open_to_read() const {
    CollectionOpenOptions options;
    options.read_only = true;
    return open(options);
  }

  std::vector<float> some_vector() {
    std::vector<float> vector(kDim);
    std::ranges::generate(vector, [this] { return normal_(random_); });
    return vector;
  }

  Item item(const std::string& id, const std::string& title = "") {
    Item made;
    made.id = id;
    made.vector = some_vector();
    made.metadata = title.empty() ? "{}" : fmt::format(R"({{"title":"{}"}})", title);
    return made;
  }

  std::vector<Item> many(int count, int first = 0) {
    std::vector<Item> items;
    for (int i = first; i < first + count; ++i) {
      items.push_back(item(fmt::format("{}", i)));
      items.back().metadata = fmt::format(R"({{"number":{}}})", i);
    }
    return items;
  }

  static std::vector<std::string> ids(const Result<StoreHits>& hits) {
    EXPECT_TRUE(hits) << hits.error().to_string();
    std::vector<std::string> ids;
    for (const auto& hit : hits->hits) {
      ids.push_back(hit.item.id);
    }
    return ids;
  }

  // The item itself must come first, whichever way the store takes; the way it took.
  static std::string plan_of_finding(const EmbeddedStore& store, const Item& item) {
    const auto hits = store.nearest({.query = item.vector, .k = 1});
    EXPECT_EQ(ids(hits), std::vector{item.id});
    return hits->explanation.plan;
  }

  fs::path index_file(std::string_view prefix) const {
    for (const auto& entry : fs::directory_iterator(place() / "index")) {
      if (entry.path().filename().string().starts_with(prefix)) {
        return entry.path();
      }
    }
    return {};
  }

  static void flip_bit(const fs::path& file, std::uint64_t at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(bytes.get() ^ 0x10);
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(byte);
  }

  ScratchFolder folder_{"store"};
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_;
};

TEST_F(EmbeddedStoreTest, ThereIsNoSecondWriter) {
  const auto first = create();
  const auto second = EmbeddedStore::open(place(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kIo);
  EXPECT_THAT(second.error().message, HasSubstr("another process writes"));
  EXPECT_THAT(second.error().hint, HasSubstr("--wait"));
  EXPECT_EQ(open_to_read()->add(many(1)).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(EmbeddedStoreTest, AWaitingWriterGetsItsTurn) {
  auto first = create();
  std::thread waiting([this] {
    CollectionOpenOptions options;
    options.wait_for_writer = true;
    EXPECT_TRUE(open(options)->add(many(1)));
  });
  ASSERT_TRUE(first->add(many(2)));
  first.reset();
  waiting.join();
  EXPECT_EQ(*open_to_read()->count(nullptr), 2U);
}

TEST_F(EmbeddedStoreTest, ReadersSeeWhatIsWrittenMeanwhile) {
  const auto writer = create();
  const auto reader = open_to_read();
  const auto items = many(50);
  ASSERT_TRUE(writer->add(items));
  plan_of_finding(*reader, items[7]);
  ASSERT_TRUE(writer->erase(std::vector{items[7].id}));
  EXPECT_NE(ids(reader->nearest({.query = items[7].vector, .k = 1})), std::vector{items[7].id});
}

TEST_F(EmbeddedStoreTest, ManyThreadsSearchWhileOneWrites) {
  const auto store = create();
  const auto items = many(2000);
  ASSERT_TRUE(store->add(std::span(items).first(1000)));
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < 300; ++i) {
        plan_of_finding(*store, items[i]);
      }
    });
  }
  for (std::size_t i = 1000; i < 2000; i += 50) {
    ASSERT_TRUE(store->add(std::span(items).subspan(i, 50)));
  }
  threads.clear();
  EXPECT_EQ(*store->count(nullptr), 2000U);
}

TEST_F(EmbeddedStoreTest, AGraphIsBuiltUsedAndBroughtUpToDate) {
  const auto store = create();
  auto items = many(kGraphItemCount);
  ASSERT_TRUE(store->add(items));
  EXPECT_EQ(plan_of_finding(*store, items[5]), "exact");
  ASSERT_TRUE(store->build_index({}));
  EXPECT_EQ(plan_of_finding(*store, items[5]), "graph");
  // Few changes: the files are taken over, the gone are never found, the new are.
  const auto gone = items[5];
  ASSERT_TRUE(store->erase(std::vector{gone.id}));
  const auto fresh = many(400, kGraphItemCount);
  ASSERT_TRUE(store->add(fresh));
  for (int pass = 0; pass < 2; ++pass) {
    plan_of_finding(*store, fresh[399]);
    plan_of_finding(*store, items[6]);
    EXPECT_NE(ids(store->nearest({.query = gone.vector, .k = 1})), std::vector{gone.id});
    ASSERT_TRUE(store->build_index({}));
  }
  EXPECT_TRUE(store->verify({})->problems.empty());
  EXPECT_THAT(store->status()->index, HasSubstr("graph over"));
}

TEST_F(EmbeddedStoreTest, FiltersGoWithEveryPlan) {
  const auto store = create();
  const auto items = many(kGraphItemCount);
  ASSERT_TRUE(store->add(items));
  ASSERT_TRUE(store->build_index({}));
  for (const auto& [text, count] : std::vector<std::pair<std::string, std::size_t>>{
           {"number < 20", 20}, {"number < 1200", 1200}, {"number < 9000", 9000}, {"number = -1", 0}}) {
    const auto filter = *parse_filter(text);
    const auto hits = store->nearest({.query = items[3].vector, .k = 30, .filter = &filter});
    ASSERT_TRUE(hits);
    EXPECT_EQ(hits->explanation.filtered_row_count, count);
    const auto exact =
        store->nearest({.query = items[3].vector, .k = 30, .filter = &filter, .mode = SearchMode::kExact});
    EXPECT_EQ(hits->hits.size(), std::min<std::size_t>(30, count));
    const auto found = ids(hits);
    const auto wanted = ids(exact);
    EXPECT_GE(
        std::ranges::count_if(wanted, [&](const auto& id) { return std::ranges::find(found, id) != found.end(); }),
        static_cast<std::ptrdiff_t>(std::min<std::size_t>(29, count)))
        << text << ": " << hits->explanation.plan;
  }
}

// A narrow walk among the rows that a filter lets through may end early: what it misses is not left out of the answer.
TEST_F(EmbeddedStoreTest, AsManyAreFoundAsThereAre) {
  const auto store = create();
  ASSERT_TRUE(store->add(many(3 * kGraphItemCount)));
  ASSERT_TRUE(store->build_index({}));
  const auto filter = *parse_filter(fmt::format("number < {}", kGraphItemCount + 1000));
  for (int question = 0; question < 2000; ++question) {
    const auto hits = store->nearest({.query = some_vector(), .k = 11, .filter = &filter, .expansion = 11});
    ASSERT_TRUE(hits);
    ASSERT_EQ(hits->hits.size(), 11U) << hits->explanation.plan;
  }
}

TEST_F(EmbeddedStoreTest, DamagedIndexFilesCostNothingButTime) {
  const auto items = many(kGraphItemCount);
  {
    const auto store = create();
    ASSERT_TRUE(store->add(items));
    ASSERT_TRUE(store->build_index({}));
  }
  const auto damages = std::vector<std::function<void()>>{
      [&] { fs::resize_file(index_file("graph-"), 1000); },
      [&] { flip_bit(index_file("graph-"), fs::file_size(index_file("graph-")) / 2); },
      [&] { fs::resize_file(index_file("vectors-"), 10); },
      // Of a row: seen only when it is scored.
      [&] { flip_bit(index_file("vectors-"), fs::file_size(index_file("vectors-")) / 2); },
      [&] { std::ofstream(place() / "index" / "current.json") << "{\"version\":"; },
      [&] { fs::remove(index_file("vectors-")); }, [&] { fs::remove_all(place() / "index"); }};
  for (std::size_t i = 0; i < damages.size(); ++i) {
    damages[i]();
    const auto reader = open_to_read();
    for (int row = 0; row < kGraphItemCount; row += 37) {
      plan_of_finding(*reader, items[static_cast<std::size_t>(row)]);
    }
    const auto store = open();
    plan_of_finding(*store, items[kGraphItemCount / 2]);
    ASSERT_TRUE(store->compact({})) << i;
    EXPECT_EQ(plan_of_finding(*store, items[0]), "graph") << i;
    EXPECT_TRUE(store->verify({})->problems.empty()) << i;
  }
}

TEST_F(EmbeddedStoreTest, VerifyNamesADamagedIndex) {
  const auto store = create();
  ASSERT_TRUE(store->add(many(100)));
  ASSERT_TRUE(store->build_index({}));
  EXPECT_TRUE(store->verify({})->problems.empty());
  flip_bit(index_file("vectors-"), fs::file_size(index_file("vectors-")) - 20);
  const auto report = store->verify({});
  ASSERT_EQ(report->problems.size(), 1U);
  EXPECT_THAT(report->problems.front(), HasSubstr("vectors-"));
}

TEST_F(EmbeddedStoreTest, LongWorkEndsWhenAskedAndLeavesWhatWasThere) {
  const auto items = many(kGraphItemCount);
  const auto store = create();
  ASSERT_TRUE(store->add(items));
  ASSERT_TRUE(store->build_index({}));
  CancelFlag cancel;
  cancel.request();
  const LongWork stopped{.progress = {}, .cancel = &cancel};
  const auto is_cancelled = [](const auto& ended) { return !ended && ended.error().code == ErrorCode::kCancelled; };
  EXPECT_TRUE(is_cancelled(store->compact(stopped)));
  EXPECT_TRUE(is_cancelled(store->verify(stopped)));
  EXPECT_TRUE(is_cancelled(store->tune({}, stopped)));
  EXPECT_TRUE(store->build_index(stopped)) << "there is nothing to build";
  EXPECT_EQ(plan_of_finding(*store, items[0]), "graph");
  EXPECT_TRUE(store->verify({})->problems.empty());
  EXPECT_TRUE(store->compact({}));
}

// In the middle: at the first word of progress.
TEST_F(EmbeddedStoreTest, CompactingEndsInTheMiddle) {
  const auto items = many(kGraphItemCount);
  const auto store = create();
  ASSERT_TRUE(store->add(items));
  CancelFlag cancel;
  const auto ended = store->compact({.progress = [&](const Progress&) { cancel.request(); }, .cancel = &cancel});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(*store->count(nullptr), items.size());
  EXPECT_TRUE(store->verify({})->problems.empty());
}

// Slots of a copy from before count on as those of the original did: its index must not be taken for its own.
TEST_F(EmbeddedStoreTest, AnIndexOfAnotherHistoryIsNotUsed) {
  const auto before = folder_.path() / "before";
  auto items = many(300);
  {
    const auto store = create();
    ASSERT_TRUE(store->add(std::span(items).first(100)));
  }
  fs::copy(place() / "collection.sqlite", before);
  {
    const auto store = open();
    ASSERT_TRUE(store->add(std::span(items).subspan(100, 100)));
    ASSERT_TRUE(store->build_index({}));
  }
  fs::copy_file(before, place() / "collection.sqlite", fs::copy_options::overwrite_existing);
  const auto store = open();
  ASSERT_TRUE(store->add(std::span(items).subspan(200, 100)));
  plan_of_finding(*store, items[250]);
  EXPECT_NE(ids(store->nearest({.query = items[150].vector, .k = 1})), std::vector{items[150].id});
  ASSERT_TRUE(store->build_index({}));
  plan_of_finding(*store, items[250]);
}

TEST_F(EmbeddedStoreTest, VersionsAreSearchedAndGoneBackTo) {
  const auto store = create();
  auto items = many(20);
  ASSERT_TRUE(store->add(items));
  ASSERT_TRUE(store->create_version("first"));
  EXPECT_EQ(store->create_version("first").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->drop_version("second").error().code, ErrorCode::kNotFound);
  const auto old = items[3];
  items[3].vector = some_vector();
  ASSERT_TRUE(store->add(std::vector{items[3]}));
  ASSERT_TRUE(store->erase(std::vector{items[4].id}));
  const auto then = open_at("first");
  EXPECT_EQ(*then->count(nullptr), 20U);
  plan_of_finding(*then, old);
  plan_of_finding(*then, items[4]);
  EXPECT_EQ(then->add(items).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(then->build_index({}));
  plan_of_finding(*open_at("first"), old);
  plan_of_finding(*store, items[3]);
  ASSERT_TRUE(store->restore_version("first"));
  EXPECT_EQ(*store->count(nullptr), 20U);
  plan_of_finding(*store, old);
  plan_of_finding(*store, items[4]);
  const auto rows = sqlite::Connection::open(place() / "collection.sqlite", sqlite::OpenMode::kReadOnly);
  EXPECT_GT(**rows->integer("SELECT count(*) FROM item"), 20);
  ASSERT_TRUE(store->drop_version("first"));
  EXPECT_EQ(**rows->integer("SELECT count(*) FROM item"), 20);
  EXPECT_TRUE(store->verify({})->problems.empty());
  EXPECT_EQ(EmbeddedStore::open(place(), {.read_only = true, .version = "first"}).error().code, ErrorCode::kNotFound);
}

TEST_F(EmbeddedStoreTest, KeywordsAreFoundInDeclaredColumns) {
  const auto store = create();
  auto coat = item("1", "A red coat");
  auto shoes = item("2", "Blue shoes");
  shoes.kind = ItemKind::kText;
  shoes.content = "with Red laces, naïve style";
  ASSERT_TRUE(store->add(std::vector{coat, shoes, item("3", "nothing of it")}));
  EXPECT_EQ(ids(store->keywords({.keywords = "red coat", .k = 5})), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(ids(store->keywords({.keywords = "NAIVE", .k = 5})), std::vector<std::string>{"2"});
  EXPECT_EQ(ids(store->keywords({.keywords = "\"red laces\"", .k = 5})), std::vector<std::string>{"2"});
  // What FTS5's own language would stumble over.
  EXPECT_EQ(ids(store->keywords({.keywords = "coat\" OR * NEAR( -", .k = 5})), std::vector<std::string>{"1"});
  EXPECT_TRUE(ids(store->keywords({.keywords = "?!", .k = 5})).empty());
  const auto filter = *parse_filter("title like 'A %'");
  EXPECT_EQ(ids(store->keywords({.keywords = "red", .k = 5, .filter = &filter})), std::vector<std::string>{"1"});
  // Words follow their items.
  coat.metadata = R"({"title":"A green coat"})";
  ASSERT_TRUE(store->add(std::vector{coat}));
  EXPECT_EQ(ids(store->keywords({.keywords = "red", .k = 5})), std::vector<std::string>{"2"});
  ASSERT_TRUE(store->erase(std::vector<std::string>{"2"}));
  EXPECT_TRUE(ids(store->keywords({.keywords = "red", .k = 5})).empty());
}

TEST_F(EmbeddedStoreTest, OddIdsAreIds) {
  const auto store = create();
  const std::vector<std::string> odd{"a'b", "a\"b", std::string("a\0b", 3), "a", "\n", "☃"};
  for (const auto& id : odd) {
    ASSERT_TRUE(store->add(std::vector{item(id)}));
  }
  const auto got = store->get(odd, {});
  for (std::size_t i = 0; i < odd.size(); ++i) {
    ASSERT_TRUE((*got)[i]);
    EXPECT_EQ((*got)[i]->id, odd[i]);
  }
  EXPECT_EQ(*store->erase(std::vector{odd[2]}), 1U);
  EXPECT_EQ(*store->count(nullptr), odd.size() - 1);
}

TEST_F(EmbeddedStoreTest, TuningIsKept) {
  {
    const auto store = create();
    ASSERT_TRUE(store->add(many(200)));
    EXPECT_EQ(store->tune({}, {}).error().code, ErrorCode::kInvalidArgument);
    ASSERT_TRUE(store->add(many(kGraphItemCount)));
    ASSERT_TRUE(store->build_index({}));
    const auto measured = store->status()->recall;
    ASSERT_TRUE(measured);
    EXPECT_GE(measured->recall, 0.95);
    EXPECT_EQ(measured->row_count, static_cast<std::uint64_t>(kGraphItemCount));
    const auto tuned = store->tune({.recall = 0.9, .k = 10, .query_count = 50}, {});
    ASSERT_TRUE(tuned) << tuned.error().to_string();
    EXPECT_GE(tuned->chosen.recall, 0.9);
    EXPECT_FALSE(tuned->curve.empty());
  }
  const auto status = open_to_read()->status();
  ASSERT_TRUE(status->recall);
  EXPECT_EQ(status->recall->query_count, 50U);
}

// As a user who may read the folder and no more: root may do everything, so a child becomes nobody.
TEST_F(EmbeddedStoreTest, AReadOnlyFolderIsReadAndSaysWhyItCannotBeWritten) {
  const auto items = many(300);
  {
    const auto store = create();
    ASSERT_TRUE(store->add(items));
    ASSERT_TRUE(store->build_index({}));
  }
  for (const auto& entry : fs::recursive_directory_iterator(place())) {
    fs::permissions(entry, entry.is_directory() ? fs::perms(0555) : fs::perms(0444));
  }
  fs::permissions(place(), fs::perms(0555));
  fs::permissions(folder_.path(), fs::perms(0755));
  const pid_t child = ::fork();
  if (child == 0) {
    if (::getuid() == 0 && ::setuid(65534) != 0) {
      ::_exit(77);
    }
    const auto writer = EmbeddedStore::open(place(), {});
    if (writer || writer.error().code != ErrorCode::kIo ||
        writer.error().message.find(place().string()) == std::string::npos) {
      ::_exit(1);
    }
    CollectionOpenOptions options;
    options.read_only = true;
    const auto reader = EmbeddedStore::open(place(), options);
    const auto hits = reader ? (*reader)->nearest({.query = items[9].vector, .k = 1}) : Result<StoreHits>(StoreHits{});
    ::_exit(hits && !hits->hits.empty() && hits->hits.front().item.id == items[9].id ? 0 : 2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  fs::permissions(place(), fs::perms(0755));
  fs::permissions(place() / "index", fs::perms(0755));
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << "cannot become another user here";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(EmbeddedStoreTest, DroppingTakesNothingOfOthers) {
  create();
  std::ofstream(place() / "letter.txt") << "mine";
  const auto refused = EmbeddedStore::drop(place());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("letter.txt"));
  fs::remove(place() / "letter.txt");
  ASSERT_TRUE(EmbeddedStore::drop(place()));
  EXPECT_FALSE(fs::exists(place()));
  EXPECT_EQ(EmbeddedStore::open(place(), {}).error().code, ErrorCode::kNotFound);
}

TEST_F(EmbeddedStoreTest, AFolderOfOthersIsNoPlaceForACollection) {
  fs::create_directories(place());
  std::ofstream(place() / "letter.txt") << "mine";
  EXPECT_EQ(EmbeddedStore::create(place(), settings()).error().code, ErrorCode::kInvalidArgument);
  fs::remove(place() / "letter.txt");
  create();
  EXPECT_THAT(EmbeddedStore::create(place(), settings()).error().message, HasSubstr("already"));
}

TEST_F(EmbeddedStoreTest, AMakingThatWasKilledIsNoObstacle) {
  fs::create_directory(place());
  for (const auto* name : {"collection.sqlite.tmp-1", "collection.sqlite.tmp-1-journal", "writer.lock"}) {
    ASSERT_TRUE(write_file_atomic(place() / name, "half"));
  }
  const auto store = create();
  EXPECT_FALSE(fs::exists(place() / "collection.sqlite.tmp-1"));
  EXPECT_FALSE(fs::exists(place() / "collection.sqlite.tmp-1-journal"));
}

TEST_F(EmbeddedStoreTest, OfManyThatMakeItAtOnceOneDoes) {
  std::atomic<int> made = 0;
  std::atomic<int> told = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto store = EmbeddedStore::create(place(), settings());
        if (store) {
          ++made;
          Item item;
          item.id = fmt::format("by {}", i);
          item.vector.assign(kDim, 1.0F);
          EXPECT_TRUE((*store)->add({&item, 1}));
        } else if (store.error().code == ErrorCode::kInvalidArgument) {
          ++told;
        }
      });
    }
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(told, 7);
  EXPECT_EQ(open()->status()->item_count, 1U) << "what the one that made it has put is there";
}

TEST_F(EmbeddedStoreTest, AnotherFileIsNoCollection) {
  fs::create_directories(place());
  std::ofstream(place() / "collection.sqlite") << "this is no database at all, but long enough to be looked at";
  const auto opened = EmbeddedStore::open(place(), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace asterism
