// Products of matrices in float32 on the CPU, divided among torch's own threads. Private to src/torch.
//
// Debian's libtorch multiplies by OpenBLAS, whose threads and torch's wait for each other: both spin, and a step takes
// twice as long (decision 0122). Here OpenBLAS computes on one thread and torch's threads take parts of the product.
// Autograd follows. Where OpenBLAS is not what torch multiplies with, nothing of this is used.
#pragma once

#include <ATen/core/Tensor.h>

namespace asterism {

// Whether the functions below can be called for a tensor.
bool can_split_products(const at::Tensor& tensor);

// torch.nn.functional.linear; `bias` may be undefined.
at::Tensor split_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// scale * a b for each of the matrices in the last two dimensions; the dimensions before agree. Views that read rows or
// columns in another order are not copied.
at::Tensor split_product(const at::Tensor& a, const at::Tensor& b, double scale);

}  // namespace asterism
