#include "torch/products.hpp"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "torch/blas.hpp"

namespace asterism {
namespace {

// Below this many multiplications waking another thread costs more than it saves.
constexpr std::int64_t kParallelWorkMin = 1 << 16;

// A matrix in memory, read by rows or (transposed) by columns.
struct MatrixView {
  const float* data = nullptr;
  int stride = 0;
  bool transposed = false;
};

bool is_blas_matrix(const at::Tensor& x) {
  const std::int64_t rows = x.stride(-2);
  const std::int64_t columns = x.stride(-1);
  return (columns == 1 && rows >= std::max<std::int64_t>(1, x.size(-1))) ||
         (rows == 1 && columns >= std::max<std::int64_t>(1, x.size(-2)));
}

at::Tensor as_blas_matrices(const at::Tensor& x) {
  return is_blas_matrix(x) ? x : x.contiguous();
}

MatrixView view_of(const at::Tensor& x, std::int64_t offset) {
  const bool transposed = x.stride(-1) != 1 || x.stride(-2) < x.size(-1);
  const std::int64_t stride = transposed ? x.stride(-1) : x.stride(-2);
  return {x.data_ptr<float>() + offset, static_cast<int>(std::max<std::int64_t>(stride, 1)), transposed};
}

struct ProductSizes {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
};

void multiply(const ProductSizes& sizes, float scale, const MatrixView& a, const MatrixView& b, float keep, float* out,
              std::int64_t out_stride) {
  if (sizes.rows == 0 || sizes.columns == 0) {
    return;
  }
  blas_sgemm(BlasProduct{.transpose_a = a.transposed,
                         .transpose_b = b.transposed,
                         .rows = static_cast<int>(sizes.rows),
                         .columns = static_cast<int>(sizes.columns),
                         .depth = static_cast<int>(sizes.depth),
                         .scale = scale,
                         .a = a.data,
                         .stride_a = a.stride,
                         .b = b.data,
                         .stride_b = b.stride,
                         .keep = keep,
                         .out = out,
                         .stride_out = static_cast<int>(out_stride)});
}

MatrixView from_row(MatrixView view, std::int64_t row) {
  view.data += view.transposed ? row : row * view.stride;
  return view;
}

MatrixView from_column(MatrixView view, std::int64_t column) {
  view.data += view.transposed ? column * view.stride : column;
  return view;
}

// As many parts as threads, so that what is computed depends on their number alone.
template <typename Body>
void in_parts(std::int64_t count, std::int64_t work, const Body& body) {
  const std::int64_t parts = work < kParallelWorkMin ? 1 : at::get_num_threads();
  const std::int64_t grain = std::max<std::int64_t>(1, (count + parts - 1) / parts);
  at::parallel_for(0, count, grain, body);
}

// a b + keep * out of two-dimensional matrices, by rows of the result or by columns, whichever are more.
void multiply_in_parts(const at::Tensor& a, const at::Tensor& b, float keep, at::Tensor& out) {
  const ProductSizes sizes{a.size(0), b.size(1), a.size(1)};
  const MatrixView left = view_of(a, 0);
  const MatrixView right = view_of(b, 0);
  auto* data = out.data_ptr<float>();
  const std::int64_t stride = out.size(1);
  const std::int64_t work = sizes.rows * sizes.columns * sizes.depth;
  if (sizes.rows >= sizes.columns) {
    in_parts(sizes.rows, work, [&](std::int64_t begin, std::int64_t end) {
      multiply({end - begin, sizes.columns, sizes.depth}, 1.0F, from_row(left, begin), right, keep,
               data + begin * stride, stride);
    });
  } else {
    in_parts(sizes.columns, work, [&](std::int64_t begin, std::int64_t end) {
      multiply({sizes.rows, end - begin, sizes.depth}, 1.0F, left, from_column(right, begin), keep, data + begin,
               stride);
    });
  }
}

at::Tensor product_of(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  multiply_in_parts(as_blas_matrices(a), as_blas_matrices(b), 0.0F, out);
  return out;
}

class SplitLinear : public torch::autograd::Function<SplitLinear> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    context->save_for_backward({x, weight});
    const bool has_bias = bias.numel() > 0;
    context->saved_data["bias"] = has_bias;
    std::vector<std::int64_t> shape(x.sizes().begin(), x.sizes().end());
    shape.back() = weight.size(0);
    at::Tensor out = at::empty(shape, x.options());
    at::Tensor rows = out.view({-1, shape.back()});
    if (has_bias) {
      rows.copy_(bias.expand_as(rows));
    }
    multiply_in_parts(as_blas_matrices(x.reshape({rows.size(0), x.size(-1)})), as_blas_matrices(weight.t()),
                      has_bias ? 1.0F : 0.0F, rows);
    return out;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor out = gradients[0].reshape({-1, weight.size(0)});
    const at::Tensor rows = x.reshape({out.size(0), x.size(-1)});
    at::Tensor to_x;
    at::Tensor to_weight;
    at::Tensor to_bias;
    if (x.requires_grad()) {
      to_x = product_of(out, weight).view(x.sizes());
    }
    if (weight.requires_grad()) {
      to_weight = product_of(out.t(), rows);
    }
    if (context->saved_data["bias"].toBool()) {
      to_bias = out.sum(0);
    }
    return {to_x, to_weight, to_bias};
  }
};

