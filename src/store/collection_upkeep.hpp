// What a long-lived process does for the collections it serves, on one thread beside the searches: builds an index that
// is missing, damaged or behind, and compares answers really given with the exact ones.
//
// When an index is due is the store's own rule (VectorStore::index_need). While it is built searches go on, exactly or
// over the files before. One build at a time: here because there is one thread, between processes by the index's lock.
// A failed build is kept in the status and tried again later, each time twice as long after.
// Ownership: owns its thread, shares the stores. Thread-safety: every function from any thread; forget() and stop()
// wait for what runs, which ends within a second. Cost: a look reads one small file and the store's state.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "asterism/cancel.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "store/vector_store.hpp"

namespace asterism {

struct UpkeepOptions {
  std::chrono::milliseconds look_interval{5'000};
  std::chrono::milliseconds retry_wait_first{10'000};
  std::chrono::milliseconds retry_wait_max{600'000};
  std::uint64_t searches_per_recall_check = 1'000;  // 0 = never checked
};

struct UpkeepStatus {
  enum class State : std::uint8_t { kWaiting, kBuilding, kBackingOff };
  State state = State::kWaiting;
  std::string reason = {};               // why the last build was due
  std::uint64_t build_count = 0;         // that left nothing more to do
  std::uint64_t failed_build_count = 0;  // that ended with an error
  std::optional<Error> error = {};       // of the last look or build; gone when one succeeds
  std::optional<ServedRecall> recall = {};
  std::optional<Error> recall_error = {};  // of the last check of recall
};

class CollectionUpkeep {
 public:
  explicit CollectionUpkeep(const UpkeepOptions& options);
  CollectionUpkeep(const CollectionUpkeep&) = delete;
  CollectionUpkeep& operator=(const CollectionUpkeep&) = delete;
  ~CollectionUpkeep();

  // Looks at once. A name that is there already gets the new store.
  void watch(std::string_view name, std::shared_ptr<VectorStore> store);
  // Breaks its build off and lets go of the store.
  void forget(std::string_view name);
  // Of each search without a filter: now and then one is kept to be checked. Cost: a count, seldom a copy of `query`
  // [dim].
  void note_search(std::string_view name, std::span<const float> query, std::size_t k);
  // Nothing for a name that is not watched.
  std::optional<UpkeepStatus> status(std::string_view name) const;
  // Breaks off what runs and ends the thread. Nothing is looked at any more.
  void stop();

 private:
  struct Watched;
  using Clock = std::chrono::steady_clock;

  void run();
  void look_at(Watched& watched);
  void build(Watched& watched, const std::string& reason);
  void keep_failure(Watched& watched, const Error& error, bool built);
  void check_recall(Watched& watched);

  const UpkeepOptions options_;
  mutable std::mutex mutex_;  // guards what follows, and what is in Watched unless it says otherwise
  std::condition_variable wake_;
  std::condition_variable let_go_;
  std::map<std::string, std::shared_ptr<Watched>, std::less<>> watched_;
  const Watched* current_ = nullptr;  // what the thread looks at
  bool look_now_ = false;
  bool stopping_ = false;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace asterism
