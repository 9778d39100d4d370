#include "server/connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "server/body_stream.hpp"
#include "server/content_coding.hpp"
#include "server/request_id.hpp"

namespace asterism::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// What a connection reads at once while it waits for a request.
constexpr std::size_t kFirstReadSizeBytes = 2048;
// A body whose length is known to be past the limit by no more than this is read and dropped, so that the client sees
// the refusal instead of a broken connection.
constexpr std::size_t kDroppedSizeBytesMax = std::size_t{1} << 20;
constexpr std::chrono::seconds kDropTime{1};
// Given back as it came; whoever sends none gets one.
constexpr std::string_view kRequestIdHeader = "x-request-id";
constexpr unsigned kHttp11 = 11;
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
  out.path_as_sent = target.substr(0, path_end);
  out.path = percent_decoded(out.path_as_sent, false);
  if (path_end < target.size()) {
    out.query = target.substr(path_end + 1);
  }
  for (const auto& field : header) {
    out.headers.push_back({to_string(field.name_string()), to_string(field.value())});
  }
  out.client = client;
  if (out.header(kRequestIdHeader).empty()) {
    out.headers.push_back({std::string(kRequestIdHeader), make_request_id()});
  }
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
  bool chunked = false;  // of streams; clients of HTTP/1.0 see the end of the connection instead
};

std::string head_text(const Answer& answer, const HttpRequest& request) {
  const HttpResponse& response = answer.response;
  std::string out;
  out.reserve(256);
  auto end = std::back_inserter(out);
  fmt::format_to(end, "HTTP/1.1 {} {}\r\ncontent-type: {}\r\n", response.status, status_reason(response.status),
                 response.content_type);
  if (answer.chunked) {
    out += "transfer-encoding: chunked\r\n";
  } else if (!response.stream) {
    fmt::format_to(end, "content-length: {}\r\n", response.body.size());
  }
  if (const std::string_view id = request.header(kRequestIdHeader); !id.empty()) {
    fmt::format_to(end, "{}: {}\r\n", kRequestIdHeader, id);
  }
  for (const Header& header : response.headers) {
    fmt::format_to(end, "{}: {}\r\n", header.name, header.value);
  }
  out += answer.keep_alive ? "\r\n" : "connection: close\r\n\r\n";
  return out;
}

// Frees what a value holds: strings that are assigned an empty one keep their capacity.
template <typename T>
void release(T& value) {
  const T taken(std::move(value));
  value = T();
}

// Counts a connection for as long as it lasts.
class ConnectionCount {
 public:
  explicit ConnectionCount(ConnectionContext& context) : context_(context) {
    ++context_.connection_count;
    context_.application.connections_changed(1);
  }
  ~ConnectionCount() {
    --context_.connection_count;
    context_.application.connections_changed(-1);
  }
  ConnectionCount(const ConnectionCount&) = delete;
  ConnectionCount& operator=(const ConnectionCount&) = delete;

 private:
  ConnectionContext& context_;
};

