#include "server/connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "server/content_coding.hpp"

namespace asterism::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
// What a connection reads at once while it waits for a request.
constexpr std::size_t kFirstReadSizeBytes = 2048;
// A body whose length is known to be past the limit by no more than this is read and dropped, so that the client sees
// the refusal instead of a broken connection.
constexpr std::size_t kDroppedSizeBytesMax = std::size_t{1} << 20;
constexpr std::size_t kMiB = std::size_t{1} << 20;

Method method_of(http::verb verb) noexcept {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::post:
      return Method::kPost;
    case http::verb::put:
      return Method::kPut;
    case http::verb::patch:
      return Method::kPatch;
    case http::verb::delete_:
      return Method::kDelete;
    case http::verb::head:
      return Method::kHead;
    case http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

std::string to_string(beast::string_view text) {
  return {text.data(), text.size()};
}

HttpRequest make_head(const http::request_header<>& header, const std::string& client) {
  HttpRequest out;
  out.method = method_of(header.method());
  out.method_name = to_string(header.method_string());
  const std::string target = to_string(header.target());
  const std::size_t path_end = std::min(target.find('?'), target.size());
  out.path = percent_decoded(std::string_view(target).substr(0, path_end), false);
  if (path_end < target.size()) {
    out.query = target.substr(path_end + 1);
  }
  for (const auto& field : header) {
    out.headers.push_back({to_string(field.name_string()), to_string(field.value())});
  }
  out.client = client;
  return out;
}

template <typename Stream>
auto& lowest(Stream& stream) {
  return beast::get_lowest_layer(stream);
}

// 0 where what the client sent could be no request, or the client has gone.
int refusal_status(const error_code& error) {
  if (error == http::error::header_limit) {
    return 431;
  }
  if (error == http::error::body_limit) {
    return 413;
  }
  if (error == beast::error::timeout) {
    return 408;
  }
  return error.category() == make_error_code(http::error::bad_method).category() &&
                 error != http::error::end_of_stream && error != http::error::partial_message
             ? 400
             : 0;
}

struct Answer {
  HttpResponse response;
  bool keep_alive = false;
  bool head_only = false;
  bool chunks = false;  // the client understands chunks (HTTP/1.1)
};

std::string head_text(const Answer& answer, std::string_view coding) {
  const HttpResponse& response = answer.response;
  std::string out;
  out.reserve(256);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status, status_reason(response.status));
  if (response.status != 204) {
    fmt::format_to(std::back_inserter(out), "content-type: {}\r\n", response.content_type);
  }
  if (response.stream == nullptr) {
    fmt::format_to(std::back_inserter(out), "content-length: {}\r\n", response.body.size());
  } else if (answer.chunks) {
    out += "transfer-encoding: chunked\r\n";
  }
  if (!coding.empty()) {
    fmt::format_to(std::back_inserter(out), "content-encoding: {}\r\n", coding);
  }
  for (const Header& header : response.headers) {
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", header.name, header.value);
  }
  out += answer.keep_alive ? "\r\n" : "connection: close\r\n\r\n";
  return out;
}

// Waits for the answer on the connection's executor, whichever thread gives it.
asio::awaitable<HttpResponse> response_of(std::shared_ptr<Exchange> exchange) {
  auto executor = co_await asio::this_coro::executor;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(HttpResponse)>(
      [exchange, executor](auto handler) {
        // std::function copies, handlers only move.
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        exchange->on_response([kept, executor](HttpResponse response) {
          asio::post(executor, [kept, response = std::move(response)]() mutable {
            auto resume = std::move(*kept);
            resume(std::move(response));
          });
        });
      },
      asio::use_awaitable);
}

// A piece is there, or the stream has closed.
asio::awaitable<void> stream_changed(std::shared_ptr<asio::steady_timer> timer) {
  (void)co_await timer->async_wait(kTuple);
}

template <typename Stream>
class Connection {
 public:
  Connection(Stream& stream, ConnectionContext& context, std::string client)
      : stream_(stream), context_(context), client_(std::move(client)) {}

  asio::awaitable<void> run() {
    while (co_await wait_for_request()) {
      if (!co_await one_request()) {
        break;
      }
      buffer_.shrink_to_fit();
    }
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  // False when the client has gone, has waited too long, or no more requests are taken.
  asio::awaitable<bool> wait_for_request() {
    if (buffer_.size() > 0) {
      co_return true;
    }
    const int descriptor = lowest(stream_).socket().native_handle();
    if (!context_.idle.add(descriptor)) {
      co_return false;
    }
    lowest(stream_).expires_after(context_.options.idle_time_max);
    const auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(kFirstReadSizeBytes), kTuple);
    context_.idle.remove(descriptor);
    if (error) {
      co_return false;
    }
    buffer_.commit(size);
    co_return true;
  }

