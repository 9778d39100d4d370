#include "server/upload_stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace asterism::server {
namespace {

// How soon a reader that waits sees that it was cancelled.
constexpr std::chrono::milliseconds kCancelPoll{50};

void call(const std::function<void()>& action) {
  if (action) {
    action();
  }
}

}  // namespace

bool UploadStream::write(std::string_view piece, std::function<void()> wake) {
  const std::scoped_lock lock(mutex_);
  if (closed_) {
    return true;
  }
  waiting_.erase(0, std::exchange(taken_, 0));
  waiting_ += piece;
  changed_.notify_all();
  if (waiting_.size() - taken_ < room_size_bytes_) {
    return true;
  }
  wake_ = std::move(wake);
  return false;
}

void UploadStream::end() {
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void UploadStream::break_off(Error error) {
  const std::scoped_lock lock(mutex_);
  error_ = std::move(error);
  changed_.notify_all();
}

Result<std::size_t> UploadStream::read(std::span<char> out, const CancelFlag& cancel) {
  std::function<void()> wake;
  std::size_t size = 0;
  {
    std::unique_lock lock(mutex_);
    while (waiting_.size() == taken_ && !ended_ && !error_ && !cancel.requested()) {
      changed_.wait_for(lock, kCancelPoll);
    }
    if (cancel.requested()) {
      return fail(ErrorCode::kCancelled, "stopped before every row was read");
    }
    if (waiting_.size() == taken_ && error_) {
      return std::unexpected(*error_);
    }
    size = std::min(out.size(), waiting_.size() - taken_);
    std::memcpy(out.data(), waiting_.data() + taken_, size);
    taken_ += size;
    size_bytes_ += size;
    if (taken_ == waiting_.size()) {
      waiting_.clear();
      taken_ = 0;
    }
    if (waiting_.size() - taken_ < room_size_bytes_) {
      wake = std::exchange(wake_, nullptr);
    }
  }
  call(wake);
  return size;
}

void UploadStream::close() {
  std::function<void()> wake;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    std::string().swap(waiting_);
    taken_ = 0;
    wake = std::exchange(wake_, nullptr);
  }
  call(wake);
}

bool UploadStream::closed() const {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

std::optional<Error> UploadStream::error() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size() == taken_ ? error_ : std::nullopt;
}

std::uint64_t UploadStream::size_bytes() const {
  const std::scoped_lock lock(mutex_);
  return size_bytes_;
}

}  // namespace asterism::server
