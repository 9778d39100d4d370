#include "openvino/executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace asterism {

OpenVinoExecutable::OpenVinoExecutable(ov::CompiledModel model, FeedPlan plan, std::vector<Shape> output_shapes,
                                       const ExecutableOptions& options)
    : requests_(std::move(model), options.request_count),
      plan_(std::move(plan)),
      output_shapes_(std::move(output_shapes)),
      sizes_(options.sizes),
      row_count_(options.row_count) {}

Result<std::vector<Tensor>> OpenVinoExecutable::run(const std::vector<Feed>& feeds) const {
  const auto checked = plan_.check(feeds);
  if (!checked) {
    return std::unexpected(checked.error());
  }
  if (row_count_ != 0 && checked->row_count > row_count_) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("run: expected at most {} rows, as it was compiled for, found {}", row_count_, checked->row_count));
  }
  try {
    RequestPool::Lease lease(requests_);
    return infer(lease.request(), *checked);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInternal,
                fmt::format("OpenVINO could not run the model on {} tokens: {}", checked->token_count, e.what()));
  }
}

// A run without tokens or texts has one row of each that nobody reads.
std::int64_t OpenVinoExecutable::run_size(std::int64_t count) const noexcept {
  if (row_count_ != 0) {
    return row_count_;
  }
  return sizes_ == RunSizes::kBuckets ? bucket_size(count) : std::max<std::int64_t>(count, 1);
}

ov::Tensor OpenVinoExecutable::padded(const FeedSlot& slot, const Tensor& tensor, const CheckedFeeds& feeds) const {
  const std::int64_t rows = tensor.shape()[0];
  std::int64_t target = 0;
  switch (slot.role) {
    case FeedRole::kTokenIds:
    case FeedRole::kTokenRows:
      target = run_size(feeds.token_count);
      break;
    case FeedRole::kRows:
    case FeedRole::kRanges:
    case FeedRole::kRowIds:
    case FeedRole::kIdPerRow:
      target = run_size(feeds.row_count);
      break;
    case FeedRole::kOffsets:
      target = run_size(rows - 1) + 1;
      break;
  }
  ov::Shape shape;
  std::ranges::transform(tensor.shape(), std::back_inserter(shape),
                         [](std::int64_t dim) { return static_cast<std::size_t>(dim); });
  shape[0] = static_cast<std::size_t>(target);
  const ov::element::Type type = tensor.dtype() == DType::kI32 ? ov::element::i32 : ov::element::f32;
  if (target == rows) {
    // The plugin only reads its inputs.
    return {type, shape, const_cast<std::byte*>(tensor.bytes().data())};
  }
  ov::Tensor out(type, shape);
  auto* bytes = static_cast<std::byte*>(out.data());
  std::ranges::copy(tensor.bytes(), bytes);
  std::fill(bytes + tensor.bytes().size(), bytes + out.get_byte_size(), std::byte{0});
  if (slot.role == FeedRole::kOffsets) {  // padding texts are empty ones at the end
    auto* offsets = out.data<std::int32_t>();
    std::fill(offsets + rows, offsets + target, offsets[rows - 1]);
  }
  return out;
}

Result<Tensor> OpenVinoExecutable::taken(const ov::Tensor& output, const Shape& shape,
                                         const CheckedFeeds& feeds) const {
  Shape actual = shape;
  actual[0] = shape[0] == kRowDim ? feeds.row_count : feeds.token_count;
  Tensor out(DType::kF32, actual);
  const ov::Shape found = output.get_shape();
  const bool fits = found.size() == actual.size() && found[0] >= static_cast<std::size_t>(actual[0]) &&
                    std::equal(found.begin() + 1, found.end(), actual.begin() + 1,
                               [](std::size_t a, std::int64_t b) { return a == static_cast<std::size_t>(b); });
  if (!fits) {
    return fail(ErrorCode::kInternal,
                fmt::format("OpenVINO gave {} values where {} were expected: the lowering of an op "
                            "disagrees with its shape inference",
                            output.get_size(), shape_to_string(actual)));
  }
  if (out.element_count() > 0) {
    std::memcpy(out.mutable_as<float>().data(), output.data(), out.bytes().size());
  }
  return out;
}

Result<std::vector<Tensor>> OpenVinoExecutable::infer(ov::InferRequest& request, const CheckedFeeds& feeds) const {
  for (std::size_t i = 0; i < feeds.tensors.size(); ++i) {
    request.set_input_tensor(i, padded(plan_.slots()[i], *feeds.tensors[i], feeds));
  }
  request.infer();
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < output_shapes_.size(); ++i) {
    auto output = taken(request.get_output_tensor(i), output_shapes_[i], feeds);
    if (!output) {
      return std::unexpected(output.error());
    }
    outputs.push_back(*std::move(output));
  }
  return outputs;
}

}  // namespace asterism
