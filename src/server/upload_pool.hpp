// Threads for bodies that are read while they arrive, a thread each: they wait for their clients far more than they
// work. A thread is begun where none is idle, so that nobody waits behind a client that is slow.
//
// Ownership: owns its threads; the destructor asks what runs to stop, and waits for it. Thread-safety: any thread.
// Cost: a thread an upload, which ends when it had nothing to do for some seconds.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"

namespace asterism::server {

class UploadPool {
 public:
  // `name` stands in errors ("files for collections").
  UploadPool(std::string_view name, std::size_t upload_count_max);
  UploadPool(const UploadPool&) = delete;
  UploadPool& operator=(const UploadPool&) = delete;
  ~UploadPool();

  // Its flag is raised when the pool ends; the client's end may raise it as well. Must not throw.
  using Task = std::function<void(const std::shared_ptr<CancelFlag>& cancel)>;
  // Begins at once. kOverloaded where `upload_count_max` run; kUnavailable once the pool is ending.
  Result<void> post(Task task);
  std::size_t upload_count() const;  // that run, or are about to
  std::size_t thread_count() const;

 private:
  using Thread = std::list<std::thread>::iterator;
  void run(Thread self);

  const std::string_view name_;
  const std::size_t upload_count_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable thread_ended_;
  std::deque<Task> waiting_;
  std::list<std::weak_ptr<CancelFlag>> cancels_;  // of what runs
  std::size_t upload_count_ = 0;
  std::size_t idle_count_ = 0;
  bool ending_ = false;
  std::list<std::thread> threads_;
  std::vector<std::thread> ended_;  // to be joined
};

}  // namespace asterism::server
