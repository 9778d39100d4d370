// HTTP/1.1 over TCP, TLS and local sockets (Boost.Beast underneath): listens, reads requests within limits, hands them
// to an Application, writes its answers, and drains.
//
// Ownership: borrows the Application, which must outlive it. Thread-safety: stop() from any thread and from the threads
// of run(). Cost: about 6 KB a connection that waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "server/http_message.hpp"

namespace asterism::server {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0 = one that is free
  bool tcp = true;            // off: only the others
  std::string unix_socket = {};
  // Takes the sockets that systemd has opened (LISTEN_FDS) in place of all the above.
  bool socket_activation = true;
  std::string tls_certificate_file = {};  // PEM, with the chain
  std::string tls_key_file = {};
  std::size_t thread_count = 1;
  std::size_t connection_count_max = 16384;
  std::size_t header_size_bytes_max = std::size_t{32} << 10;
  std::chrono::milliseconds idle_time_max{75'000};    // between requests
  std::chrono::milliseconds header_time_max{10'000};  // from a request's first byte to the end of its headers
  std::chrono::milliseconds body_time_max{60'000};    // from there to the end of its body, for each started MiB of it
  std::chrono::milliseconds write_time_max{60'000};
  std::chrono::milliseconds drain_time_max{30'000};
};

class HttpServer {
 public:
  // Opens the sockets: an address in use or a certificate that cannot be read is an error now.
  static Result<HttpServer> listen(const HttpServerOptions& options, Application& application);
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  ~HttpServer();

  // "http://127.0.0.1:8080", "unix:/run/asterism.sock"
  const std::vector<std::string>& addresses() const noexcept;
  // Serves until stop() has drained: requests in flight are finished, for at most `drain_time_max`.
  Result<void> run();
  // No connection is accepted from here on, and no request begun.
  void stop();

  struct Impl;

 private:
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism::server
