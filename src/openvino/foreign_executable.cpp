#include "openvino/foreign_executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace asterism {

// Holds one infer request; gives it back when it goes.
class ForeignExecutable::Lease {
 public:
  explicit Lease(const ForeignExecutable& owner) : owner_(owner) {
    std::unique_lock lock(owner_.mutex_);
    owner_.request_free_.wait(lock, [&] { return !owner_.free_requests_.empty(); });
    request_ = std::move(owner_.free_requests_.back());
    owner_.free_requests_.pop_back();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    {
      const std::scoped_lock lock(owner_.mutex_);
      owner_.free_requests_.push_back(std::move(request_));
    }
    owner_.request_free_.notify_one();
  }
  ov::InferRequest& request() noexcept { return request_; }

 private:
  const ForeignExecutable& owner_;
  ov::InferRequest request_;
};

ForeignExecutable::ForeignExecutable(ov::CompiledModel model, ForeignExecutableOptions options)
    : model_(std::move(model)), options_(std::move(options)) {
  free_requests_.reserve(options_.request_count);
  for (std::size_t i = 0; i < options_.request_count; ++i) {
    free_requests_.push_back(model_.create_infer_request());
  }
}

Result<const Tensor*> ForeignExecutable::check(const std::vector<Feed>& feeds) const {
  const auto feed = std::ranges::find(feeds, kForeignInputName, &Feed::name);
  if (feed == feeds.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a feed '{}', found none", options_.source, kForeignInputName));
  }
  const Tensor& tensor = feed->tensor;
  const Shape& shape = tensor.shape();
  const bool fits = tensor.dtype() == DType::kF32 && shape.size() == 4 &&
                    std::equal(options_.image_shape.begin(), options_.image_shape.end(), shape.begin() + 1);
  if (!fits) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected images f32 [rows, {}, {}, {}], found {} {}", options_.source,
                            options_.image_shape[0], options_.image_shape[1], options_.image_shape[2],
                            dtype_name(tensor.dtype()), shape_to_string(shape)));
  }
  return &tensor;
}

Result<void> ForeignExecutable::infer(const Tensor& images, Tensor& out) const {
  const std::int64_t row_count = images.shape()[0];
  const std::int64_t step = options_.one_by_one ? 1 : row_count;
  const std::size_t image_size = images.bytes().size() / static_cast<std::size_t>(row_count);
  const std::size_t row_size = out.bytes().size() / static_cast<std::size_t>(row_count);
  auto* target = reinterpret_cast<std::byte*>(out.mutable_as<float>().data());
  Lease lease(*this);
  for (std::int64_t row = 0; row < row_count; row += step) {
    const auto at = static_cast<std::size_t>(row);
    const ov::Shape shape{static_cast<std::size_t>(step), static_cast<std::size_t>(options_.image_shape[0]),
                          static_cast<std::size_t>(options_.image_shape[1]),
                          static_cast<std::size_t>(options_.image_shape[2])};
    // The plugin only reads its inputs.
    auto* pixels = const_cast<std::byte*>(images.bytes().data() + at * image_size);
    lease.request().set_input_tensor(ov::Tensor(ov::element::f32, shape, pixels));
    lease.request().infer();
    const ov::Tensor result = lease.request().get_output_tensor();
    const std::size_t expected = row_size * static_cast<std::size_t>(step);
    if (result.get_byte_size() != expected) {
      return fail(ErrorCode::kInternal, fmt::format("{}: expected {} bytes for {} images, found {}", options_.source,
                                                    expected, step, result.get_byte_size()));
    }
    std::memcpy(target + at * row_size, result.data(), expected);
  }
  return {};
}

Result<std::vector<Tensor>> ForeignExecutable::run(const std::vector<Feed>& feeds) const {
  const auto images = check(feeds);
  if (!images) {
    return std::unexpected(images.error());
  }
  Shape shape{(*images)->shape()[0]};
  shape.insert(shape.end(), options_.row_shape.begin(), options_.row_shape.end());
  Tensor out(DType::kF32, std::move(shape));
  if (out.element_count() > 0) {
    try {
      if (auto done = infer(**images, out); !done) {
        return std::unexpected(done.error());
      }
    } catch (const std::exception& e) {
      return fail(ErrorCode::kInternal, fmt::format("{}: OpenVINO could not run the model on {} images: {}",
                                                    options_.source, (*images)->shape()[0], e.what()));
    }
  }
  return std::vector<Tensor>{std::move(out)};
}

}  // namespace asterism