// Lives as long as an operation on its stream waits: each holds it.
template <typename Stream>
class Connection : public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(Stream stream, ConnectionContext& context, std::string client)
      : stream_(std::move(stream)),
        timer_(stream_.get_executor()),
        context_(context),
        count_(context),
        client_(std::move(client)) {}

  void start() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      lowest(stream_).expires_after(context_.options.header_time_max);
      stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](const error_code& error) {
        if (!error) {
          self->wait_for_request();
        }
      });
    } else {
      wait_for_request();
    }
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  std::shared_ptr<Connection> self() { return this->shared_from_this(); }

  void wait_for_request() {
    if (buffer_.size() > 0) {
      read_head();
      return;
    }
    // What idles keeps nothing of its last request: bodies and answers may be large, and connections many.
    buffer_.shrink_to_fit();
    parser_.reset();
    release(head_);
    release(answer_);
    release(answer_head_);
    const int descriptor = lowest(stream_).socket().native_handle();
    if (!context_.idle.add(descriptor)) {
      return;
    }
    lowest(stream_).expires_after(context_.options.idle_time_max);
    stream_.async_read_some(buffer_.prepare(kFirstReadSizeBytes),
                            [self = self(), descriptor](const error_code& error, std::size_t size) {
                              self->context_.idle.remove(descriptor);
                              if (!error) {
                                self->buffer_.commit(size);
                                self->read_head();
                              }
                            });
  }

  // Of a read that has to end by then. The stream's own limit would close the socket: nobody could be told.
  void begin_read(std::chrono::milliseconds time_max) {
    lowest(stream_).expires_never();
    const std::size_t read = ++read_count_;
    timer_.expires_after(time_max);
    timer_.async_wait([self = self(), read](const error_code& error) {
      if (!error && self->read_count_ == read) {
        self->late_ = true;
        error_code ignored;
        lowest(self->stream_).socket().cancel(ignored);
      }
    });
  }
  // The error that the read ended with, which may be that it was late.
  error_code end_read(const error_code& error) {
    ++read_count_;
    timer_.cancel();
    const bool late = std::exchange(late_, false);
    return error && late ? make_error_code(beast::error::timeout) : error;
  }

  void read_head() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(context_.options.header_size_bytes_max));
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    begin_read(context_.options.header_time_max);
    http::async_read_header(stream_, buffer_, *parser_, [self = self()](const error_code& error, std::size_t) {
      const error_code ended = self->end_read(error);
      self->head_ = make_head(self->parser_->get(), self->client_);
      if (ended) {
        self->refuse(ended);
      } else {
        self->admit();
      }
    });
  }

  void admit() {
    Application::Admission admission = context_.application.admit(head_);
    const auto length = parser_->content_length();
    if (admission.accepted && length && *length > admission.body_size_bytes_max) {
      turn_away(context_.application.refuse(
          head_, 413,
          fmt::format("expected a body of at most {} bytes, found {}", admission.body_size_bytes_max, *length)));
    } else if (admission.accepted && context_.draining) {
      turn_away(context_.application.refuse(head_, 503, "the server is shutting down"));
    } else if (!admission.accepted) {
      turn_away(std::move(admission.refusal));
    } else {
      read_body(admission.body_size_bytes_max);
    }
  }

  void read_body(std::size_t size_bytes_max) {
    parser_->body_limit(size_bytes_max);
    const std::size_t announced = parser_->content_length().value_or(size_bytes_max);
    if (parser_->is_done()) {
      take_body(size_bytes_max);
      return;
    }
    const auto time_max = context_.options.body_time_max * static_cast<std::int64_t>(1 + announced / kMiB);
    const auto read = [self = self(), size_bytes_max, time_max] {
      self->begin_read(time_max);
      http::async_read(self->stream_, self->buffer_, *self->parser_,
                       [self, size_bytes_max](const error_code& error, std::size_t) {
                         if (const error_code ended = self->end_read(error)) {
                           self->refuse(ended);
                         } else {
                           self->take_body(size_bytes_max);
                         }
                       });
    };
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
      read();
      return;
    }
    lowest(stream_).expires_after(context_.options.write_time_max);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue), [read](const error_code& error, std::size_t) {
      if (!error) {
        read();
      }
    });
  }

  void take_body(std::size_t size_bytes_max) {
    head_.body = std::move(parser_->get().body());
    if (const std::string_view coding = head_.header("content-encoding"); !coding.empty()) {
      auto decoded = decode_content(head_.body, coding, size_bytes_max);
      if (!decoded) {
        const int status = decoded.error().code == ErrorCode::kUnsupported     ? 415
                           : decoded.error().code == ErrorCode::kLimitExceeded ? 413
                                                                               : 400;
        say_last(context_.application.refuse(head_, status, decoded.error().message));
        return;
      }
      head_.body = *std::move(decoded);
    }
    ask();
  }

  void ask() {
    lowest(stream_).expires_never();
    exchange_ = std::make_shared<Exchange>(std::move(head_));
    context_.application.handle(exchange_);
    if (!exchange_->answered()) {
      watch();
    }
    // The answer may come on any thread.
    exchange_->on_response([self = self()](HttpResponse response) {
      asio::post(self->stream_.get_executor(), [self, response = std::move(response)]() mutable {
        self->unwatch();
        self->head_ = std::move(self->exchange_->request());
        self->started_ = self->exchange_->started();
        self->exchange_.reset();
        self->answer(std::move(response));
      });
    });
  }

  // While the answer is made: readable without data means that the client has gone.
  void watch() {
    auto& socket = lowest(stream_).socket();
    watching_ = true;
    socket.async_wait(std::remove_reference_t<decltype(socket)>::wait_read, [self = self()](const error_code& error) {
      self->watching_ = false;
      char byte = 0;
      const int descriptor = lowest(self->stream_).socket().native_handle();
      if (error) {
        return;
      }
      if (!self->exchange_) {
        // A client that sends before its answer has ended is not waited for either.
        self->end_stream(false);
      } else if (::recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
        self->exchange_->client_gone();
      }
    });
  }

  void unwatch() {
    if (watching_) {
      error_code ignored;
      lowest(stream_).socket().cancel(ignored);
    }
  }

  void answer(HttpResponse response) {
    const bool keep_alive = parser_->keep_alive() && !context_.draining;
    if (response.stream) {
      begin_stream(std::move(response), keep_alive);
      return;
    }
    write({.response = std::move(response), .keep_alive = keep_alive}, [this](bool whole) {
      if (whole && answer_.keep_alive) {
        wait_for_request();
      } else {
        close();
      }
    });
  }

  // `then` runs while this connection lives.
  template <typename Then>
  void write(Answer answer, Then then) {
    answer_ = std::move(answer);
    context_.application.complete(head_, answer_.response);
    answer_head_ = head_text(answer_, head_);
    lowest(stream_).expires_after(context_.options.write_time_max);
    const bool head_only = head_.method == Method::kHead;
    const std::array<asio::const_buffer, 2> buffers{
        asio::buffer(answer_head_), head_only ? asio::const_buffer() : asio::buffer(answer_.response.body)};
    asio::async_write(stream_, buffers, [self = self(), then](const error_code& error, std::size_t) {
      self->report_finished(error ? 0 : self->answer_.response.status, self->answer_.response.body.size());
      then(!error);
    });
  }

  void begin_stream(HttpResponse response, bool keep_alive) {
    const bool chunked = parser_->get().version() >= kHttp11;
    answer_ = {.response = std::move(response), .keep_alive = keep_alive && chunked, .chunked = chunked};
    context_.application.complete(head_, answer_.response);
    answer_head_ = head_text(answer_, head_);
    streamed_size_bytes_ = 0;
    lowest(stream_).expires_after(context_.options.write_time_max);
    asio::async_write(stream_, asio::buffer(answer_head_), [self = self()](const error_code& error, std::size_t) {
      if (error || self->head_.method == Method::kHead) {
        self->end_stream(!error);
      } else {
        self->stream_next();
      }
    });
  }

  void stream_next() {
    if (!answer_.response.stream) {
      return;
    }
    lowest(stream_).expires_never();
    // While nothing waits, watch() keeps this alive: who makes the body may outlive the loop that the socket is of.
    BodyStream::Taken taken = answer_.response.stream->take([weak = this->weak_from_this()] {
      if (const auto self = weak.lock()) {
        asio::post(self->stream_.get_executor(), [self] { self->wake_stream(); });
      }
    });
    if (taken.broken_off) {
      end_stream(false);
      return;
    }
    if (taken.data.empty() && !taken.ended) {
      watch();
      return;
    }
    streamed_size_bytes_ += taken.data.size();
    piece_ = std::move(taken.data);
    piece_head_ = answer_.chunked && !piece_.empty() ? fmt::format("{:x}\r\n", piece_.size()) : "";
    const std::string_view tail = !answer_.chunked ? ""
                                  : taken.ended    ? (piece_.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n")
                                                   : "\r\n";
    lowest(stream_).expires_after(context_.options.write_time_max);
    const std::array<asio::const_buffer, 3> buffers{asio::buffer(piece_head_), asio::buffer(piece_),
                                                    asio::buffer(tail.data(), tail.size())};
    asio::async_write(stream_, buffers, [self = self(), ended = taken.ended](const error_code& error, std::size_t) {
      if (error || ended) {
        self->end_stream(!error);
      } else {
        self->stream_next();
      }
    });
  }

  void wake_stream() {
    unwatch();
    stream_next();
  }

  void end_stream(bool whole) {
    const auto stream = std::exchange(answer_.response.stream, nullptr);
    if (!stream) {
      return;
    }
    stream->client_gone();
    report_finished(whole ? answer_.response.status : 0, streamed_size_bytes_);
    if (whole && answer_.keep_alive) {
      wait_for_request();
    } else {
      close();
    }
  }

  void report_finished(int status, std::size_t size_bytes) {
    const double latency_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started_).count();
    context_.application.finished(head_, {.status = status, .body_size_bytes = size_bytes, .latency_ms = latency_ms});
  }

  void refuse(const error_code& error) {
    started_ = std::chrono::steady_clock::now();
    if (const int status = refusal_status(error); status != 0) {
      say_last(context_.application.refuse(head_, status, error.message()));
    }
  }

  // An answer without looking at the body. A short body is read away, so that the connection can go on.
  void turn_away(HttpResponse refusal) {
    started_ = std::chrono::steady_clock::now();
    const std::uint64_t length = parser_->content_length().value_or(parser_->chunked() ? kDroppedSizeBytesMax : 0);
    const bool waits = beast::iequals(parser_->get()[http::field::expect], "100-continue");
    if (parser_->is_done() || length == 0) {
      answer(std::move(refusal));
    } else if (waits || length > kDroppedSizeBytesMax) {
      say_last(std::move(refusal));
    } else {
      parser_->body_limit(kDroppedSizeBytesMax);
      begin_read(context_.options.header_time_max);
      http::async_read(stream_, buffer_, *parser_,
                       [self = self(), refusal = std::move(refusal)](const error_code& error, std::size_t) mutable {
                         if (self->end_read(error)) {
                           self->say_last(std::move(refusal));
                         } else {
                           self->answer(std::move(refusal));
                         }
                       });
    }
  }

  // The client may still be sending: what it sends is read away for a moment, or it would see a reset and no answer.
  void say_last(HttpResponse response) {
    write({.response = std::move(response)}, [this](bool whole) {
      if (whole) {
        error_code ignored;
        lowest(stream_).socket().shutdown(asio::socket_base::shutdown_send, ignored);
        lowest(stream_).expires_after(kDropTime);
        drop(0);
      }
    });
  }

  void drop(std::size_t dropped) {
    stream_.async_read_some(asio::buffer(dropped_),
                            [self = self(), dropped](const error_code& error, std::size_t size) {
                              if (!error && dropped + size < kDroppedSizeBytesMax) {
                                self->drop(dropped + size);
                              }
                            });
  }

  void close() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      lowest(stream_).expires_after(kDropTime);
      stream_.async_shutdown([self = self()](const error_code&) {});
    } else {
      error_code ignored;
      lowest(stream_).socket().shutdown(asio::socket_base::shutdown_both, ignored);
    }
  }

  Stream stream_;
  asio::steady_timer timer_;
  ConnectionContext& context_;
  ConnectionCount count_;
  std::string client_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  HttpRequest head_;
  std::shared_ptr<Exchange> exchange_;
  std::chrono::steady_clock::time_point started_;
  bool watching_ = false;
  std::size_t read_count_ = 0;  // begun and ended: an odd one runs
  bool late_ = false;
  Answer answer_;
  std::string answer_head_;
  std::string piece_;
  std::string piece_head_;
  std::size_t streamed_size_bytes_ = 0;
  std::array<char, 2048> dropped_{};
};

template <typename Stream>
void start(Stream stream, ConnectionContext& context, std::string client) {
  std::make_shared<Connection<Stream>>(std::move(stream), context, std::move(client))->start();
}

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

void serve(TcpStream stream, ConnectionContext& context, std::string client) {
  start(std::move(stream), context, std::move(client));
}

void serve(LocalStream stream, ConnectionContext& context, std::string client) {
  start(std::move(stream), context, std::move(client));
}

void serve(TlsStream stream, ConnectionContext& context, std::string client) {
  start(std::move(stream), context, std::move(client));
}

}  // namespace asterism::server