// Where each of the matrices of a tensor begins.
std::vector<std::int64_t> matrix_offsets(const at::Tensor& x) {
  std::vector<std::int64_t> offsets{0};
  for (std::int64_t axis = 0; axis < x.dim() - 2; ++axis) {
    std::vector<std::int64_t> longer;
    longer.reserve(offsets.size() * static_cast<std::size_t>(x.size(axis)));
    for (const std::int64_t offset : offsets) {
      for (std::int64_t i = 0; i < x.size(axis); ++i) {
        longer.push_back(offset + i * x.stride(axis));
      }
    }
    offsets = std::move(longer);
  }
  return offsets;
}

at::Tensor batched_product_of(const at::Tensor& a, const at::Tensor& b, double scale) {
  const at::Tensor left = as_blas_matrices(a);
  const at::Tensor right = as_blas_matrices(b);
  const ProductSizes sizes{a.size(-2), b.size(-1), a.size(-1)};
  std::vector<std::int64_t> shape(a.sizes().begin(), a.sizes().end());
  shape.back() = sizes.columns;
  at::Tensor out = at::empty(shape, a.options());
  const std::vector<std::int64_t> left_offsets = matrix_offsets(left);
  const std::vector<std::int64_t> right_offsets = matrix_offsets(right);
  auto* data = out.data_ptr<float>();
  const std::int64_t size = sizes.rows * sizes.columns;
  const auto count = static_cast<std::int64_t>(left_offsets.size());
  in_parts(count, count * size * sizes.depth, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<std::size_t>(i);
      multiply(sizes, static_cast<float>(scale), view_of(left, left_offsets[index]),
               view_of(right, right_offsets[index]), 0.0F, data + i * size, sizes.columns);
    }
  });
  return out;
}

class SplitProduct : public torch::autograd::Function<SplitProduct> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& a, const at::Tensor& b,
                            double scale) {
    context->save_for_backward({a, b});
    context->saved_data["scale"] = scale;
    return batched_product_of(a, b, scale);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const double scale = context->saved_data["scale"].toDouble();
    at::Tensor to_a;
    at::Tensor to_b;
    if (saved[0].requires_grad()) {
      to_a = batched_product_of(gradients[0], saved[1].transpose(-2, -1), scale);
    }
    if (saved[1].requires_grad()) {
      to_b = batched_product_of(saved[0].transpose(-2, -1), gradients[0], scale);
    }
    return {to_a, to_b, at::Tensor()};
  }
};

}  // namespace

bool can_split_products(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.numel() > 0 &&
         tensor.numel() < std::numeric_limits<int>::max() && blas_kind() == BlasKind::kOpenBlas;
}

at::Tensor split_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  // A custom function takes no undefined tensors.
  return SplitLinear::apply(x, weight, bias.defined() ? bias : at::empty({0}, weight.options()));
}

at::Tensor split_product(const at::Tensor& a, const at::Tensor& b, double scale) {
  return SplitProduct::apply(a, b, scale);
}

}  // namespace asterism
