// One queue in front of all models: who is served next, what shares a batch, what need not be computed.
//
// Requests wait by priority; rows of different requests of one model share a batch up to a budget, and a large request
// is taken share by share, so that it does not stand in the way of small ones. Equal rows that are in flight or cached
// are computed once. When a batch fails its rows are run alone, so that one costs only itself. What cannot begin within
// the time given is refused when it comes: how long that is follows from what waits and from what batches have taken.
//
// Ownership: owns its worker thread; drain() or the destructor ends it. Thread-safety: any thread. OnWork is called
// once a request, on the worker or on the thread of submit(), and must not block. Cost: submit() hashes every row;
// models that need microseconds a text (static ones) are run at once on the calling thread. With a bound in time it
// also looks at every request that waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "scheduler/vector_cache.hpp"

namespace asterism {

enum class Priority : std::uint8_t { kInteractive, kBulk };

// What computes. LoadedModel's encoder, or a test's own.
class RowEncoder {
 public:
  virtual ~RowEncoder() = default;
  // A result for every row.
  virtual Result<std::vector<RowVector>> encode(std::span<const std::string_view> rows) const = 0;
  // Part of what vectors are kept under: model, files, and whether rows are texts or images.
  virtual const std::string& identity() const = 0;
  // The share of a batch that a row takes: its tokens, about, or the pixels the model sees.
  virtual std::size_t cost(std::string_view row) const = 0;
  virtual std::size_t batch_cost_max() const = 0;
  // So cheap that waiting for others would cost more.
  virtual bool immediate() const = 0;
};

struct SchedulerOptions {
  std::size_t queue_row_count_max = 8192;  // waiting, of all models; one past it is kOverloaded
  // How long a request may wait until its first row is run; 0 = any time. kOverloaded: one that would wait longer, or
  // has.
  std::chrono::milliseconds queue_time_max{0};
  std::size_t batch_row_count_max = 512;
  std::size_t cache_size_bytes = std::size_t{64} << 20;  // 0 = no cache
  // While both priorities wait, one batch in so many is bulk.
  std::size_t bulk_batch_every = 4;
  // A batch takes so many rows of a request before the next request's turn.
  std::size_t turn_row_count = 32;
};

struct Work {
  std::shared_ptr<const RowEncoder> encoder;
  std::vector<std::string> rows;
  Priority priority = Priority::kInteractive;
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  bool waits_any_time = false;  // no client waits for it: `queue_time_max` is not asked
};

struct WorkResult {
  std::vector<RowVector> rows;  // as they were given; a row's report may hold an error
  std::size_t cached_row_count = 0;
  double queue_ms = 0.0;      // until its first row was run
  double inference_ms = 0.0;  // from there to its last
};
using OnWork = std::function<void(Result<WorkResult>)>;

struct BatchReport {
  std::size_t row_count = 0;
  std::size_t cost = 0;
  Priority priority = Priority::kInteractive;
  double inference_ms = 0.0;
  bool failed = false;
};

struct SchedulerStatus {
  std::size_t interactive_row_count = 0;  // waiting
  std::size_t bulk_row_count = 0;
  std::uint64_t batch_count = 0;
  std::uint64_t cache_hit_count = 0;
  std::uint64_t cache_miss_count = 0;
  std::uint64_t shared_row_count = 0;     // joined one in flight
  double interactive_wait_seconds = 0.0;  // that a request would wait which came now, as far as models were measured
  double bulk_wait_seconds = 0.0;
  std::uint64_t overload_count = 0;  // refused because too many rows waited
  std::uint64_t late_count = 0;      // refused because the wait would be, or was, too long
  std::uint64_t timeout_count = 0;
  std::uint64_t cancelled_count = 0;
  std::size_t cache_size_bytes = 0;
  std::optional<double> running_seconds = {};  // of the batch that runs now
};

// Of one request. Copies are the same request.
class WorkHandle {
 public:
  WorkHandle() = default;
  // The client has gone: rows that still wait are dropped, OnWork gets kCancelled. After the end: nothing.
  void cancel();

 private:
  friend class Scheduler;
  explicit WorkHandle(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  std::function<void()> cancel_;
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options, std::function<void(const BatchReport&)> on_batch = {});
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // kOverloaded when the queue is full, kUnavailable after drain(): OnWork is not called then.
  Result<WorkHandle> submit(Work work, OnWork on_work);
  // Takes nothing more, and returns when all that waited is done.
  void drain();
  SchedulerStatus status() const;
  // When a request that was refused would be taken: at least one second.
  std::chrono::seconds retry_after(Priority priority) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace asterism
