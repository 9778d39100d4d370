#include "cli/interrupt.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace asterism::cli {
namespace {

constexpr int kCancelledExitCode = 130;
// One request may arrive as two signals (`timeout` and some shells signal the process and then its group): a second one
// sooner than a person's finger is the same one.
constexpr std::int64_t kSecondSignalDelayMs = 300;

// A signal handler takes no argument: what it works on has to have static storage.
struct Interrupt {
  CancelFlag flag;
  std::atomic<std::int64_t> first_ms{0};
};

Interrupt& interrupt() noexcept {
  static constinit Interrupt state;
  return state;
}

std::int64_t monotonic_ms() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

extern "C" void on_interrupt(int) {
  Interrupt& state = interrupt();
  const std::int64_t now_ms = monotonic_ms();
  if (!state.flag.requested()) {
    state.first_ms.store(now_ms, std::memory_order_relaxed);
    state.flag.request();
  } else if (now_ms - state.first_ms.load(std::memory_order_relaxed) >= kSecondSignalDelayMs) {
    ::_exit(kCancelledExitCode);
  }
}

}  // namespace

const CancelFlag& cancel_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  // A blocking read of stdin must return so that the job sees the flag: no SA_RESTART.
  action.sa_flags = 0;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  return interrupt().flag;
}

}  // namespace asterism::cli
