#include "cli/server_run.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <cstdlib>
#include <thread>
#include <utility>

namespace asterism::cli {

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

int StopSignals::wait() const {
  int signal = 0;
  sigwait(&signals_, &signal);
  return signal;
}

Result<int> run_server(const StopSignals& signals, server::EmbedServerOptions options, Console& console,
                       const std::function<void(const std::vector<std::string>& addresses)>& on_started) {
  auto server = server::EmbedServer::start(std::move(options));
  if (!server) {
    return std::unexpected(server.error());
  }
  on_started(server->addresses());
  std::thread stopper([&] {
    signals.wait();
    console.note("finishing what is in flight; a second signal ends at once");
    server->stop();
    signals.wait();
    std::_Exit(error_traits(ErrorCode::kCancelled).exit_code);
  });
  stopper.detach();
  auto done = server->run();
  if (!done) {
    return std::unexpected(done.error());
  }
  return 0;
}

}  // namespace asterism::cli
