#include "server/body_stream.hpp"

#include <utility>

namespace asterism::server {
namespace {

void call(const std::function<void()>& action) {
  if (action) {
    action();
  }
}

}  // namespace

bool BodyStream::write(std::string_view piece) {
  std::function<void()> wake;
  {
    const std::scoped_lock lock(mutex_);
    if (gone_ || ended_) {
      return false;
    }
    waiting_ += piece;
    wake = std::exchange(wake_, nullptr);
  }
  call(wake);
  return true;
}

bool BodyStream::try_write(std::string_view piece) {
  {
    const std::scoped_lock lock(mutex_);
    if (!waiting_.empty()) {
      return false;
    }
  }
  return write(piece);
}

void BodyStream::end() {
  std::function<void()> wake;
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    wake = std::exchange(wake_, nullptr);
    on_gone_ = nullptr;
  }
  call(wake);
}

void BodyStream::break_off() {
  {
    const std::scoped_lock lock(mutex_);
    broken_off_ = true;
  }
  end();
}

void BodyStream::on_room(std::function<void()> action) {
  {
    const std::scoped_lock lock(mutex_);
    if (gone_) {
      return;
    }
    if (!waiting_.empty()) {
      on_room_ = std::move(action);
      return;
    }
  }
  action();
}

void BodyStream::on_client_gone(std::function<void()> action) {
  {
    const std::scoped_lock lock(mutex_);
    if (!gone_) {
      if (!ended_) {
        on_gone_ = std::move(action);
      }
      return;
    }
  }
  action();
}

BodyStream::Taken BodyStream::take(std::function<void()> wake) {
  Taken taken;
  std::function<void()> room;
  {
    const std::scoped_lock lock(mutex_);
    taken.data = std::exchange(waiting_, {});
    taken.ended = ended_;
    taken.broken_off = broken_off_;
    if (taken.data.empty() && !ended_) {
      wake_ = std::move(wake);
    }
    room = std::exchange(on_room_, nullptr);
  }
  call(room);
  return taken;
}

void BodyStream::client_gone() {
  std::function<void()> action;
  {
    const std::scoped_lock lock(mutex_);
    gone_ = true;
    waiting_.clear();
    wake_ = nullptr;
    on_room_ = nullptr;
    action = std::exchange(on_gone_, nullptr);
  }
  call(action);
}

}  // namespace asterism::server
