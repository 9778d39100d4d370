// Forces between the few-dimensional places of rows: what t-SNE and PaCMAP sum in every step.
//
// SIMD by run-time dispatch (Highway); the *_scalar functions are the oracles of the tests and sum in double.
// Ownership: borrows all. Thread-safety: pure functions. Cost: one pass over the neighbours, or over all places. The
// order of the sums depends on the counts alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace asterism {

inline constexpr std::size_t kPlaceDimMax = 3;

// Places by coordinate: values[d * count + row], d < dim.
struct PlacesView {
  const float* values = nullptr;
  std::size_t count = 0;
  std::size_t dim = 0;  // 1 to kPlaceDimMax
};

using Place = std::array<float, kPlaceDimMax>;  // coordinates past dim are 0

// Sum over neighbours j of weights[j] * (at - y_j) / (1 + |at - y_j|^2): the pull of t-SNE.
Place student_pull(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                   std::span<const float> weights) noexcept;
Place student_pull_scalar(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                          std::span<const float> weights) noexcept;

// Sum over neighbours j of (at - y_j) / (softening + |at - y_j|^2)^2: each of PaCMAP's three forces.
Place softened_pull(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                    float softening) noexcept;
Place softened_pull_scalar(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                           float softening) noexcept;

// What all places together do to one.
struct StudentPush {
  std::array<double, kPlaceDimMax> force = {};  // sum of (at - y_j) / (1 + |at - y_j|^2)^2
  double weight = 0.0;                          // sum of 1 / (1 + |at - y_j|^2)
};
StudentPush student_push(const PlacesView& places, const Place& at) noexcept;
StudentPush student_push_scalar(const PlacesView& places, const Place& at) noexcept;

}  // namespace asterism
