#include "scheduler/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <new>
#include <thread>
#include <unordered_map>
#include <utility>

namespace asterism {
namespace {

using Clock = std::chrono::steady_clock;

// Of a batch's time for one unit of cost, in the mean that is kept of a model: the last five batches, about.
constexpr double kNewestShare = 0.2;

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

struct Request;

// One row that somebody waits for. Two requests with equal rows share it, and both keep it in their own queue:
// whichever comes first runs it, and it survives the other's end.
struct Entry {
  std::string key;
  std::string row;
  std::size_t cost = 0;
  bool taken = false;
  std::vector<std::pair<std::shared_ptr<Request>, std::size_t>> waiting = {};  // request, row of it
};

struct Request {
  Work work;
  OnWork on_work;
  std::deque<std::shared_ptr<Entry>> queue = {};  // not run yet, as far as this request knows
  std::size_t queue_cost = 0;                     // of the rows in `queue`
  std::size_t missing_count = 0;                  // rows without a vector
  WorkResult result = {};
  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> started = {};
  bool ended = false;
};

using Rows = std::vector<RowVector>;

// A batch that does not fit into memory is tried again in halves; a single row that does not is an error.
Result<Rows> encode_within_memory(const RowEncoder& encoder, std::span<const std::string_view> rows) {
  try {
    return encoder.encode(rows);
  } catch (const std::bad_alloc&) {
    if (rows.size() == 1) {
      return fail(ErrorCode::kInternal, "the model: expected memory for one row, found none left",
                  "ask for less at once, or give the server more memory");
    }
  }
  auto first = encode_within_memory(encoder, rows.first(rows.size() / 2));
  auto second = encode_within_memory(encoder, rows.subspan(rows.size() / 2));
  if (!first || !second) {
    return first ? std::move(second) : std::move(first);
  }
  std::ranges::move(*second, std::back_inserter(*first));
  return first;
}

// Each row has a vector or an error of its own.
Rows encode_rows(const RowEncoder& encoder, std::span<const std::string_view> rows) {
  if (auto whole = encode_within_memory(encoder, rows); whole && whole->size() == rows.size()) {
    return *std::move(whole);
  }
  Rows out;
  for (const std::string_view row : rows) {
    auto alone = encode_within_memory(encoder, {&row, 1});
    if (alone && alone->size() == 1) {
      out.push_back(std::move(alone->front()));
    } else {
      const Error error =
          alone ? Error{ErrorCode::kInternal, "the model: expected one result a row", {}} : alone.error();
      out.push_back({.values = {}, .report = {.error = error}});
    }
  }
  return out;
}

}  // namespace

struct Scheduler::Impl {
  Impl(const SchedulerOptions& given, std::function<void(const BatchReport&)> observer)
      : options(given), on_batch(std::move(observer)), cache(given.cache_size_bytes) {}

  struct Batch {
    std::shared_ptr<const RowEncoder> encoder;
    std::vector<std::shared_ptr<Entry>> entries;
    std::size_t cost = 0;
    Priority priority = Priority::kInteractive;
  };
  // Calls that are made once the lock is released.
  using Calls = std::vector<std::function<void()>>;

  const SchedulerOptions options;
  const std::function<void(const BatchReport&)> on_batch;
  VectorCache cache;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::array<std::list<std::shared_ptr<Request>>, 2> waiting;  // by priority, in the order of turns
  std::array<std::size_t, 2> row_counts{};
  std::unordered_map<std::string, std::weak_ptr<Entry>> in_flight;
  SchedulerStatus counters;
  std::unordered_map<std::string, double> cost_seconds;  // of one unit of cost, by the model's identity
  std::optional<Clock::time_point> running_since;
  double running_seconds_expected = 0.0;  // of the batch that runs
  bool calling = false;                   // somebody's OnWork is being called
  std::size_t interactive_batches = 0;    // since the last bulk one
  bool draining = false;
  bool stopping = false;
  std::jthread worker;

