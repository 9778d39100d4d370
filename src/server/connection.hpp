// One connection of the HTTP server: requests in, answers out, one after the other. Written as callbacks: GCC 12
// destroys temporaries of coroutines twice (found by the address sanitizer). Over any of asio's streams; the only file
// beside http_server.cpp that knows Boost.
//
// Thread-safety: everything runs on the executor of the stream; answers are posted there from wherever they are made.
#pragma once

#include <atomic>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <mutex>
#include <string>
#include <unordered_set>

#include "server/http_message.hpp"
#include "server/http_server.hpp"

namespace asterism::server {

// Sockets of connections that wait for a request, to be closed when no more are taken. Thread-safe.
class IdleSockets {
 public:
  // False once they are being closed.
  bool add(int descriptor);
  void remove(int descriptor);
  // Their clients see the end of the connection, and no request is cut.
  void close_all();

 private:
  std::mutex mutex_;
  std::unordered_set<int> descriptors_;
  bool closing_ = false;
};

// What all connections of a server share.
struct ConnectionContext {
  const HttpServerOptions& options;
  Application& application;
  std::atomic<bool> draining = false;
  std::atomic<std::size_t> connection_count = 0;
  IdleSockets idle = {};
};

using TcpStream = boost::beast::tcp_stream;
using LocalStream = boost::beast::basic_stream<boost::asio::local::stream_protocol>;
using TlsStream = boost::asio::ssl::stream<TcpStream>;

// Serves `stream` to its end, on its executor. `context` must outlive that executor's loop.
void serve(TcpStream stream, ConnectionContext& context, std::string client);
void serve(LocalStream stream, ConnectionContext& context, std::string client);
// Shakes hands first.
void serve(TlsStream stream, ConnectionContext& context, std::string client);

}  // namespace asterism::server
