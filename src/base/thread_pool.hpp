// The one thread pool outside the inference backend's own.
//
// ThreadPool(n) runs parallel loops on n threads in all: n - 1 workers and the caller. n = 1 starts no thread.
// Thread-safety: one parallel_for at a time; bodies must not throw and must not call parallel_for on the same pool.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace asterism {

class ThreadPool {
 public:
  explicit ThreadPool(std::size_t thread_count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t thread_count() const noexcept;
  // Calls body(begin, end) over [0, count) in chunks of at most `chunk` taken from a shared counter; returns when all
  // are done.
  void parallel_for(std::size_t count, std::size_t chunk,
                    const std::function<void(std::size_t begin, std::size_t end)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Processors this process may use (affinity and cgroup quota considered); at least 1.
std::size_t available_processor_count() noexcept;

}  // namespace asterism
