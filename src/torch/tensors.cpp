#include "torch/tensors.hpp"

#include <ATen/Functions.h>

#include <cstdint>
#include <cstring>

namespace asterism {

at::Tensor borrowed(const Tensor& tensor) {
  const at::ScalarType type = tensor.dtype() == DType::kI32 ? at::kInt : at::kFloat;
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes().data());
  if (tensor.bytes().empty() || address % dtype_size_bytes(tensor.dtype()) != 0) {
    at::Tensor copy = at::empty(tensor.shape(), type);
    std::ranges::copy(tensor.bytes(), static_cast<std::byte*>(copy.data_ptr()));
    return copy;
  }
  // torch has no tensors of constant bytes; the ops that are called write to none of their inputs.
  return at::from_blob(const_cast<std::byte*>(tensor.bytes().data()), tensor.shape(), at::TensorOptions(type));
}

Tensor copied(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  Tensor out(DType::kF32, Shape(plain.sizes().begin(), plain.sizes().end()));
  if (out.element_count() > 0) {
    std::memcpy(out.mutable_as<float>().data(), plain.data_ptr(), out.bytes().size());
  }
  return out;
}

}  // namespace asterism
