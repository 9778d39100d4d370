#include "cli/interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include "asterism/error.hpp"

namespace asterism::cli {
namespace {

// A signal handler takes no argument: its flag has to have static storage.
CancelFlag& interrupt_flag() noexcept {
  static constinit CancelFlag flag;
  return flag;
}

extern "C" void on_interrupt(int) {
  constexpr int kCancelledExitCode = 130;
  if (interrupt_flag().requested()) {
    ::_exit(kCancelledExitCode);
  }
  interrupt_flag().request();
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
  return interrupt_flag();
}

}  // namespace asterism::cli
