// Threads for what would hold up a connection's thread: disks, locks, waiting for vectors.
//
// Ownership: owns its threads; the destructor finishes what was taken. Thread-safety: any thread. Cost: one lock a
// task.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "asterism/error.hpp"

namespace asterism::server {

class WorkerPool {
 public:
  // At most `waiting_count_max` tasks wait; `name` stands in errors ("searches").
  WorkerPool(std::string_view name, std::size_t thread_count, std::size_t waiting_count_max);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  // kOverloaded when too many wait; kUnavailable once it is ending. A task must not throw.
  Result<void> post(std::function<void()> task);
  // For the rest of what was taken before: never refused.
  void post_rest(std::function<void()> task);
  std::size_t waiting_count() const;

 private:
  void run();

  const std::string_view name_;
  const std::size_t waiting_count_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace asterism::server
