#include "server/connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
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
#include "server/http_wire.hpp"
#include "server/upload_reader.hpp"
#include "server/upload_stream.hpp"

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
constexpr unsigned kHttp11 = 11;
constexpr std::size_t kMiB = std::size_t{1} << 20;

template <typename Stream>
auto& lowest(Stream& stream) {
  return beast::get_lowest_layer(stream);
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
        read_limit_(stream_),
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
  using Parser = typename UploadReader<Stream>::HeadParser;

  std::shared_ptr<Connection> self() { return this->shared_from_this(); }

  void wait_for_request() {
    upload_.reset();
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

  void read_head() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(context_.options.header_size_bytes_max));
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    read_limit_.begin(self(), context_.options.header_time_max);
    http::async_read_header(stream_, buffer_, *parser_, [self = self()](const error_code& error, std::size_t) {
      const error_code ended = self->read_limit_.end(error);
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
    keeps_alive_ = parser_->keep_alive();
    takes_chunks_ = parser_->get().version() >= kHttp11;
    if (admission.accepted && !admission.streams_body && length && *length > admission.body_size_bytes_max) {
      turn_away(context_.application.refuse(
          head_, 413,
          fmt::format("expected a body of at most {} bytes, found {}", admission.body_size_bytes_max, *length)));
    } else if (admission.accepted && context_.draining) {
      turn_away(context_.application.refuse(head_, 503, "the server is shutting down"));
    } else if (!admission.accepted) {
      turn_away(std::move(admission.refusal));
    } else if (admission.streams_body) {
      begin_upload();
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
    send_continue([self = self(), size_bytes_max, time_max] {
      self->read_limit_.begin(self, time_max);
      http::async_read(self->stream_, self->buffer_, *self->parser_,
                       [self, size_bytes_max](const error_code& error, std::size_t) {
                         if (const error_code ended = self->read_limit_.end(error)) {
                           self->refuse(ended);
                         } else {
                           self->take_body(size_bytes_max);
                         }
                       });
    });
  }

  // Before a body is read, where the client waits to be told to send it.
  template <typename Then>
  void send_continue(Then then) {
    if (!beast::iequals(head_.header("expect"), "100-continue")) {
      then();
      return;
    }
    lowest(stream_).expires_after(context_.options.write_time_max);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue), [then](const error_code& error, std::size_t) {
      if (!error) {
        then();
      }
    });
  }

  // Handed over while it arrives.
  void begin_upload() {
    send_continue([self = self()] {
      self->upload_ = std::make_unique<UploadReader<Stream>>(std::move(*self->parser_), self->stream_, self->buffer_,
                                                             self->read_limit_, self->context_.options.body_time_max);
      self->head_.upload = self->upload_->upload();
      self->ask();
      self->upload_->start(self, [raw = self.get()](const error_code& error) {
        if (error) {
          raw->break_upload(error);
        } else {
          raw->end_upload();
        }
      });
    });
  }

  bool uploading() const { return upload_ && !upload_->whole(); }

  // From here on the client is watched as that of any request, and has to take what is written.
  void end_upload() {
    if ((exchange_ && !exchange_->answered()) || stream_waits_) {
      watch();
    } else if (write_count_ % 2 == 1) {
      timer_.expires_after(context_.options.write_time_max);
      timer_.async_wait([self = self(), write = write_count_](const error_code& error) {
        if (!error && self->write_count_ == write) {
          error_code ignored;
          lowest(self->stream_).socket().cancel(ignored);
        }
      });
    }
  }

  void break_upload(const error_code& error) {
    const int status = refusal_status(error);
    const std::string reason = status == 0 ? "the client has gone" : error.message();
    upload_->upload()->break_off({ErrorCode::kUsage, fmt::format("body: expected all of it, found: {}", reason), {}});
    if (exchange_ && status != 0) {
      exchange_->respond(context_.application.refuse(exchange_->request(), status, reason));
    } else if (exchange_) {
      exchange_->client_gone();
    } else if (status == 0) {
      end_stream(false);
    }
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
    if (!exchange_->answered() && !uploading()) {
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
    const bool keep_alive = keeps_alive_ && !context_.draining;
    if (response.stream) {
      begin_stream(std::move(response), keep_alive);
      return;
    }
    if (uploading()) {
      upload_->stop();
      say_last(std::move(response));
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
    answer_ = {.response = std::move(response), .keep_alive = keep_alive && takes_chunks_, .chunked = takes_chunks_};
    context_.application.complete(head_, answer_.response);
    answer_head_ = head_text(answer_, head_);
    streamed_size_bytes_ = 0;
    begin_write();
    asio::async_write(stream_, asio::buffer(answer_head_), [self = self()](const error_code& error, std::size_t) {
      ++self->write_count_;
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
    stream_waits_ = taken.data.empty() && !taken.ended;
    if (stream_waits_) {
      if (!uploading()) {
        watch();
      }
      return;
    }
    streamed_size_bytes_ += taken.data.size();
    piece_ = std::move(taken.data);
    piece_head_ = answer_.chunked && !piece_.empty() ? fmt::format("{:x}\r\n", piece_.size()) : "";
    const std::string_view tail = !answer_.chunked ? ""
                                  : taken.ended    ? (piece_.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n")
                                                   : "\r\n";
    begin_write();
    const std::array<asio::const_buffer, 3> buffers{asio::buffer(piece_head_), asio::buffer(piece_),
                                                    asio::buffer(tail.data(), tail.size())};
    asio::async_write(stream_, buffers, [self = self(), ended = taken.ended](const error_code& error, std::size_t) {
      ++self->write_count_;
      if (error || ended) {
        self->end_stream(!error);
      } else {
        self->stream_next();
      }
    });
  }

  // Of a piece of a streamed answer. A client may send all before it reads: until then no piece is late.
  void begin_write() {
    ++write_count_;
    if (uploading()) {
      lowest(stream_).expires_never();
    } else {
      lowest(stream_).expires_after(context_.options.write_time_max);
    }
  }

  void wake_stream() {
    if (!stream_waits_) {
      return;
    }
    stream_waits_ = false;
    unwatch();
    stream_next();
  }

  void end_stream(bool whole) {
    const auto stream = std::exchange(answer_.response.stream, nullptr);
    if (!stream) {
      return;
    }
    stream->client_gone();
    stream_waits_ = false;
    report_finished(whole ? answer_.response.status : 0, streamed_size_bytes_);
    if (uploading()) {
      upload_->stop();
      if (whole) {
        drop_rest();
        return;
      }
    }
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
      read_limit_.begin(self(), context_.options.header_time_max);
      http::async_read(stream_, buffer_, *parser_,
                       [self = self(), refusal = std::move(refusal)](const error_code& error, std::size_t) mutable {
                         if (self->read_limit_.end(error)) {
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
        drop_rest();
      }
    });
  }

  void drop_rest() {
    error_code ignored;
    lowest(stream_).socket().shutdown(asio::socket_base::shutdown_send, ignored);
    const auto begin = [this] {
      lowest(stream_).expires_after(kDropTime);
      drop(0);
    };
    if (uploading()) {
      upload_->when_idle(self(), kDropTime, begin);
    } else {
      begin();
    }
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
  ReadLimit<Stream> read_limit_;
  asio::steady_timer timer_;  // of a piece that is written when its request's body has ended
  ConnectionContext& context_;
  ConnectionCount count_;
  std::string client_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  HttpRequest head_;
  std::shared_ptr<Exchange> exchange_;
  std::chrono::steady_clock::time_point started_;
  bool watching_ = false;
  bool keeps_alive_ = false;
  bool takes_chunks_ = false;
  bool stream_waits_ = false;                     // for its next piece
  std::unique_ptr<UploadReader<Stream>> upload_;  // of the request at hand
  std::size_t write_count_ = 0;                   // of streamed pieces begun and ended: an odd one runs
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
