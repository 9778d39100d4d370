// A dense row-major tensor: dtype, shape, and bytes that it owns or shares (a file mapping).
//
// Copying a Tensor shares the bytes; they are immutable through shared copies by convention: only the code that
// allocated a tensor writes to it, before it hands it on. Thread-safety: reads from many threads.
// Cost: allocation is 64-byte aligned; copies are a reference count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "tensor/dtype.hpp"

namespace asterism {

using Shape = std::vector<std::int64_t>;

// "[30522, 384]"
std::string shape_to_string(std::span<const std::int64_t> shape);
// Product of the dimensions; kCorrupt on a negative dimension or on overflow of 2^62.
Result<std::size_t> shape_element_count(std::span<const std::int64_t> shape);

class Tensor {
 public:
  Tensor() = default;
  // Uninitialised storage. The shape must be valid (shape_element_count succeeds): checked, aborts on our own bug.
  Tensor(DType dtype, Shape shape);
  // Shares `bytes`, kept alive by `owner`; `bytes` must be exactly the tensor's size. Alignment may be any.
  Tensor(DType dtype, Shape shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  DType dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return shape_; }
  std::size_t element_count() const noexcept { return element_count_; }
  std::span<const std::byte> bytes() const noexcept { return {data_, element_count_ * dtype_size_bytes(dtype_)}; }

  // Typed access; T must match dtype() and the storage be aligned for T (always so for owned storage).
  template <typename T>
  std::span<const T> as() const noexcept {
    return {reinterpret_cast<const T*>(data_), element_count_};
  }
  template <typename T>
  std::span<T> mutable_as() noexcept {
    return {reinterpret_cast<T*>(const_cast<std::byte*>(data_)), element_count_};
  }

  // The same values as float32, widened or rounded; shares the bytes when they already are aligned float32.
  Tensor to_f32() const;
  // The same values as float16, rounded to the nearest; beyond its range they become infinite.
  Tensor to_f16() const;

 private:
  DType dtype_ = DType::kF32;
  Shape shape_{0};
  std::size_t element_count_ = 0;
  const std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

}  // namespace asterism
