#include "server/http_server.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>

#include "server/connection.hpp"

namespace asterism::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

constexpr int kFirstActivatedSocket = 3;  // sd_listen_fds(3)
constexpr std::chrono::milliseconds kDrainPoll{20};
constexpr std::chrono::milliseconds kAcceptRetry{50};  // when no descriptor is left

std::unexpected<Error> cannot_listen(const std::string& address, const error_code& error, std::string hint = {}) {
  return fail(ErrorCode::kIo, fmt::format("{}: expected an address to listen on, found: {}", address, error.message()),
              std::move(hint));
}

std::size_t activated_socket_count() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::to_string(::getpid()) != pid) {
    return 0;
  }
  std::size_t value = 0;
  std::from_chars(count, count + std::string_view(count).size(), value);
  return std::min(value, std::size_t{16});
}

std::string address_text(const tcp::endpoint& endpoint, bool tls) {
  const std::string host =
      endpoint.address().is_v6() ? fmt::format("[{}]", endpoint.address().to_string()) : endpoint.address().to_string();
  return fmt::format("{}://{}:{}", tls ? "https" : "http", host, endpoint.port());
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpServerOptions given, Application& application)
      : options(std::move(given)), context{.options = options, .application = application} {
    for (std::size_t i = 1; i < options.thread_count; ++i) {
      loops.push_back(std::make_unique<asio::io_context>(1));
    }
  }

  HttpServerOptions options;
  ConnectionContext context;
  std::vector<std::unique_ptr<asio::io_context>> loops;
  asio::steady_timer retry{*loops.emplace_back(std::make_unique<asio::io_context>(1))};
  std::vector<tcp::acceptor> tcp_acceptors;
  std::vector<stream_protocol::acceptor> local_acceptors;
  std::optional<asio::ssl::context> tls;
  std::vector<std::string> addresses;
  std::atomic<std::size_t> next_loop = 0;

  asio::io_context& main_loop() { return *loops.front(); }
  asio::io_context& choose_loop() { return *loops[next_loop++ % loops.size()]; }

  Result<void> open_tls();
  Result<void> open_tcp();
  Result<void> open_local();
  Result<void> take_activated();
  template <typename Acceptor>
  void accept(Acceptor& acceptor);
  void begin(tcp::socket socket);
  void begin(stream_protocol::socket socket);
  void close_acceptors();
  void await_drained(std::chrono::steady_clock::time_point end);
  bool admit_connection() const;
};

Result<void> HttpServer::Impl::open_tls() {
  if (options.tls_certificate_file.empty() && options.tls_key_file.empty()) {
    return {};
  }
  if (options.tls_certificate_file.empty() || options.tls_key_file.empty()) {
    return fail(ErrorCode::kInvalidArgument, "TLS: expected a certificate and its key, found one of them");
  }
  tls.emplace(asio::ssl::context::tls_server);
  error_code error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                       asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                   error);
  if (tls->use_certificate_chain_file(options.tls_certificate_file, error); error) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a certificate in PEM form, found: {}",
                                                 options.tls_certificate_file, error.message()));
  }
  if (tls->use_private_key_file(options.tls_key_file, asio::ssl::context::pem, error); error) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected the certificate's key in PEM form, found: {}",
                                                 options.tls_key_file, error.message()));
  }
  return {};
}

Result<void> HttpServer::Impl::open_tcp() {
  error_code error;
  const auto address = asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
  if (error) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--host: expected an IP address of this machine, found \"{}\"", options.host),
                "127.0.0.1 serves this machine alone, 0.0.0.0 every network");
  }
  const tcp::endpoint endpoint(address, options.port);
  tcp::acceptor acceptor(main_loop());
  acceptor.open(endpoint.protocol(), error);
  if (!error) {
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
    acceptor.bind(endpoint, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return cannot_listen(address_text(endpoint, tls.has_value()), error,
                         "choose another --port, or end the program that has it");
  }
  addresses.push_back(address_text(acceptor.local_endpoint(), tls.has_value()));
  tcp_acceptors.push_back(std::move(acceptor));
  return {};
}

Result<void> HttpServer::Impl::open_local() {
  const std::string& path = options.unix_socket;
  const std::string name = "unix:" + path;
  if (path.size() >= sizeof(sockaddr_un{}.sun_path)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a path of less than {} bytes, found {}", name,
                                                         sizeof(sockaddr_un{}.sun_path), path.size()));
  }
  error_code error;
  stream_protocol::socket probe(main_loop());
  if (probe.connect(stream_protocol::endpoint(path), error); !error) {
    return cannot_listen(name, asio::error::make_error_code(asio::error::address_in_use),
                         "another program serves it: choose another path");
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected no file there, found one", name));
    }
    ::unlink(path.c_str());  // left by a server that was killed
  }
  stream_protocol::acceptor acceptor(main_loop());
  acceptor.open(stream_protocol(), error);
  acceptor.bind(stream_protocol::endpoint(path), error);
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return cannot_listen(name, error);
  }
  addresses.push_back(name);
  local_acceptors.push_back(std::move(acceptor));
  return {};
}

