// Tensors of Asterism as tensors of torch, and back. Private to src/torch.
#pragma once

#include <ATen/core/Tensor.h>

#include "tensor/tensor.hpp"

namespace asterism {

// Shares the bytes of an i32 or f32 tensor, which must outlive the result; nobody writes to it. Bytes that are not
// aligned for their type are copied.
at::Tensor borrowed(const Tensor& tensor);

// A copy in row-major float32 on the CPU, wherever and however torch holds the values.
Tensor copied(const at::Tensor& tensor);

}  // namespace asterism
