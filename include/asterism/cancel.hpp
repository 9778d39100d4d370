// A flag that asks long work to stop. The work polls it between batches and returns kCancelled with what is complete
// kept.
//
// Thread-safety: request() may be called from any thread and from a signal handler.
#pragma once

#include <atomic>

namespace asterism {

class CancelFlag {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> requested_{false};
  static_assert(std::atomic<bool>::is_always_lock_free);
};

}  // namespace asterism
