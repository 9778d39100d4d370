#include "base/thread_pool.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace asterism {

struct ThreadPool::Impl {
  using Body = std::function<void(std::size_t, std::size_t)>;

  std::mutex mutex;
  std::condition_variable start;
  std::condition_variable done;
  std::uint64_t generation = 0;  // one per parallel_for: workers wake when it moves
  std::size_t busy_count = 0;
  bool stopping = false;
  const Body* body = nullptr;
  std::size_t count = 0;
  std::size_t chunk = 1;
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> workers;

  void drain() {
    for (;;) {
      const std::size_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= count) {
        return;
      }
      (*body)(begin, std::min(begin + chunk, count));
    }
  }

  void work() {
    std::uint64_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        start.wait(lock, [&] { return stopping || generation != seen; });
        if (stopping) {
          return;
        }
        seen = generation;
      }
      drain();
      const std::scoped_lock lock(mutex);
      if (--busy_count == 0) {
        done.notify_one();
      }
    }
  }
};

ThreadPool::ThreadPool(std::size_t thread_count) : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 1; i < thread_count; ++i) {
    impl_->workers.emplace_back([impl = impl_.get()] { impl->work(); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->start.notify_all();
}

std::size_t ThreadPool::thread_count() const noexcept {
  return impl_->workers.size() + 1;
}

void ThreadPool::parallel_for(std::size_t count, std::size_t chunk,
                              const std::function<void(std::size_t, std::size_t)>& body) {
  chunk = std::max<std::size_t>(chunk, 1);
  if (impl_->workers.empty() || count <= chunk) {
    for (std::size_t begin = 0; begin < count; begin += chunk) {
      body(begin, std::min(begin + chunk, count));
    }
    return;
  }
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->body = &body;
    impl_->count = count;
    impl_->chunk = chunk;
    impl_->next.store(0, std::memory_order_relaxed);
    impl_->busy_count = impl_->workers.size();
    ++impl_->generation;
  }
  impl_->start.notify_all();
  impl_->drain();
  std::unique_lock lock(impl_->mutex);
  impl_->done.wait(lock, [&] { return impl_->busy_count == 0; });
}

std::size_t available_processor_count() noexcept {
  std::size_t count = std::max(1U, std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    count = static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  }
  // cgroup v2 quota: "max 100000" or "<quota> <period>", both in microseconds.
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  std::uint64_t period = 0;
  if (quota_file >> quota >> period && quota != "max" && period > 0) {
    const std::uint64_t value = std::strtoull(quota.c_str(), nullptr, 10);
    count = std::min<std::size_t>(count, std::max<std::uint64_t>(1, (value + period - 1) / period));
  }
  return count;
}

}  // namespace asterism
