// The first error of several threads.
//
// Thread-safety: any thread may set and ask; take() when they have ended, or to hand the error on.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "asterism/error.hpp"

namespace asterism {

class FirstError {
 public:
  void set(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) {
      error_ = std::move(error);
    }
    is_set_.store(true, std::memory_order_release);
  }
  bool is_set() const noexcept { return is_set_.load(std::memory_order_acquire); }
  std::optional<Error> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(error_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<Error> error_;
  std::atomic<bool> is_set_{false};
};

}  // namespace asterism
