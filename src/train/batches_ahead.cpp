#include "train/batches_ahead.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace asterism {

struct BatchesAhead::Impl {
  explicit Impl(const BatchSource& source_in) : source(&source_in) {}

  // Batches are numbered through the epochs.
  Result<Batch> compute(std::int64_t number) const {
    return source->batch(number / source->batch_count(), number % source->batch_count());
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      wanted.wait(lock, [&] { return stopping || (started && next < asked + ahead_count); });
      if (stopping) {
        return;
      }
      const std::int64_t number = next++;
      const std::uint64_t began = generation;
      lock.unlock();
      auto made = std::make_unique<Result<Batch>>(compute(number));
      lock.lock();
      if (began == generation) {
        ready.insert_or_assign(number, std::move(made));
        finished.notify_all();
      }
    }
  }

  const BatchSource* source;
  std::int64_t ahead_count = 2;
  std::mutex mutex;
  std::condition_variable wanted;
  std::condition_variable finished;
  bool started = false;
  bool stopping = false;
  std::uint64_t generation = 0;  // of the order that is worked on
  std::int64_t asked = 0;        // the first number that was not given yet
  std::int64_t next = 0;         // the first that no worker has taken
  std::map<std::int64_t, std::unique_ptr<Result<Batch>>> ready;
  std::vector<std::jthread> workers;
};

BatchesAhead::BatchesAhead(const BatchSource& source, std::size_t worker_count)
    : impl_(std::make_unique<Impl>(source)) {
  const std::size_t count = std::max<std::size_t>(1, worker_count);
  impl_->ahead_count = static_cast<std::int64_t>(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    impl_->workers.emplace_back([impl = impl_.get()] { impl->work(); });
  }
}

BatchesAhead::~BatchesAhead() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wanted.notify_all();
}

std::int64_t BatchesAhead::batch_count() const noexcept {
  return impl_->source->batch_count();
}

std::int64_t BatchesAhead::row_count() const noexcept {
  return impl_->source->row_count();
}

Result<Batch> BatchesAhead::batch(std::int64_t epoch, std::int64_t index) const {
  Impl& impl = *impl_;
  const std::int64_t number = epoch * batch_count() + index;
  std::unique_lock lock(impl.mutex);
  if (!impl.started || number != impl.asked) {
    impl.started = true;
    ++impl.generation;
    impl.ready.clear();
    impl.asked = impl.next = number;
  }
  impl.wanted.notify_all();
  impl.finished.wait(lock, [&] { return impl.ready.contains(number); });
  auto made = std::move(impl.ready.extract(number).mapped());
  impl.asked = number + 1;
  impl.wanted.notify_all();
  return std::move(*made);
}

}  // namespace asterism
