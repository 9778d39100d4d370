// Loops over the texts of a call, on threads that are made by the first call with enough to share.
//
// For encoders that need microseconds a text. Ownership: owns its threads. Thread-safety: any thread; calls that share
// the threads wait for each other, small ones run where they are.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

#include "base/thread_pool.hpp"

namespace asterism {

class TextLoop {
 public:
  // Ranges of `chunk` texts at most are handed to the threads; a call of no more than that stays on its own.
  TextLoop(std::size_t thread_count, std::size_t chunk) : thread_count_(thread_count), chunk_(chunk) {}

  void run(std::size_t text_count, const std::function<void(std::size_t begin, std::size_t end)>& body) const {
    if (text_count <= chunk_ || thread_count_ == 1) {
      body(0, text_count);
      return;
    }
    const std::scoped_lock lock(mutex_);
    if (!pool_) {
      pool_ = std::make_unique<ThreadPool>(thread_count_);
    }
    pool_->parallel_for(text_count, chunk_, body);
  }

 private:
  std::size_t thread_count_;
  std::size_t chunk_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<ThreadPool> pool_;
};

}  // namespace asterism
