#include "scheduler/task_queue.hpp"

#include <fmt/format.h>

#include <utility>

namespace asterism {

TaskQueue::TaskQueue(const TaskQueueOptions& options) : options_(options) {
  for (std::size_t i = 0; i < options_.thread_count; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

TaskQueue::~TaskQueue() {
  drain();
}

Result<void> TaskQueue::post(std::function<void()> task) {
  {
    const std::scoped_lock lock(mutex_);
    if (draining_) {
      return fail(ErrorCode::kUnavailable, "the server is shutting down");
    }
    if (tasks_.size() >= options_.task_count_max) {
      return fail(ErrorCode::kOverloaded, "Model is overloaded",
                  fmt::format("{} large requests wait: try again in a second", tasks_.size()));
    }
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return {};
}

void TaskQueue::drain() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(mutex_);
    draining_ = true;
    threads = std::exchange(threads_, {});
  }
  changed_.notify_all();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

std::size_t TaskQueue::waiting_count() const {
  const std::scoped_lock lock(mutex_);
  return tasks_.size();
}

void TaskQueue::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return draining_ || !tasks_.empty(); });
    if (tasks_.empty()) {
      return;
    }
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace asterism
