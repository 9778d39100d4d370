#include "server/worker_pool.hpp"

#include <fmt/format.h>

#include <utility>

namespace asterism::server {

WorkerPool::WorkerPool(std::string_view name, std::size_t thread_count, std::size_t waiting_count_max)
    : name_(name), waiting_count_max_(waiting_count_max) {
  for (std::size_t i = 0; i < thread_count; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    wake_.notify_all();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

Result<void> WorkerPool::post(std::function<void()> task) {
  const std::scoped_lock lock(mutex_);
  if (ending_) {
    return fail(ErrorCode::kUnavailable, "the server is shutting down");
  }
  if (waiting_.size() >= waiting_count_max_) {
    return fail(ErrorCode::kOverloaded, fmt::format("{}: {} wait already", name_, waiting_.size()), "try again later");
  }
  waiting_.push_back(std::move(task));
  wake_.notify_one();
  return {};
}

void WorkerPool::post_rest(std::function<void()> task) {
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(std::move(task));
  wake_.notify_one();
}

std::size_t WorkerPool::waiting_count() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

void WorkerPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) {
      return;
    }
    auto task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes before the lock comes
    lock.lock();
  }
}

}  // namespace asterism::server
