// The arithmetic of precompute_coeffs and normalize_coeffs_8bpc in Pillow's Resample.c, operation by operation: a
// weight that differs in its last bit moves pixels.
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

std::int32_t to_fixed_point(double weight) {
  const double scaled = weight * (1 << kPrecisionBits);
  return static_cast<std::int32_t>(weight < 0 ? -0.5 + scaled : 0.5 + scaled);
}

}  // namespace

FilterTaps make_filter_taps(std::int64_t input_size, std::int64_t output_size, Interpolation interpolation) {
  const Filter filter = filter_of(interpolation);
  // Pillow keeps the edges of the box in float.
  const double scale = static_cast<double>(static_cast<float>(input_size)) / static_cast<double>(output_size);
  const double filter_scale = std::max(scale, 1.0);
  const double support = filter.support * filter_scale;
  const double inverse_scale = 1.0 / filter_scale;
  const auto tap_count = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  FilterTaps taps(static_cast<std::size_t>(output_size), tap_count, kPrecisionBits);
  std::vector<double> values(tap_count);
  std::vector<std::int32_t> weights(tap_count);
  for (std::int64_t position = 0; position < output_size; ++position) {
    const double center = (static_cast<double>(position) + 0.5) * scale;
    const auto begin = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto end = std::min(static_cast<std::int64_t>(center + support + 0.5), input_size);
    const auto count = static_cast<std::size_t>(end - begin);
    double sum = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      values[i] =
          filter.value((static_cast<double>(static_cast<std::int64_t>(i) + begin) - center + 0.5) * inverse_scale);
      sum += values[i];
    }
    for (std::size_t i = 0; i < count; ++i) {
      weights[i] = to_fixed_point(sum != 0.0 ? values[i] / sum : values[i]);
    }
    taps.set(static_cast<std::size_t>(position), static_cast<std::uint32_t>(begin), std::span(weights).first(count));
  }
  return taps;
}

}  // namespace asterism
