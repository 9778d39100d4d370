#include "pipeline/stages.hpp"

#include <thread>

namespace asterism {

struct Stages::QueuesCloser {
  explicit QueuesCloser(Stages& owner) : stages(owner) {}
  QueuesCloser(const QueuesCloser&) = delete;
  QueuesCloser& operator=(const QueuesCloser&) = delete;
  ~QueuesCloser() {
    stages.read_.cancel();
    stages.encoded_.close();
  }
  Stages& stages;
};

void Stages::run() {
  // Threads are joined by their destructors; before that, whatever way this scope is left, the queues let them go.
  std::jthread reader([this] { read(); });
  std::jthread writer([this] { write(); });
  const QueuesCloser closer(*this);
  encode();
}

void Stages::read() {
  for (;;) {
    auto window = source_.next();
    if (!window) {
      error_.set(std::move(window.error()));
      break;
    }
    if (!*window || !read_.push(std::move(**window))) {
      break;
    }
  }
  read_.close();
}

void Stages::encode() {
  double fraction = 0.0;
  while (auto window = read_.pop()) {
    if (cancel_ != nullptr && cancel_->requested()) {
      error_.set(Error{ErrorCode::kCancelled, "stopped by the user", {}});
      return;
    }
    fraction = window->fraction;
    auto encoded = encoder_.encode(std::move(*window));
    if (!encoded) {
      error_.set(std::move(encoded.error()));
      return;
    }
    if (!encoded_.push(std::move(*encoded))) {
      return;
    }
  }
  encoder_.report_progress(fraction);
}

void Stages::write() {
  while (auto window = encoded_.pop()) {
    if (auto written = sink_.append(*window); !written) {
      error_.set(std::move(written.error()));
      encoded_.cancel();
      return;
    }
  }
}

}  // namespace asterism
