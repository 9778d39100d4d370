// A writer that is killed at any moment: every write that it acknowledged is there, nothing else is, and searching
// works at once, also when the index files are damaged afterwards.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "scratch_folder.hpp"
#include "store/embedded_store.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr int kKillCount = 200;
constexpr int kDelayMaxUs = 250'000;  // until a kill
constexpr std::size_t kDim = 4;
constexpr int kIdCount = 15'000;
constexpr int kFirstItemCount = 11'000;  // enough for a graph
constexpr float kSameScoreMax = 1e-4F;   // a row's distance to itself is zero but for rounding

using Items = std::map<std::string, std::vector<float>>;

// The n-th write is the same in the child that does it and in the parent that knows what it does.
struct Operation {
  std::vector<Item> items;       // added
  std::vector<std::string> ids;  // erased
};

Operation operation(std::uint64_t number) {
  std::mt19937 random(static_cast<unsigned>(number * 7919 + 13));
  const auto below = [&](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
  Operation operation;
  if (number == 0 || below(3) != 0) {
    const int count = number == 0 ? kFirstItemCount : 1 + below(300);
    for (int i = 0; i < count; ++i) {
      Item item;
      item.id = std::to_string(number == 0 ? i : below(kIdCount));
      item.vector.resize(kDim);
      std::ranges::generate(item.vector, [&] { return std::normal_distribution<float>()(random); });
      operation.items.push_back(std::move(item));
    }
  } else {
    for (int i = below(300); i >= 0; --i) {
      operation.ids.push_back(std::to_string(below(kIdCount)));
    }
  }
  return operation;
}

void replay(const Operation& operation, Items& items) {
  for (const auto& item : operation.items) {
    items[item.id] = item.vector;
  }
  for (const auto& id : operation.ids) {
    items.erase(id);
  }
}

bool run(EmbeddedStore& store, const Operation& operation) {
  return operation.items.empty() ? store.erase(operation.ids).has_value() : store.add(operation.items).has_value();
}

// What changes no item, between writes.
bool maintain(EmbeddedStore& store, std::mt19937& random) {
  switch (random() % 16) {
    case 0:
      return store.compact({}).has_value();
    case 1:
    case 2:
      return store.build_index({}).has_value();
    case 3:
      // One that was killed may have left it.
      (void)store.drop_version("v");
      return store.create_version("v").has_value();
    default:
      return true;
  }
}

class CollectionKill : public testing::Test {
 protected:
  fs::path collection() const { return folder_.path() / "c"; }

  void SetUp() override {
    CollectionSettings settings;
    settings.dim = kDim;
    settings.metric = Metric::kEuclidean;
    const auto made = EmbeddedStore::create(collection(), settings);
    ASSERT_TRUE(made) << made.error().to_string();
  }

  // Operations from `first` on in a child that is killed after `delay`; how many it acknowledged.
  std::uint64_t run_and_kill(std::uint64_t first, unsigned seed, std::chrono::microseconds delay) const {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(first, seed, ends[1]);
    }
    ::close(ends[1]);
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
    std::uint64_t acknowledged = 0;
    for (char byte = 0; ::read(ends[0], &byte, 1) == 1;) {
      EXPECT_EQ(byte, '+') << "an operation failed";
      ++acknowledged;
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
    return acknowledged;
  }

  [[noreturn]] void write_until_killed(std::uint64_t first, unsigned seed, int acknowledge) const {
    std::mt19937 random(seed);
    auto store = EmbeddedStore::open(collection(), {});
    for (std::uint64_t number = first; store; ++number) {
      const char result = maintain(**store, random) && run(**store, operation(number)) ? '+' : '-';
      if (::write(acknowledge, &result, 1) != 1) {
        break;
      }
    }
    ::_exit(1);
  }

  // What a reader sees, who changes nothing.
  Items stored() const {
    CollectionOpenOptions options;
    options.read_only = true;
    const auto store = EmbeddedStore::open(collection(), options);
    EXPECT_TRUE(store) << store.error().to_string();
    Items items;
    const auto scanned = (*store)->scan(nullptr, {.metadata = false, .content = false, .data = false, .vector = true},
                                        [&](Item&& item) -> Result<void> {
                                          items[item.id] = item.vector;
                                          return {};
                                        });
    EXPECT_TRUE(scanned) << scanned.error().to_string();
    return items;
  }

  // Every item is its own nearest, by whatever way the store takes; a graph may miss one in a hundred.
  void expect_found(const Items& items, std::mt19937& random) {
    CollectionOpenOptions options;
    options.read_only = true;
    const auto store = EmbeddedStore::open(collection(), options);
    ASSERT_TRUE(store) << store.error().to_string();
    for (int i = 0; i < 5 && !items.empty(); ++i) {
      const auto& [id, vector] =
          *std::next(items.begin(), std::uniform_int_distribution<int>(0, static_cast<int>(items.size()) - 1)(random));
      auto hits = (*store)->nearest({.query = vector, .k = 3});
      ASSERT_TRUE(hits) << hits.error().to_string();
      ++asked_count_;
      if (hits->explanation.plan == "graph" && (hits->hits.empty() || hits->hits.front().score > kSameScoreMax)) {
        ++missed_count_;
        hits = (*store)->nearest({.query = vector, .k = 3, .mode = SearchMode::kExact});
        ASSERT_TRUE(hits) << hits.error().to_string();
      }
      ASSERT_FALSE(hits->hits.empty());
      EXPECT_NEAR(hits->hits.front().score, 0.0F, kSameScoreMax) << id << ": " << hits->explanation.plan;
      EXPECT_TRUE(items.contains(hits->hits.back().item.id));
    }
  }

  // One of the index files is cut, changed in one bit, or gone.
  void damage_index(std::mt19937& random) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(collection() / "index")) {
      if (entry.is_regular_file() && entry.file_size() > 0 && entry.path().filename() != "index.lock") {
        files.push_back(entry.path());
      }
    }
    if (files.empty()) {
      return;
    }
    const auto& file = files[random() % files.size()];
    const auto size_bytes = fs::file_size(file);
    switch (random() % 3) {
      case 0:
        fs::resize_file(file, random() % size_bytes);
        break;
      case 1: {
        std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
        const auto at = static_cast<std::streamoff>(random() % size_bytes);
        bytes.seekg(at);
        const auto byte = static_cast<char>(bytes.get() ^ (1 << (random() % 8)));
        bytes.seekp(at);
        bytes.put(byte);
        break;
      }
      default:
        fs::remove(file);
    }
  }

  ScratchFolder folder_{"kill"};
  int asked_count_ = 0;
  int missed_count_ = 0;
};

