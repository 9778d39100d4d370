// Work of a server that is too long for the thread of a connection and is no batch of a model: tokenising much text,
// fetching, writing to a collection.
//
// Ownership: owns its threads; drain() or the destructor ends them. Thread-safety: any thread; tasks must not throw.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

struct TaskQueueOptions {
  std::size_t thread_count = 1;
  std::size_t task_count_max = 256;  // waiting
};

class TaskQueue {
 public:
  explicit TaskQueue(const TaskQueueOptions& options);
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // kOverloaded when it is full, kUnavailable after drain().
  Result<void> post(std::function<void()> task);
  // Takes nothing more, and returns when all that waited is done.
  void drain();
  std::size_t waiting_count() const;

 private:
  void run();

  const TaskQueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool draining_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace asterism
