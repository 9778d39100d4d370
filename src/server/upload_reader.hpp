// What reads the body of a request into an UploadStream while it arrives, and the limit in time that all reads of a
// connection have. Parts of Connection (connection.cpp).
//
// Ownership: parts of a connection; `owner` is that connection, which every operation that runs keeps. Thread-safety:
// on the executor of the stream, but for the stream of the upload.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/upload_stream.hpp"

namespace asterism::server {

using Owner = std::shared_ptr<void>;

// Of a read that has to end by then. The stream's own limit would close the socket: nobody could be told.
template <typename Stream>
class ReadLimit {
 public:
  explicit ReadLimit(Stream& stream) : stream_(stream), timer_(stream.get_executor()) {}

  void begin(const Owner& owner, std::chrono::milliseconds time_max) {
    boost::beast::get_lowest_layer(stream_).expires_never();
    ++count_;
    change(owner, time_max);
  }
  // Of the read that runs.
  void change(const Owner& owner, std::chrono::milliseconds time_max) {
    timer_.expires_after(time_max);
    timer_.async_wait([this, owner, read = count_](const boost::system::error_code& error) {
      if (!error && count_ == read) {
        late_ = true;
        boost::system::error_code ignored;
        boost::beast::get_lowest_layer(stream_).socket().cancel(ignored);
      }
    });
  }
  // The error that the read ended with, which may be that it was late.
  boost::system::error_code end(const boost::system::error_code& error) {
    ++count_;
    timer_.cancel();
    const bool late = std::exchange(late_, false);
    return error && late ? make_error_code(boost::beast::error::timeout) : error;
  }

 private:
  Stream& stream_;
  boost::asio::steady_timer timer_;
  std::size_t count_ = 0;  // of reads begun and ended: an odd one runs
  bool late_ = false;
};

template <typename Stream>
class UploadReader {
 public:
  using HeadParser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  // Called once, with what broke the body off where it is not whole.
  using OnEnd = std::function<void(const boost::system::error_code&)>;

  // `head` has read the head and nothing behind it. What has come is handed over at once; each 64 KiB have
  // `piece_time_max` to arrive.
  UploadReader(HeadParser&& head, Stream& stream, boost::beast::flat_buffer& buffer, ReadLimit<Stream>& limit,
               std::chrono::milliseconds piece_time_max)
      : parser_(std::move(head)),
        stream_(stream),
        buffer_(buffer),
        limit_(limit),
        piece_time_max_(piece_time_max),
        piece_(kPieceSizeBytes, '\0') {}

  const std::shared_ptr<UploadStream>& upload() const noexcept { return upload_; }
  bool whole() const noexcept { return whole_; }

  void start(const Owner& owner, OnEnd on_end) {
    on_end_ = std::move(on_end);
    begin_piece();
    read(owner);
  }

  // The answer came before the body had.
  void stop() {
    stopped_ = true;
    upload_->close();
  }
  // After stop(): calls `then` when no read runs any more, which has so much time.
  void when_idle(const Owner& owner, std::chrono::milliseconds time_max, std::function<void()> then) {
    if (reading_) {
      when_idle_ = std::move(then);
      limit_.change(owner, time_max);
    } else {
      then();
    }
  }

 private:
  static constexpr std::size_t kPieceSizeBytes = std::size_t{64} << 10;

  void begin_piece() {
    piece_size_ = 0;
    piece_end_ = std::chrono::steady_clock::now() + piece_time_max_;
  }

  void read(const Owner& owner) {
    if (parser_.is_done()) {
      whole_ = true;
      upload_->end();
      on_end_({});
      return;
    }
    auto& body = parser_.get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    reading_ = true;
    limit_.begin(owner,
                 std::chrono::duration_cast<std::chrono::milliseconds>(piece_end_ - std::chrono::steady_clock::now()));
    boost::beast::http::async_read_some(
        stream_, buffer_, parser_,
        [this, owner](const boost::system::error_code& error, std::size_t) { take(owner, limit_.end(error)); });
  }

  void take(const Owner& owner, const boost::system::error_code& error) {
    reading_ = false;
    const bool failed = error && error != boost::beast::http::error::need_buffer;
    if (stopped_) {
      if (!failed && when_idle_) {
        std::exchange(when_idle_, nullptr)();
      }
      return;
    }
    if (failed) {
      on_end_(error);
      return;
    }
    const std::string_view piece(piece_.data(), piece_.size() - parser_.get().body().size);
    piece_size_ += piece.size();
    if (piece_size_ >= kPieceSizeBytes) {
      begin_piece();
    }
    const bool room = upload_->write(piece, [this, owner] {
      boost::asio::post(stream_.get_executor(), [this, owner] {
        if (!stopped_ && !reading_) {
          begin_piece();  // while there was no room nothing could come
          read(owner);
        }
      });
    });
    if (room) {
      read(owner);
    }
  }

  boost::beast::http::request_parser<boost::beast::http::buffer_body> parser_;
  Stream& stream_;
  boost::beast::flat_buffer& buffer_;
  ReadLimit<Stream>& limit_;
  const std::chrono::milliseconds piece_time_max_;
  std::shared_ptr<UploadStream> upload_ = std::make_shared<UploadStream>();
  std::string piece_;
  std::size_t piece_size_ = 0;  // handed over so far
  std::chrono::steady_clock::time_point piece_end_;
  OnEnd on_end_;
  std::function<void()> when_idle_;
  bool reading_ = false;
  bool whole_ = false;
  bool stopped_ = false;
};

}  // namespace asterism::server