  Result<void> admit(const Work& work, std::size_t row_count);
  double expected_seconds(const RowEncoder& encoder, std::size_t cost) const;
  double turn_seconds(Priority priority) const;
  double wait_seconds(Priority priority) const;
  void measure(const Batch& batch, double batch_seconds);
  void attach(const std::shared_ptr<Request>& request, std::size_t row, const std::string& key);
  void end(const std::shared_ptr<Request>& request, std::optional<Error> error, Calls& calls);
  void drop_late(Calls& calls);
  std::size_t choose_priority();
  Batch take_batch(Calls& calls);
  void finish(const Batch& batch, Rows rows, Calls& calls);
  void run();
  void run_batch(const Batch& batch);
};

// Holds the lock.
double Scheduler::Impl::expected_seconds(const RowEncoder& encoder, std::size_t cost) const {
  const auto known = cost_seconds.find(encoder.identity());
  return known == cost_seconds.end() ? 0.0 : known->second * static_cast<double>(cost);
}

// Holds the lock. Of one turn of every request that waits: a new one comes behind them, and before their next turn.
double Scheduler::Impl::turn_seconds(Priority priority) const {
  double out = 0.0;
  for (const auto& request : waiting[static_cast<std::size_t>(priority)]) {
    const std::size_t row_count = request->queue.size();
    const double whole = expected_seconds(*request->work.encoder, request->queue_cost);
    out += row_count <= options.turn_row_count
               ? whole
               : whole * static_cast<double>(options.turn_row_count) / static_cast<double>(row_count);
  }
  return out;
}

// Holds the lock. Until the first row of a request that comes now is run; 0 for models that have not run yet.
double Scheduler::Impl::wait_seconds(Priority priority) const {
  double running = 0.0;
  if (running_since) {
    running = std::max(0.0, running_seconds_expected - seconds(Clock::now() - *running_since));
  }
  const double interactive = turn_seconds(Priority::kInteractive);
  const double bulk = turn_seconds(Priority::kBulk);
  // Batches of both take turns while both wait, so many interactive ones for each of the bulk.
  const auto interactive_batches_per_bulk = static_cast<double>(std::max<std::size_t>(2, options.bulk_batch_every) - 1);
  return running + (priority == Priority::kInteractive
                        ? interactive + std::min(bulk, interactive / interactive_batches_per_bulk)
                        : bulk + std::min(interactive, bulk * interactive_batches_per_bulk));
}

// Holds the lock.
void Scheduler::Impl::measure(const Batch& batch, double batch_seconds) {
  const double now = batch_seconds / static_cast<double>(std::max<std::size_t>(1, batch.cost));
  const auto [known, first] = cost_seconds.try_emplace(batch.encoder->identity(), now);
  if (!first) {
    known->second += kNewestShare * (now - known->second);
  }
}

// Holds the lock.
Result<void> Scheduler::Impl::admit(const Work& work, std::size_t row_count) {
  if (draining) {
    return fail(ErrorCode::kUnavailable, "the server is shutting down");
  }
  if (row_counts[0] + row_counts[1] + row_count > options.queue_row_count_max) {
    ++counters.overload_count;
    return fail(ErrorCode::kOverloaded, "Model is overloaded",
                fmt::format("{} rows wait, of at most {}: try again in a second", row_counts[0] + row_counts[1],
                            options.queue_row_count_max));
  }
  if (options.queue_time_max.count() > 0 && !work.waits_any_time && row_count > 0) {
    const double wait = wait_seconds(work.priority);
    if (wait > seconds(options.queue_time_max)) {
      ++counters.late_count;
      return fail(
          ErrorCode::kOverloaded, "Model is overloaded",
          fmt::format("expected to wait {:.1f} seconds, of at most {:.1f}", wait, seconds(options.queue_time_max)));
    }
  }
  return {};
}

// Holds the lock. A row goes into the queue, or joins an equal one that is there.
void Scheduler::Impl::attach(const std::shared_ptr<Request>& request, std::size_t row, const std::string& key) {
  std::weak_ptr<Entry>& known = in_flight[key];
  auto entry = known.lock();
  if (entry) {
    ++counters.shared_row_count;
  } else {
    // An equal row of the same request joins this entry: nobody reads this one again.
    std::string& text = request->work.rows[row];
    const std::size_t cost = request->work.encoder->cost(text);
    entry = std::make_shared<Entry>(Entry{.key = key, .row = std::move(text), .cost = cost});
    known = entry;
  }
  entry->waiting.emplace_back(request, row);
  ++request->missing_count;
  if (!entry->taken) {
    request->queue_cost += entry->cost;
    request->queue.push_back(std::move(entry));
    ++row_counts[static_cast<std::size_t>(request->work.priority)];
  }
}

// Holds the lock.
void Scheduler::Impl::end(const std::shared_ptr<Request>& request, std::optional<Error> error, Calls& calls) {
  if (request->ended) {
    return;
  }
  request->ended = true;
  const auto priority = static_cast<std::size_t>(request->work.priority);
  row_counts[priority] -= request->queue.size();
  request->queue.clear();
  request->queue_cost = 0;
  std::erase(waiting[priority], request);
  if (error) {
    calls.push_back([request, error = *std::move(error)] { request->on_work(std::unexpected(error)); });
    return;
  }
  if (request->started) {
    request->result.queue_ms = milliseconds(*request->started - request->submitted);
    request->result.inference_ms = milliseconds(Clock::now() - *request->started);
  }
  calls.push_back([request] { request->on_work(std::move(request->result)); });
}

// Holds the lock.
void Scheduler::Impl::drop_late(Calls& calls) {
  const auto now = Clock::now();
  std::vector<std::shared_ptr<Request>> timed_out;
  std::vector<std::shared_ptr<Request>> late;
  for (const auto& requests : waiting) {
    for (const auto& request : requests) {
      if (request->work.deadline && *request->work.deadline <= now) {
        timed_out.push_back(request);
      } else if (options.queue_time_max.count() > 0 && !request->work.waits_any_time && !request->started &&
                 now - request->submitted > options.queue_time_max) {
        late.push_back(request);
      }
    }
  }
  for (const auto& request : timed_out) {
    ++counters.timeout_count;
    end(request, Error{ErrorCode::kTimeout, "the request's time was over before its turn came", {}}, calls);
  }
  for (const auto& request : late) {
    ++counters.late_count;
    end(request,
        Error{ErrorCode::kOverloaded, "Model is overloaded",
              fmt::format("waited {:.1f} seconds, of at most {:.1f}", seconds(now - request->submitted),
                          seconds(options.queue_time_max))},
        calls);
  }
}

// Holds the lock. Bulk work gets its share however much interactive work comes.
std::size_t Scheduler::Impl::choose_priority() {
  const bool bulk_turn = interactive_batches + 1 >= options.bulk_batch_every;
  if (waiting[0].empty() || (!waiting[1].empty() && bulk_turn)) {
    interactive_batches = 0;
    return 1;
  }
  ++interactive_batches;
  return 0;
}

// Holds the lock. Every request of the first one's model gives a share in turn until the batch is full.
Scheduler::Impl::Batch Scheduler::Impl::take_batch(Calls& calls) {
  drop_late(calls);
  Batch batch;
  if (waiting[0].empty() && waiting[1].empty()) {
    return batch;
  }
  const std::size_t priority = choose_priority();
  auto& requests = waiting[priority];
  batch.priority = static_cast<Priority>(priority);
  batch.encoder = requests.front()->work.encoder;
  const std::size_t cost_max = batch.encoder->batch_cost_max();
  bool full = false;
  for (bool taken = true; taken && !full;) {
    taken = false;
    for (std::size_t turn = requests.size(); turn > 0 && !full; --turn) {
      auto request = requests.front();
      requests.pop_front();
      const bool same = request->work.encoder->identity() == batch.encoder->identity();
      for (std::size_t i = 0; same && !request->queue.empty() && i < options.turn_row_count; ++i) {
        const auto& entry = request->queue.front();
        full = !entry->taken && !batch.entries.empty() &&
               (batch.cost + entry->cost > cost_max || batch.entries.size() == options.batch_row_count_max);
        if (full) {
          break;
        }
        if (!std::exchange(entry->taken, true)) {
          batch.cost += entry->cost;
          batch.entries.push_back(entry);
        }
        request->started = request->started.value_or(Clock::now());
        request->queue_cost -= entry->cost;
        request->queue.pop_front();
        --row_counts[priority];
        taken = true;
      }
      if (!request->queue.empty()) {
        requests.push_back(std::move(request));
      }
    }
  }
  return batch;
}

// Holds the lock.
void Scheduler::Impl::finish(const Batch& batch, Rows rows, Calls& calls) {
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const auto& entry = batch.entries[i];
    in_flight.erase(entry->key);
    for (const auto& [request, row] : entry->waiting) {
      if (request->ended) {
        continue;
      }
      request->result.rows[row] = rows[i];
      // One that joined a row of another's before its own turn.
      if (!request->started) {
        request->started = Clock::now();
      }
      if (--request->missing_count == 0) {
        end(request, std::nullopt, calls);
      }
    }
    if (!rows[i].report.error) {
      cache.put(entry->key, std::move(rows[i]));
    }
  }
}

