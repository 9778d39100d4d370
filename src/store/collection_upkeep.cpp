#include "store/collection_upkeep.hpp"

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>
#include <vector>

#include "index/recall.hpp"
#include "store/utc_time.hpp"

namespace asterism {
namespace {

// Checked queries whose mean is the recall.
constexpr std::size_t kRecallWindow = 100;

std::vector<Hit> scores_of(const StoreHits& found) {
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < found.hits.size(); ++i) {
    hits.push_back({.position = static_cast<std::uint32_t>(i), .value = found.hits[i].score});
  }
  return hits;
}

bool same_ids(const StoreHits& a, const StoreHits& b) {
  return std::ranges::equal(
      a.hits, b.hits, {}, [](const SearchHit& hit) { return std::string_view(hit.item.id); },
      [](const SearchHit& hit) { return std::string_view(hit.item.id); });
}

// Nothing where rows were written between the searches: what was found then says nothing about recall.
Result<std::optional<double>> measure_recall(const VectorStore& store, NearestRequest request) {
  request.mode = SearchMode::kExact;
  const auto before = store.nearest(request);
  request.mode = SearchMode::kAuto;
  const auto answer = before ? store.nearest(request) : before;
  request.mode = SearchMode::kExact;
  const auto after = answer ? store.nearest(request) : answer;
  if (!after) {
    return std::unexpected(after.error());
  }
  if (!same_ids(*before, *after)) {
    return std::nullopt;
  }
  return recall_at_k(scores_of(*after), scores_of(*answer), request.k, store.settings().metric);
}

}  // namespace

struct CollectionUpkeep::Watched {
  std::shared_ptr<VectorStore> store;
  CancelFlag cancel;  // safe by itself
  UpkeepStatus status;
  Clock::time_point retry_at = Clock::time_point::min();
  std::chrono::milliseconds retry_wait{0};
  std::uint64_t search_count = 0;
  std::vector<float> query;  // to be checked; empty = none
  std::size_t k = 0;
  std::deque<double> recalls;  // of the thread alone
};

CollectionUpkeep::CollectionUpkeep(const UpkeepOptions& options) : options_(options), thread_([this] { run(); }) {}

CollectionUpkeep::~CollectionUpkeep() {
  stop();
}

void CollectionUpkeep::watch(std::string_view name, std::shared_ptr<VectorStore> store) {
  forget(name);
  auto watched = std::make_shared<Watched>();
  watched->store = std::move(store);
  watched->retry_wait = options_.retry_wait_first;
  const std::scoped_lock lock(mutex_);
  watched_.insert_or_assign(std::string(name), std::move(watched));
  look_now_ = true;
  wake_.notify_all();
}

void CollectionUpkeep::forget(std::string_view name) {
  std::unique_lock lock(mutex_);
  const auto found = watched_.find(name);
  if (found == watched_.end()) {
    return;
  }
  const auto watched = std::move(found->second);
  watched_.erase(found);
  watched->cancel.request();
  let_go_.wait(lock, [&] { return current_ != watched.get(); });
  // The thread may hold the entry until its round ends, and does not look into what was broken off.
  const auto store = std::move(watched->store);
  lock.unlock();
}

void CollectionUpkeep::note_search(std::string_view name, std::span<const float> query, std::size_t k) {
  if (options_.searches_per_recall_check == 0 || query.empty() || k == 0) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  const auto found = watched_.find(name);
  if (found == watched_.end() || found->second->search_count++ % options_.searches_per_recall_check != 0) {
    return;
  }
  found->second->query.assign(query.begin(), query.end());
  found->second->k = k;
}

std::optional<UpkeepStatus> CollectionUpkeep::status(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = watched_.find(name);
  return found == watched_.end() ? std::nullopt : std::optional(found->second->status);
}

void CollectionUpkeep::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const auto& [name, watched] : watched_) {
      watched->cancel.request();
    }
    wake_.notify_all();
  }
  const std::scoped_lock join(join_mutex_);
  if (thread_.joinable()) {
    thread_.join();
  }
}

