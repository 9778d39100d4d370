#include "tensor/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace asterism {
namespace {

constexpr std::size_t kAlignmentBytes = 64;
constexpr std::size_t kElementCountMax = std::size_t{1} << 62;

std::shared_ptr<std::byte> allocate(std::size_t size_bytes) {
  void* p = ::operator new (size_bytes == 0 ? 1 : size_bytes, std::align_val_t{kAlignmentBytes});
  return {static_cast<std::byte*>(p), [](std::byte* q) { ::operator delete (q, std::align_val_t{kAlignmentBytes}); }};
}

template <typename From, typename Convert>
void widen(std::span<const std::byte> bytes, std::span<float> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));  // file mappings may be unaligned
    out[i] = convert(value);
  }
}

}  // namespace

std::string shape_to_string(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<std::size_t> shape_element_count(std::span<const std::int64_t> shape) {
  std::size_t count = 1;
  bool empty = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) {
      return fail(ErrorCode::kCorrupt, fmt::format("shape {} has a negative dimension", shape_to_string(shape)));
    }
    if (dim == 0) {
      empty = true;
    } else if (count > kElementCountMax / static_cast<std::size_t>(dim)) {
      return fail(ErrorCode::kCorrupt, fmt::format("shape {} has too many elements", shape_to_string(shape)));
    } else {
      count *= static_cast<std::size_t>(dim);
    }
  }
  return empty ? 0 : count;
}

Tensor::Tensor(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)) {
  const auto count = shape_element_count(shape_);
  if (!count) {
    std::abort();  // our own bug: shapes from files are checked where they are read
  }
  element_count_ = *count;
  auto storage = allocate(element_count_ * dtype_size_bytes(dtype_));
  data_ = storage.get();
  owner_ = std::move(storage);
}

Tensor::Tensor(DType dtype, Shape shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
    : dtype_(dtype), shape_(std::move(shape)), data_(bytes.data()), owner_(std::move(owner)) {
  const auto count = shape_element_count(shape_);
  if (!count || *count * dtype_size_bytes(dtype_) != bytes.size()) {
    std::abort();  // our own bug, as above
  }
  element_count_ = *count;
}

Tensor Tensor::to_f32() const {
  if (dtype_ == DType::kF32 && reinterpret_cast<std::uintptr_t>(data_) % alignof(float) == 0) {
    return *this;
  }
  Tensor out(DType::kF32, shape_);
  const std::span<float> values = out.mutable_as<float>();
  const auto cast = [](auto v) { return static_cast<float>(v); };
  switch (dtype_) {
    case DType::kF64:
      widen<double>(bytes(), values, cast);
      break;
    case DType::kF32:
      widen<float>(bytes(), values, cast);
      break;
    case DType::kF16:
      widen<std::uint16_t>(bytes(), values, f16_to_f32);
      break;
    case DType::kBF16:
      widen<std::uint16_t>(bytes(), values, bf16_to_f32);
      break;
    case DType::kI64:
      widen<std::int64_t>(bytes(), values, cast);
      break;
    case DType::kI32:
      widen<std::int32_t>(bytes(), values, cast);
      break;
    case DType::kI16:
      widen<std::int16_t>(bytes(), values, cast);
      break;
    case DType::kI8:
      widen<std::int8_t>(bytes(), values, cast);
      break;
    case DType::kU8:
    case DType::kBool:
      widen<std::uint8_t>(bytes(), values, cast);
      break;
  }
  return out;
}

Tensor Tensor::to_f16() const {
  const Tensor wide = to_f32();
  Tensor out(DType::kF16, shape_);
  std::ranges::transform(wide.as<float>(), out.mutable_as<std::uint16_t>().begin(), f32_to_f16);
  return out;
}

}  // namespace asterism
