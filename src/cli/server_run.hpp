// Running a server until somebody stops it: what `asterism serve` and `asterism atlas` share.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "cli/console.hpp"
#include "server/embed_server.hpp"

namespace asterism::cli {

inline constexpr std::size_t kLargestPort = 65535;

// SIGINT and SIGTERM of the process, taken by a thread of its own: handlers may do next to nothing. To be made before
// any other thread, which then leaves the signals alone too.
class StopSignals {
 public:
  StopSignals();
  int wait() const;

 private:
  sigset_t signals_{};
};

// Starts it, tells `on_started` its addresses, and serves until the first signal; a second ends the process at once.
Result<int> run_server(const StopSignals& signals, server::EmbedServerOptions options, Console& console,
                       const std::function<void(const std::vector<std::string>& addresses)>& on_started);

}  // namespace asterism::cli
