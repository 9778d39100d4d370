// A compiled model as an Executable: a pool of infer requests. Private to
// src/openvino.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/infer_request.hpp>

#include "graph/backend.hpp"
#include "graph/feeds.hpp"
#include "openvino/request_pool.hpp"
#include "openvino/run_sizes.hpp"

namespace asterism {

struct ExecutableOptions {
  std::size_t request_count = 1;  // runs at the same time
  RunSizes sizes = RunSizes::kExact;
  std::int64_t row_count = 0;  // that every run is filled up to; 0 = runs have sizes of their own
};

class OpenVinoExecutable final : public Executable {
 public:
  // The output rows count tokens or texts as `output_shapes` (the graph's) say.
  OpenVinoExecutable(ov::CompiledModel model, FeedPlan plan, std::vector<Shape> output_shapes,
                     const ExecutableOptions& options);
  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const override;

 private:
  Result<std::vector<Tensor>> infer(ov::InferRequest& request, const CheckedFeeds& feeds) const;
  std::int64_t run_size(std::int64_t count) const noexcept;
  ov::Tensor padded(const FeedSlot& slot, const Tensor& tensor, const CheckedFeeds& feeds) const;
  Result<Tensor> taken(const ov::Tensor& output, const Shape& shape, const CheckedFeeds& feeds) const;

  mutable RequestPool requests_;
  FeedPlan plan_;
  std::vector<Shape> output_shapes_;
  RunSizes sizes_;
  std::int64_t row_count_;
};

}  // namespace asterism