void CollectionUpkeep::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    look_now_ = false;
    std::vector<std::shared_ptr<Watched>> round;
    for (const auto& [name, watched] : watched_) {
      round.push_back(watched);
    }
    for (auto& watched : round) {
      // Forgotten or stopped meanwhile.
      if (watched->cancel.requested()) {
        continue;
      }
      current_ = watched.get();
      lock.unlock();
      look_at(*watched);
      watched.reset();
      lock.lock();
      current_ = nullptr;
      let_go_.notify_all();
    }
    round.clear();
    wake_.wait_for(lock, options_.look_interval, [this] { return stopping_ || look_now_; });
  }
}

void CollectionUpkeep::look_at(Watched& watched) {
  bool is_due = false;
  {
    const std::scoped_lock lock(mutex_);
    is_due = Clock::now() >= watched.retry_at;
  }
  if (is_due) {
    if (const auto need = watched.store->index_need(); !need) {
      keep_failure(watched, need.error(), false);
    } else if (*need) {
      build(watched, **need);
    } else {
      const std::scoped_lock lock(mutex_);
      watched.status.state = UpkeepStatus::State::kWaiting;
      watched.status.error.reset();
      watched.retry_wait = options_.retry_wait_first;
    }
  }
  check_recall(watched);
}

void CollectionUpkeep::build(Watched& watched, const std::string& reason) {
  {
    const std::scoped_lock lock(mutex_);
    watched.status.state = UpkeepStatus::State::kBuilding;
    watched.status.reason = reason;
  }
  const auto built = watched.store->build_index({.progress = {}, .cancel = &watched.cancel});
  if (watched.cancel.requested()) {
    const std::scoped_lock lock(mutex_);
    watched.status.state = UpkeepStatus::State::kWaiting;
    return;
  }
  if (!built) {
    keep_failure(watched, built.error(), true);
    return;
  }
  // Opens the new files before a search has to. Still due: another process builds, or has written much meanwhile.
  const auto need = watched.store->index_need();
  if (!need) {
    keep_failure(watched, need.error(), false);
    return;
  }
  const std::scoped_lock lock(mutex_);
  watched.status.state = UpkeepStatus::State::kWaiting;
  watched.status.error.reset();
  watched.status.build_count += *need ? 0U : 1U;
  watched.retry_wait = options_.retry_wait_first;
}

void CollectionUpkeep::keep_failure(Watched& watched, const Error& error, bool built) {
  const std::scoped_lock lock(mutex_);
  watched.status.state = UpkeepStatus::State::kBackingOff;
  watched.status.error = error;
  watched.status.failed_build_count += built ? 1U : 0U;
  watched.retry_at = Clock::now() + watched.retry_wait;
  watched.retry_wait = std::min(2 * watched.retry_wait, options_.retry_wait_max);
}

void CollectionUpkeep::check_recall(Watched& watched) {
  std::vector<float> query;
  std::size_t k = 0;
  {
    const std::scoped_lock lock(mutex_);
    query = std::exchange(watched.query, {});
    k = watched.k;
  }
  if (query.empty() || watched.cancel.requested()) {
    return;
  }
  const auto recall = measure_recall(*watched.store, {.query = query, .k = k});
  Result<void> kept;
  ServedRecall served;
  if (recall && *recall) {
    watched.recalls.push_back(**recall);
    if (watched.recalls.size() > kRecallWindow) {
      watched.recalls.pop_front();
    }
    const auto count = watched.recalls.size();
    served = {.recall = std::reduce(watched.recalls.begin(), watched.recalls.end()) / static_cast<double>(count),
              .query_count = count,
              .checked_at = now_utc()};
    kept = watched.store->keep_served_recall(served);
  }
  const std::scoped_lock lock(mutex_);
  watched.status.recall_error.reset();
  if (!recall) {
    watched.status.recall_error = recall.error();
  } else if (!kept) {
    watched.status.recall_error = kept.error();
  }
  if (recall && *recall) {
    watched.status.recall = std::move(served);
  }
}

}  // namespace asterism
