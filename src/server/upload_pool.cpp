#include "server/upload_pool.hpp"

#include <fmt/format.h>

#include <chrono>
#include <system_error>
#include <utility>

namespace asterism::server {
namespace {

constexpr std::chrono::seconds kIdleTime{10};

void join_all(std::vector<std::thread> threads) {
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace

UploadPool::UploadPool(std::string_view name, std::size_t upload_count_max)
    : name_(name), upload_count_max_(upload_count_max) {}

UploadPool::~UploadPool() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  for (const auto& flag : cancels_) {
    if (const auto running = flag.lock()) {
      running->request();
    }
  }
  wake_.notify_all();
  thread_ended_.wait(lock, [&] { return threads_.empty(); });
  lock.unlock();
  join_all(std::move(ended_));
}

Result<void> UploadPool::post(Task task) {
  std::vector<std::thread> ended;
  {
    const std::scoped_lock lock(mutex_);
    if (ending_) {
      return fail(ErrorCode::kUnavailable, "the server is shutting down");
    }
    if (upload_count_ >= upload_count_max_) {
      return fail(ErrorCode::kOverloaded, fmt::format("{}: {} are being read", name_, upload_count_),
                  "try again later");
    }
    waiting_.push_back(std::move(task));
    if (idle_count_ >= waiting_.size()) {
      wake_.notify_one();
    } else {
      const auto self = threads_.emplace(threads_.end());
      try {
        *self = std::thread([this, self] { run(self); });
      } catch (const std::system_error&) {
        threads_.erase(self);
        waiting_.pop_back();
        return fail(ErrorCode::kOverloaded, fmt::format("{}: the system gives no thread more", name_),
                    "try again later");
      }
    }
    ++upload_count_;
    ended = std::exchange(ended_, {});
  }
  join_all(std::move(ended));
  return {};
}

std::size_t UploadPool::upload_count() const {
  const std::scoped_lock lock(mutex_);
  return upload_count_;
}

std::size_t UploadPool::thread_count() const {
  const std::scoped_lock lock(mutex_);
  return threads_.size();
}

void UploadPool::run(Thread self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_count_;
    wake_.wait_for(lock, kIdleTime, [&] { return ending_ || !waiting_.empty(); });
    --idle_count_;
    if (waiting_.empty()) {
      break;
    }
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    const auto cancel = std::make_shared<CancelFlag>();
    if (ending_) {
      cancel->request();
    }
    const auto kept = cancels_.insert(cancels_.end(), cancel);
    lock.unlock();
    task(cancel);
    task = nullptr;  // what it holds goes before the lock comes
    lock.lock();
    cancels_.erase(kept);
    --upload_count_;
  }
  ended_.push_back(std::move(*self));
  threads_.erase(self);
  thread_ended_.notify_all();
}

}  // namespace asterism::server
