// Random tensors that depend on a seed and on the tensor's own name: the same whatever else a model has and in which
// order its tensors are made.
//
// Values come from SplitMix64 (Steele et al. 2014) as a function of (seed, name, index), normal ones by Box and Muller
// 1958. Ownership: gives owned f32 tensors. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/tensor.hpp"

namespace asterism {

// What the values of one tensor are drawn from.
struct ValueStream {
  std::uint64_t seed = 0;
  std::string_view name;
};

Tensor constant_values(Shape shape, float value);
Tensor normal_values(const ValueStream& stream, Shape shape, double standard_deviation);
// From [-bound, bound).
Tensor uniform_values(const ValueStream& stream, Shape shape, double bound);

// Inputs and outputs of one unit of a weight [out, in, ...]: torch.nn.init's fan.
double fan_in(const Shape& shape);
double fan_out(const Shape& shape);

// torch's default for linear layers and convolutions: uniform up to 1 / sqrt(fan in), weight and bias alike.
Tensor torch_default_values(const ValueStream& stream, Shape shape, double weight_fan_in);
// He et al. 2015, equation 10, by the outputs: normal with variance 2 / fan out.
Tensor kaiming_normal_values(const ValueStream& stream, const Shape& shape);
// He et al. 2015 by the inputs, uniform: for layers that a ReLU follows.
Tensor kaiming_uniform_values(const ValueStream& stream, const Shape& shape);
// Glorot and Bengio 2010, equation 16: for layers without one.
Tensor glorot_uniform_values(const ValueStream& stream, const Shape& shape);

// Fixed positions [1, 1 + grid^2, dim] of masked autoencoders, the class token's all 0: sines and cosines of the
// column, then of the row, dim / 4 each. He et al. 2022; get_2d_sincos_pos_embed of their code. `dim` is a multiple of
// 4.
Tensor sincos_positions(std::int64_t grid_side, std::int64_t dim);

}  // namespace asterism
