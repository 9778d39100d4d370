// The infer requests of a compiled model, lent to one run at a time. Private to src/openvino.
//
// Thread-safety: any thread may ask for a lease; it waits while all requests are lent.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/infer_request.hpp>

namespace asterism {

class RequestPool {
 public:
  // May throw ov::Exception.
  RequestPool(ov::CompiledModel model, std::size_t request_count) : model_(std::move(model)) {
    free_.reserve(request_count);
    for (std::size_t i = 0; i < request_count; ++i) {
      free_.push_back(model_.create_infer_request());
    }
  }

  // Holds one request; gives it back when it goes.
  class Lease {
   public:
    explicit Lease(RequestPool& pool) : pool_(pool) {
      std::unique_lock lock(pool_.mutex_);
      pool_.is_free_.wait(lock, [&] { return !pool_.free_.empty(); });
      request_ = std::move(pool_.free_.back());
      pool_.free_.pop_back();
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      {
        const std::scoped_lock lock(pool_.mutex_);
        pool_.free_.push_back(std::move(request_));
      }
      pool_.is_free_.notify_one();
    }
    ov::InferRequest& request() noexcept { return request_; }

   private:
    RequestPool& pool_;
    ov::InferRequest request_;
  };

 private:
  ov::CompiledModel model_;
  std::mutex mutex_;
  std::condition_variable is_free_;
  std::vector<ov::InferRequest> free_;
};

}  // namespace asterism