Result<void> HttpServer::Impl::take_activated() {
  const auto count = static_cast<int>(activated_socket_count());
  for (int descriptor = kFirstActivatedSocket; descriptor < kFirstActivatedSocket + count; ++descriptor) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    error_code error;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return fail(ErrorCode::kIo, fmt::format("LISTEN_FDS: expected {} to be a listening socket", descriptor));
    }
    if (address.ss_family == AF_UNIX) {
      stream_protocol::acceptor acceptor(main_loop());
      acceptor.assign(stream_protocol(), descriptor, error);
      addresses.push_back("unix: given by the service manager");
      local_acceptors.push_back(std::move(acceptor));
    } else {
      tcp::acceptor acceptor(main_loop());
      acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, error);
      addresses.push_back(address_text(acceptor.local_endpoint(error), tls.has_value()));
      tcp_acceptors.push_back(std::move(acceptor));
    }
    if (error) {
      return cannot_listen(fmt::format("socket {}", descriptor), error);
    }
  }
  return {};
}

bool HttpServer::Impl::admit_connection() const {
  return !context.draining && context.connection_count < options.connection_count_max;
}

template <typename Acceptor>
void HttpServer::Impl::accept(Acceptor& acceptor) {
  using Socket = typename Acceptor::protocol_type::socket;
  const asio::any_io_executor loop = choose_loop().get_executor();
  acceptor.async_accept(loop, [this, &acceptor](const error_code& error, Socket socket) {
    if (error == asio::error::operation_aborted || !acceptor.is_open()) {
      return;
    }
    if (error) {  // no descriptor is left, say: others will close theirs
      retry.expires_after(kAcceptRetry);
      retry.async_wait([this, &acceptor](const error_code&) { accept(acceptor); });
      return;
    }
    if (admit_connection()) {
      // On the loop of the socket, where all that follows runs.
      const auto executor = socket.get_executor();
      asio::post(executor, [this, socket = std::move(socket)]() mutable { begin(std::move(socket)); });
    }
    accept(acceptor);
  });
}

void HttpServer::Impl::begin(tcp::socket socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  std::string client = error ? "unknown" : endpoint.address().to_string();
  socket.set_option(tcp::no_delay(true), error);
  if (tls) {
    serve(TlsStream(TcpStream(std::move(socket)), *tls), context, std::move(client));
  } else {
    serve(TcpStream(std::move(socket)), context, std::move(client));
  }
}

void HttpServer::Impl::begin(stream_protocol::socket socket) {
  serve(LocalStream(std::move(socket)), context, "unix");
}

void HttpServer::Impl::close_acceptors() {
  error_code ignored;
  for (auto& acceptor : tcp_acceptors) {
    acceptor.close(ignored);
  }
  for (auto& acceptor : local_acceptors) {
    acceptor.close(ignored);
  }
  if (!options.unix_socket.empty()) {
    ::unlink(options.unix_socket.c_str());
  }
  context.idle.close_all();
}

void HttpServer::Impl::await_drained(std::chrono::steady_clock::time_point end) {
  if (context.connection_count == 0 || std::chrono::steady_clock::now() >= end) {
    for (auto& loop : loops) {
      loop->stop();
    }
    return;
  }
  retry.expires_after(kDrainPoll);
  retry.async_wait([this, end](const error_code&) { await_drained(end); });
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::listen(const HttpServerOptions& options, Application& application) {
  auto impl = std::make_unique<Impl>(options, application);
  if (auto opened = impl->open_tls(); !opened) {
    return std::unexpected(opened.error());
  }
  const bool activated = options.socket_activation && activated_socket_count() > 0;
  const auto open = [&](bool wanted, Result<void> (Impl::*opener)()) {
    return wanted ? ((*impl).*opener)() : Result<void>{};
  };
  for (const auto& opened : {open(activated, &Impl::take_activated), open(!activated && options.tcp, &Impl::open_tcp),
                             open(!activated && !options.unix_socket.empty(), &Impl::open_local)}) {
    if (!opened) {
      return std::unexpected(opened.error());
    }
  }
  return HttpServer(std::move(impl));
}

const std::vector<std::string>& HttpServer::addresses() const noexcept {
  return impl_->addresses;
}

Result<void> HttpServer::run() {
  for (auto& acceptor : impl_->tcp_acceptors) {
    impl_->accept(acceptor);
  }
  for (auto& acceptor : impl_->local_acceptors) {
    impl_->accept(acceptor);
  }
  const auto serve_loop = [](asio::io_context& loop) {
    const auto guard = asio::make_work_guard(loop);
    loop.run();
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < impl_->loops.size(); ++i) {
    threads.emplace_back([&, i] { serve_loop(*impl_->loops[i]); });
  }
  serve_loop(impl_->main_loop());
  return {};
}

void HttpServer::stop() {
  if (impl_->context.draining.exchange(true)) {
    return;
  }
  asio::post(impl_->main_loop(), [impl = impl_.get()] {
    impl->close_acceptors();
    impl->await_drained(std::chrono::steady_clock::now() + impl->options.drain_time_max);
  });
}

}  // namespace asterism::server
