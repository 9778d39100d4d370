// The job on Boost.Beast: callbacks, a loop a thread, keep-alive.
//
//   asterism_http_beast PORT THREADS
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "http_libraries/job.hpp"

namespace asterism::http_libraries {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kHeaderSizeBytesMax = std::size_t{32} << 10;
constexpr std::size_t kBodySizeBytesMax = std::size_t{1} << 20;
constexpr std::chrono::seconds kTimeMax{30};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(tcp::socket socket) : stream_(std::move(socket)) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(kHeaderSizeBytesMax);
    parser_->body_limit(kBodySizeBytesMax);
    stream_.expires_after(kTimeMax);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](const error_code& error, std::size_t) {
      if (!error) {
        self->answer();
      }
    });
  }

 private:
  void answer() {
    const auto& request = parser_->get();
    const bool known = request.method() == http::verb::post && request.target() == beast::string_view(kPath.data());
    answer_.emplace(known ? http::status::ok : http::status::not_found, 11);
    answer_->set(http::field::content_type, "application/json");
    answer_->keep_alive(request.keep_alive());
    answer_->body() = known ? answer_of(request.body()) : std::string();
    answer_->prepare_payload();
    http::async_write(stream_, *answer_, [self = shared_from_this()](const error_code& error, std::size_t) {
      if (!error && self->answer_->keep_alive()) {
        self->read();
      }
    });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> answer_;
};

class Server {
 public:
  explicit Server(const Arguments& arguments) : loops_(arguments.thread_count) {
    for (auto& loop : loops_) {
      loop = std::make_unique<asio::io_context>(1);
    }
    acceptor_.emplace(*loops_.front(), tcp::endpoint(asio::ip::address_v4::loopback(), arguments.port));
  }

  void run() {
    accept();
    std::vector<std::jthread> threads;
    for (auto& loop : loops_) {
      threads.emplace_back([&loop] {
        const auto guard = asio::make_work_guard(*loop);
        loop->run();
      });
    }
  }

 private:
  void accept() {
    acceptor_->async_accept(*loops_[next_++ % loops_.size()], [this](const error_code& error, tcp::socket socket) {
      if (!error) {
        socket.set_option(tcp::no_delay(true));
        const auto executor = socket.get_executor();
        asio::post(executor,
                   [socket = std::move(socket)]() mutable { std::make_shared<Connection>(std::move(socket))->read(); });
      }
      accept();
    });
  }

  std::vector<std::unique_ptr<asio::io_context>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::size_t next_ = 0;
};

}  // namespace
}  // namespace asterism::http_libraries

int main(int argument_count, char** arguments) {
  using namespace asterism;
  const auto parsed = http_libraries::arguments_of(argument_count, arguments);
  if (parsed.port == 0 || parsed.thread_count == 0) {
    return EXIT_FAILURE;
  }
  http_libraries::Server(parsed).run();
  return EXIT_SUCCESS;
}