void Scheduler::Impl::run_batch(const Batch& batch) {
  std::vector<std::string_view> rows;
  for (const auto& entry : batch.entries) {
    rows.emplace_back(entry->row);
  }
  const auto begin = Clock::now();
  auto vectors = encode_rows(*batch.encoder, rows);
  const BatchReport report{
      .row_count = rows.size(),
      .cost = batch.cost,
      .priority = batch.priority,
      .inference_ms = milliseconds(Clock::now() - begin),
      .failed = std::ranges::all_of(vectors, [](const RowVector& row) { return row.report.error.has_value(); })};
  Calls calls;
  {
    const std::scoped_lock lock(mutex);
    running_since.reset();
    measure(batch, report.inference_ms / 1000.0);
    ++counters.batch_count;
    finish(batch, std::move(vectors), calls);
  }
  for (const auto& call : calls) {
    call();
  }
  if (on_batch) {
    on_batch(report);
  }
}

void Scheduler::Impl::run() {
  for (;;) {
    Calls calls;
    Batch batch;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return stopping || !waiting[0].empty() || !waiting[1].empty(); });
      if (stopping && waiting[0].empty() && waiting[1].empty()) {
        return;
      }
      batch = take_batch(calls);
      if (!batch.entries.empty()) {
        running_since = Clock::now();
        running_seconds_expected = expected_seconds(*batch.encoder, batch.cost);
      }
      calling = true;
    }
    for (const auto& call : calls) {
      call();
    }
    if (!batch.entries.empty()) {
      run_batch(batch);
    }
    {
      const std::scoped_lock lock(mutex);
      calling = false;
    }
    changed.notify_all();  // drain() waits for the queue to be empty and all to be told
  }
}

