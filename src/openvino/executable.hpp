// A compiled model as an Executable: a pool of infer requests, and feeds padded to bucket sizes. Private to
// src/openvino.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/infer_request.hpp>

#include "graph/backend.hpp"
#include "graph/feeds.hpp"

namespace asterism {

// The token (or text) count that a run of `count` rows is padded to: few distinct sizes, so that the plugin's shape
// inference and primitives are made once for each, at most about 6 % of padding from 128 rows on.
std::int64_t bucket_size(std::int64_t count) noexcept;

class OpenVinoExecutable final : public Executable {
 public:
  // `requests` may run at the same time. The output rows count tokens or texts as `output_shapes` (the graph's) say.
  OpenVinoExecutable(ov::CompiledModel model, FeedPlan plan, std::vector<Shape> output_shapes,
                     std::size_t request_count);
  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const override;

 private:
  class Lease;
  Result<std::vector<Tensor>> infer(ov::InferRequest& request, const CheckedFeeds& feeds) const;
  ov::Tensor padded(const FeedSlot& slot, const Tensor& tensor, const CheckedFeeds& feeds) const;
  Tensor taken(const ov::Tensor& output, const Shape& shape, const CheckedFeeds& feeds) const;

  ov::CompiledModel model_;
  FeedPlan plan_;
  std::vector<Shape> output_shapes_;
  mutable std::mutex mutex_;
  mutable std::condition_variable request_free_;
  mutable std::vector<ov::InferRequest> free_requests_;
};

}  // namespace asterism
