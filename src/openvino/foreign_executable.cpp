#include "openvino/foreign_executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace asterism {

ForeignExecutable::ForeignExecutable(ov::CompiledModel model, ForeignExecutableOptions options)
    : requests_(std::move(model), options.request_count), options_(std::move(options)) {}

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
  RequestPool::Lease lease(requests_);
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