TEST_F(CollectionKill, AcknowledgedWritesStayAndNothingElseDoes) {
  std::mt19937 random(6);
  Items items;
  std::uint64_t next = 0;
  int kept_unacknowledged_count = 0;
  int delay_max_us = kDelayMaxUs;
  for (int kill_count = 0; kill_count < kKillCount; ++kill_count) {
    const auto delay = std::chrono::microseconds(std::uniform_int_distribution<int>(0, delay_max_us)(random));
    const auto acknowledged = run_and_kill(next, static_cast<unsigned>(kill_count), delay);
    for (std::uint64_t i = 0; i < acknowledged; ++i) {
      replay(operation(next + i), items);
    }
    next += acknowledged;
    const auto found = stored();
    if (found != items) {
      // The one at work may have been done and not acknowledged, but whole.
      replay(operation(next), items);
      ASSERT_TRUE(found == items) << "after kill " << kill_count << ", operation " << next << ": " << found.size()
                                  << " items, expected " << items.size();
      ++next;
      ++kept_unacknowledged_count;
    }
    // Longer while there is less than a write to a kill: a slow machine has to get past the start as well.
    const bool behind = next <= static_cast<std::uint64_t>(kill_count);
    delay_max_us = behind ? std::min(delay_max_us + delay_max_us / 4, 40 * kDelayMaxUs) : kDelayMaxUs;
    expect_found(items, random);
    if (fs::exists(collection() / "index")) {
      damage_index(random);
      expect_found(items, random);
    }
    if (HasFailure()) {
      FAIL() << "after kill " << kill_count;
    }
  }
  EXPECT_GT(next, static_cast<std::uint64_t>(kKillCount / 2));
  EXPECT_LT(kept_unacknowledged_count, kKillCount / 2);
  EXPECT_LE(100 * missed_count_, asked_count_);
  const auto store = EmbeddedStore::open(collection(), {});
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->compact({}));
  const auto report = (*store)->verify({});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->problems.empty()) << report->problems.front();
}

TEST_F(CollectionKill, AFullDiskIsAClearErrorAndCostsOnlyTheLastStep) {
  {
    const auto store = EmbeddedStore::open(collection(), {});
    ASSERT_TRUE((*store)->add(std::vector{Item{.id = "before", .vector = {1, 2, 3, 4}}}));
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);  // then a write past the limit fails with EFBIG
    const rlimit limit{.rlim_cur = 400'000, .rlim_max = 400'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto store = EmbeddedStore::open(collection(), {});
    const auto added = (*store)->add(operation(0).items);
    const bool clear = !added && added.error().code == ErrorCode::kIo &&
                       added.error().message.find("collection.sqlite") != std::string::npos;
    ::_exit(clear ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(stored().size(), 1U);
  const auto store = EmbeddedStore::open(collection(), {});
  ASSERT_TRUE((*store)->add(operation(0).items));
  EXPECT_EQ(stored().size(), static_cast<std::size_t>(kFirstItemCount) + 1);
}

}  // namespace
}  // namespace asterism