  // False when the connection ends with it.
  asio::awaitable<bool> one_request() {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(context_.options.header_size_bytes_max));
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());
    lowest(stream_).expires_after(context_.options.header_time_max);
    const auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, kTuple);
    HttpRequest head = make_head(parser.get(), client_);
    if (error) {
      co_return co_await refuse(head, error);
    }
    Application::Admission admission = context_.application.admit(head);
    const auto length = parser.content_length();
    if (admission.accepted && length && *length > admission.body_size_bytes_max) {
      admission = {.accepted = false,
                   .refusal = context_.application.refuse(head, 413,
                                                          fmt::format("expected a body of at most {} bytes, found {}",
                                                                      admission.body_size_bytes_max, *length))};
    }
    if (context_.draining && admission.accepted) {
      admission = {.accepted = false, .refusal = context_.application.refuse(head, 503, "the server is shutting down")};
    }
    if (!admission.accepted) {
      co_return co_await turn_away(parser, head, std::move(admission.refusal));
    }
    if (!co_await read_body(parser, head, admission.body_size_bytes_max)) {
      co_return false;
    }
    co_return co_await answer(parser, std::move(head));
  }

  asio::awaitable<bool> read_body(Parser& parser, HttpRequest& head, std::size_t size_bytes_max) {
    parser.body_limit(size_bytes_max);
    const std::size_t announced = parser.content_length().value_or(size_bytes_max);
    lowest(stream_).expires_after(context_.options.body_time_max * static_cast<std::int64_t>(1 + announced / kMiB));
    if (!parser.is_done() && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      (void)co_await asio::async_write(stream_, asio::buffer(kContinue), kTuple);
    }
    if (!parser.is_done()) {
      const auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kTuple);
      if (error) {
        (void)co_await refuse(head, error);
        co_return false;
      }
    }
    head.body = std::move(parser.get().body());
    if (const std::string_view coding = head.header("content-encoding"); !coding.empty()) {
      auto decoded = decode_content(head.body, coding, size_bytes_max);
      if (!decoded) {
        const int status = decoded.error().code == ErrorCode::kUnsupported     ? 415
                           : decoded.error().code == ErrorCode::kLimitExceeded ? 413
                                                                               : 400;
        auto refusal = context_.application.refuse(head, status, decoded.error().message);
        co_return co_await write_answer(head, make_answer(parser, head, std::move(refusal)));
      }
      head.body = *std::move(decoded);
    }
    co_return true;
  }

  Answer make_answer(const Parser& parser, const HttpRequest& head, HttpResponse response) const {
    return {.response = std::move(response),
            .keep_alive = parser.keep_alive() && !context_.draining,
            .head_only = head.method == Method::kHead,
            .chunks = parser.get().version() >= 11};
  }

  asio::awaitable<bool> answer(const Parser& parser, HttpRequest head) {
    lowest(stream_).expires_never();
    auto exchange = std::make_shared<Exchange>(std::move(head));
    context_.application.handle(exchange);
    const bool waits = !exchange->answered();
    if (waits) {
      watch(exchange);
    }
    HttpResponse response = co_await response_of(exchange);
    if (waits) {
      error_code ignored;
      lowest(stream_).socket().cancel(ignored);
    }
    const Answer answer = make_answer(parser, exchange->request(), std::move(response));
    const bool whole = co_await write_answer(exchange->request(), answer);
    const double latency_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - exchange->started()).count();
    context_.application.finished(exchange->request(), {.status = whole ? answer.response.status : 0,
                                                        .body_size_bytes = answer.response.body.size(),
                                                        .latency_ms = latency_ms});
    co_return whole&& answer.keep_alive;
  }

  // While the answer is made: readable without data means that the client has gone.
  void watch(const std::shared_ptr<Exchange>& exchange) {
    auto& socket = lowest(stream_).socket();
    socket.async_wait(std::remove_reference_t<decltype(socket)>::wait_read,
                      [&socket, weak = std::weak_ptr(exchange)](const error_code& error) {
                        const auto strong = weak.lock();
                        char byte = 0;
                        if (!error && strong && !strong->answered() &&
                            ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
                          strong->client_gone();
                        }
                      });
  }

  asio::awaitable<bool> write_answer(const HttpRequest& head, const Answer& answer) {
    lowest(stream_).expires_after(context_.options.write_time_max);
    if (answer.response.stream != nullptr) {
      co_return co_await write_stream(answer);
    }
    (void)head;
    const std::string text = head_text(answer, "");
    const std::array<asio::const_buffer, 2> buffers{
        asio::buffer(text), answer.head_only ? asio::const_buffer() : asio::buffer(answer.response.body)};
    const auto [error, size] = co_await asio::async_write(stream_, buffers, kTuple);
    co_return !error;
  }

  asio::awaitable<bool> write_stream(const Answer& answer) {
    BodyStream& stream = *answer.response.stream;
    auto timer =
        std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    // The timer never ends by itself: a change cancels it.
    stream.attach([timer, executor = timer->get_executor()] { asio::post(executor, [timer] { timer->cancel(); }); });
    std::string text = head_text(answer, "");
    for (bool closed = false;;) {
      const std::string piece = stream.take(closed);
      if (!piece.empty()) {
        text += answer.chunks ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : piece;
      }
      if (closed && answer.chunks) {
        text += "0\r\n\r\n";
      }
      if (!text.empty()) {
        lowest(stream_).expires_after(context_.options.write_time_max);
        const auto [error, size] = co_await asio::async_write(stream_, asio::buffer(text), kTuple);
        if (error) {
          stream.client_gone();
          co_return false;
        }
        text.clear();
        lowest(stream_).expires_never();
      }
      if (closed) {
        stream.client_gone();
        co_return answer.chunks;
      }
      if (piece.empty()) {
        co_await stream_changed(timer);
        timer->expires_at(asio::steady_timer::time_point::max());
      }
    }
  }

  asio::awaitable<bool> refuse(const HttpRequest& head, const error_code& error) {
    const int status = refusal_status(error);
    if (status == 0) {
      co_return false;
    }
    const Answer answer{.response = context_.application.refuse(head, status, error.message())};
    co_await say_last(head, answer);
    co_return false;
  }

  // An answer without looking at the body. A short body is read away, so that the answer is not lost in a reset.
  asio::awaitable<bool> turn_away(Parser& parser, const HttpRequest& head, HttpResponse refusal) {
    const std::size_t length = parser.content_length().value_or(parser.chunked() ? kDroppedSizeBytesMax : 0);
    Answer answer = make_answer(parser, head, std::move(refusal));
    const bool waits = beast::iequals(parser.get()[http::field::expect], "100-continue");
    if (length == 0 || (!waits && length <= kDroppedSizeBytesMax)) {
      parser.body_limit(kDroppedSizeBytesMax);
      lowest(stream_).expires_after(context_.options.header_time_max);
      const auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kTuple);
      if (!error) {
        const bool whole = co_await write_answer(head, answer);
        context_.application.finished(
            head, {.status = answer.response.status, .body_size_bytes = answer.response.body.size()});
        co_return whole&& answer.keep_alive;
      }
    }
    answer.keep_alive = false;
    co_await say_last(head, answer);
    co_return false;
  }

  // The client may still be sending: what it sends is read away for a moment, or it would see a reset and no answer.
  asio::awaitable<void> say_last(const HttpRequest& head, const Answer& answer) {
    (void)co_await write_answer(head, answer);
    context_.application.finished(head,
                                  {.status = answer.response.status, .body_size_bytes = answer.response.body.size()});
    error_code ignored;
    lowest(stream_).socket().shutdown(asio::socket_base::shutdown_send, ignored);
    lowest(stream_).expires_after(std::chrono::seconds(1));
    std::array<char, 4096> dropped;
    for (std::size_t total = 0; total < kDroppedSizeBytesMax;) {
      const auto [error, size] = co_await stream_.async_read_some(asio::buffer(dropped), kTuple);
      if (error) {
        break;
      }
      total += size;
    }
  }

  Stream& stream_;
  ConnectionContext& context_;
  std::string client_;
  beast::flat_buffer buffer_;
};

}  // namespace

bool IdleSockets::add(int descriptor) {
  const std::scoped_lock lock(mutex_);
  return !closing_ && descriptors_.insert(descriptor).second;
}

void IdleSockets::remove(int descriptor) {
  const std::scoped_lock lock(mutex_);
  descriptors_.erase(descriptor);
}

void IdleSockets::close_all() {
  const std::scoped_lock lock(mutex_);
  closing_ = true;
  for (const int descriptor : descriptors_) {
    ::shutdown(descriptor, SHUT_RD);
  }
}

asio::awaitable<void> serve(TcpStream& stream, ConnectionContext& context, std::string client) {
  Connection<TcpStream> connection(stream, context, std::move(client));
  co_await connection.run();
}

asio::awaitable<void> serve(LocalStream& stream, ConnectionContext& context, std::string client) {
  Connection<LocalStream> connection(stream, context, std::move(client));
  co_await connection.run();
}

asio::awaitable<void> serve(TlsStream& stream, ConnectionContext& context, std::string client) {
  Connection<TlsStream> connection(stream, context, std::move(client));
  co_await connection.run();
}

}  // namespace asterism::server