void WorkHandle::cancel() {
  if (cancel_) {
    cancel_();
  }
}

Scheduler::Scheduler(const SchedulerOptions& options, std::function<void(const BatchReport&)> on_batch)
    : impl_(std::make_shared<Impl>(options, std::move(on_batch))) {
  impl_->worker = std::jthread([impl = impl_.get()] { impl->run(); });
}

Scheduler::~Scheduler() {
  drain();
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->worker.join();
}

Result<WorkHandle> Scheduler::submit(Work work, OnWork on_work) {
  auto request = std::make_shared<Request>(Request{.work = std::move(work), .on_work = std::move(on_work)});
  const auto& rows = request->work.rows;
  if (request->work.encoder->immediate() || rows.empty()) {
    const std::vector<std::string_view> views(rows.begin(), rows.end());
    auto vectors = encode_rows(*request->work.encoder, views);
    request->on_work(
        WorkResult{.rows = std::move(vectors), .inference_ms = milliseconds(Clock::now() - request->submitted)});
    return WorkHandle();
  }
  request->result.rows.resize(rows.size());
  std::vector<std::pair<std::size_t, std::string>> missing;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string key = vector_key(request->work.encoder->identity(), rows[i]);
    if (auto cached = impl_->cache.find(key)) {
      request->result.rows[i] = *std::move(cached);
    } else {
      missing.emplace_back(i, std::move(key));
    }
  }
  request->result.cached_row_count = rows.size() - missing.size();
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->counters.cache_hit_count += request->result.cached_row_count;
    impl_->counters.cache_miss_count += missing.size();
    if (auto admitted = impl_->admit(request->work, missing.size()); !admitted) {
      return std::unexpected(admitted.error());
    }
    for (const auto& [row, key] : missing) {
      impl_->attach(request, row, key);
    }
    if (!request->queue.empty()) {
      impl_->waiting[static_cast<std::size_t>(request->work.priority)].push_back(request);
    }
  }
  if (missing.empty()) {
    request->on_work(std::move(request->result));
    return WorkHandle();
  }
  impl_->changed.notify_all();
  return WorkHandle([impl = std::weak_ptr(impl_), weak = std::weak_ptr(request)] {
    const auto owner = impl.lock();
    const auto cancelled = weak.lock();
    if (!owner || !cancelled) {
      return;
    }
    Impl::Calls calls;
    {
      const std::scoped_lock lock(owner->mutex);
      if (!cancelled->ended) {
        ++owner->counters.cancelled_count;
        owner->end(cancelled, Error{ErrorCode::kCancelled, "the client has gone", {}}, calls);
      }
    }
    for (const auto& call : calls) {
      call();
    }
  });
}

void Scheduler::drain() {
  std::unique_lock lock(impl_->mutex);
  impl_->draining = true;
  impl_->changed.wait(lock, [&] { return impl_->waiting[0].empty() && impl_->waiting[1].empty() && !impl_->calling; });
}

SchedulerStatus Scheduler::status() const {
  const std::scoped_lock lock(impl_->mutex);
  SchedulerStatus out = impl_->counters;
  out.interactive_row_count = impl_->row_counts[0];
  out.bulk_row_count = impl_->row_counts[1];
  out.interactive_wait_seconds = impl_->wait_seconds(Priority::kInteractive);
  out.bulk_wait_seconds = impl_->wait_seconds(Priority::kBulk);
  out.cache_size_bytes = impl_->cache.size_bytes();
  if (impl_->running_since) {
    out.running_seconds = seconds(Clock::now() - *impl_->running_since);
  }
  return out;
}

std::chrono::seconds Scheduler::retry_after(Priority priority) const {
  const std::scoped_lock lock(impl_->mutex);
  const double over = impl_->wait_seconds(priority) - seconds(impl_->options.queue_time_max);
  const bool bounded = impl_->options.queue_time_max.count() > 0;
  return std::chrono::seconds(bounded ? std::max(1L, std::lround(std::ceil(over))) : 1L);
}

}  // namespace asterism
