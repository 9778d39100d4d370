// The arithmetic of precompute_coeffs and normalize_coeffs_8bpc in Pillow's Resample.c, and of PyTorch's
// _compute_index_ranges_int16_weights (UpSampleKernel.cpp), operation by operation: a weight that differs in its last
// bit moves pixels.
#include "image/filter_weights.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

namespace asterism {
namespace {

// 32 bits less 8 for the result and 2 for sums outside of its range.
constexpr int kPrecisionBits = 22;

struct Filter {
  double (*value)(double x);
  double support;  // zero outside of [-support, support]
};

double box_filter(double x) {
  return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

double bilinear_filter(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double hamming_filter(double x) {
  x = std::abs(x);
  if (x == 0.0) {
    return 1.0;
  }
  if (x >= 1.0) {
    return 0.0;
  }
  x *= std::numbers::pi;
  return std::sin(x) / x * (static_cast<double>(0.54F) + static_cast<double>(0.46F) * std::cos(x));
}

double bicubic_filter(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  }
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * kA : 0.0;
}

double sinc(double x) {
  if (x == 0.0) {
    return 1.0;
  }
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos_filter(double x) {
  return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

Filter filter_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::kBox:
      return {box_filter, 0.5};
    case Interpolation::kBilinear:
      return {bilinear_filter, 1.0};
    case Interpolation::kHamming:
      return {hamming_filter, 1.0};
    case Interpolation::kLanczos:
      return {lanczos_filter, 3.0};
    default:
      return {bicubic_filter, 2.0};
  }
}

std::int32_t to_fixed_point(double weight, int precision_bits) {
  const double scaled = weight * (1 << precision_bits);
  return static_cast<std::int32_t>(weight < 0 ? -0.5 + scaled : 0.5 + scaled);
}

// The largest number of bits, up to Pillow's, with which the largest weight fits 16 bits.
int torch_precision_bits(double largest_weight) {
  int bits = 0;
  while (bits < kPrecisionBits && static_cast<std::int64_t>(0.5 + largest_weight * (1 << (bits + 1))) < (1 << 15)) {
    ++bits;
  }
  return bits;
}

// All positions' weights before they become whole numbers.
struct ExactTaps {
  std::size_t tap_count = 0;
  std::vector<std::uint32_t> begin;
  std::vector<std::size_t> size;
  std::vector<double> weights;  // [position, tap]
  double largest = 0.0;
};

ExactTaps make_exact_taps(std::int64_t input_size, std::int64_t output_size, const Filter& filter) {
  // Pillow keeps the edges of the box in float; whole numbers of this size are the same in both.
  const double scale = static_cast<double>(input_size) / static_cast<double>(output_size);
  const double filter_scale = std::max(scale, 1.0);
  const double support = filter.support * filter_scale;
  const double inverse_scale = 1.0 / filter_scale;
  ExactTaps taps;
  taps.tap_count = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(static_cast<std::size_t>(output_size) * taps.tap_count);
  for (std::int64_t position = 0; position < output_size; ++position) {
    const double center = (static_cast<double>(position) + 0.5) * scale;
    const auto begin = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto end = std::min(static_cast<std::int64_t>(center + support + 0.5), input_size);
    const std::span<double> values =
        std::span(taps.weights)
            .subspan(static_cast<std::size_t>(position) * taps.tap_count, static_cast<std::size_t>(end - begin));
    double sum = 0.0;
    for (std::int64_t at = begin; at < end; ++at) {
      const double value = filter.value((static_cast<double>(at) - center + 0.5) * inverse_scale);
      values[static_cast<std::size_t>(at - begin)] = value;
      sum += value;
    }
    for (double& value : values) {
      value = sum != 0.0 ? value / sum : value;
      taps.largest = std::max(taps.largest, value);
    }
    taps.begin.push_back(static_cast<std::uint32_t>(begin));
    taps.size.push_back(values.size());
  }
  return taps;
}

}  // namespace

FilterTaps make_filter_taps(std::int64_t input_size, std::int64_t output_size, Interpolation interpolation,
                            ResizeArithmetic arithmetic) {
  const ExactTaps exact = make_exact_taps(input_size, output_size, filter_of(interpolation));
  const int precision_bits =
      arithmetic == ResizeArithmetic::kTorch ? torch_precision_bits(exact.largest) : kPrecisionBits;
  FilterTaps taps(static_cast<std::size_t>(output_size), exact.tap_count, precision_bits);
  std::vector<std::int32_t> weights(exact.tap_count);
  for (std::size_t position = 0; position < exact.begin.size(); ++position) {
    for (std::size_t tap = 0; tap < exact.size[position]; ++tap) {
      weights[tap] = to_fixed_point(exact.weights[position * exact.tap_count + tap], precision_bits);
    }
    taps.set(position, exact.begin[position], std::span(weights).first(exact.size[position]));
  }
  return taps;
}

}  // namespace asterism
