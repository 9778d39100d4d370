// How nearness of two vectors is measured, and in which form vectors are kept.
#pragma once

#include <cstdint>
#include <string_view>

namespace asterism {

// kCosine: cosine of the angle, in [-1, 1], larger is nearer. kDot: inner product, larger is nearer. kEuclidean: length
// of the difference, smaller is nearer.
enum class Metric : std::uint8_t { kCosine, kDot, kEuclidean };

constexpr std::string_view metric_name(Metric metric) noexcept {
  switch (metric) {
    case Metric::kCosine:
      return "cosine";
    case Metric::kDot:
      return "dot";
    case Metric::kEuclidean:
      return "euclidean";
  }
  return {};
}

constexpr bool larger_is_nearer(Metric metric) noexcept {
  return metric != Metric::kEuclidean;
}

// What one component of a kept vector is. kI8: round(value / scale) with one float scale a vector, the largest
// magnitude over 127.
enum class VectorType : std::uint8_t { kF32, kF16, kBF16, kI8 };

constexpr std::string_view vector_type_name(VectorType type) noexcept {
  switch (type) {
    case VectorType::kF32:
      return "f32";
    case VectorType::kF16:
      return "f16";
    case VectorType::kBF16:
      return "bf16";
    case VectorType::kI8:
      return "i8";
  }
  return {};
}

}  // namespace asterism
