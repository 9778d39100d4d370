#include "models/initial_values.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace asterism {
namespace {

constexpr std::uint64_t kGamma = 0x9E3779B97F4A7C15U;

// The mixing function of SplitMix64.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

class Bits {
 public:
  explicit Bits(const ValueStream& stream) : state_(mix(stream.seed + kGamma)) {
    for (const char letter : stream.name) {
      state_ = mix(state_ + kGamma + static_cast<unsigned char>(letter));
    }
  }
  // In (0, 1): never 0, so that its logarithm is finite.
  double next() {
    state_ += kGamma;
    return (static_cast<double>(mix(state_) >> 11U) + 0.5) * 0x1.0p-53;
  }

 private:
  std::uint64_t state_;
};

}  // namespace

Tensor constant_values(Shape shape, float value) {
  Tensor tensor(DType::kF32, std::move(shape));
  for (float& element : tensor.mutable_as<float>()) {
    element = value;
  }
  return tensor;
}

Tensor normal_values(const ValueStream& stream, Shape shape, double standard_deviation) {
  Tensor tensor(DType::kF32, std::move(shape));
  Bits bits(stream);
  for (float& element : tensor.mutable_as<float>()) {
    const double radius = std::sqrt(-2.0 * std::log(bits.next()));
    element = static_cast<float>(standard_deviation * radius * std::cos(2.0 * std::numbers::pi * bits.next()));
  }
  return tensor;
}

Tensor uniform_values(const ValueStream& stream, Shape shape, double bound) {
  Tensor tensor(DType::kF32, std::move(shape));
  Bits bits(stream);
  for (float& element : tensor.mutable_as<float>()) {
    element = static_cast<float>(bound * (2.0 * bits.next() - 1.0));
  }
  return tensor;
}

double fan_in(const Shape& shape) {
  double product = 1.0;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) {
    product *= static_cast<double>(shape[axis]);
  }
  return product;
}

double fan_out(const Shape& shape) {
  double product = shape.empty() ? 1.0 : static_cast<double>(shape[0]);
  for (std::size_t axis = 2; axis < shape.size(); ++axis) {
    product *= static_cast<double>(shape[axis]);
  }
  return product;
}

Tensor torch_default_values(const ValueStream& stream, Shape shape, double weight_fan_in) {
  return uniform_values(stream, std::move(shape), 1.0 / std::sqrt(weight_fan_in));
}

Tensor kaiming_normal_values(const ValueStream& stream, const Shape& shape) {
  return normal_values(stream, shape, std::sqrt(2.0 / fan_out(shape)));
}

Tensor kaiming_uniform_values(const ValueStream& stream, const Shape& shape) {
  return uniform_values(stream, shape, std::sqrt(6.0 / fan_in(shape)));
}

Tensor glorot_uniform_values(const ValueStream& stream, const Shape& shape) {
  return uniform_values(stream, shape, std::sqrt(6.0 / (fan_in(shape) + fan_out(shape))));
}

Tensor sincos_positions(std::int64_t grid_side, std::int64_t dim) {
  Tensor tensor = constant_values({1, 1 + grid_side * grid_side, dim}, 0.0F);
  const auto values = tensor.mutable_as<float>();
  const std::int64_t quarter = dim / 4;
  for (std::int64_t row = 0; row < grid_side; ++row) {
    for (std::int64_t column = 0; column < grid_side; ++column) {
      const auto token = static_cast<std::size_t>((1 + row * grid_side + column) * dim);
      for (std::int64_t i = 0; i < quarter; ++i) {
        const double rate = std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(quarter));
        const double along = static_cast<double>(column) * rate;
        const double down = static_cast<double>(row) * rate;
        const auto at = [&](std::int64_t part) -> float& {
          return values[token + static_cast<std::size_t>(part * quarter + i)];
        };
        at(0) = static_cast<float>(std::sin(along));
        at(1) = static_cast<float>(std::cos(along));
        at(2) = static_cast<float>(std::sin(down));
        at(3) = static_cast<float>(std::cos(down));
      }
    }
  }
  return tensor;
}

}  // namespace asterism
