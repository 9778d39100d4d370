// A vector of the same direction and length 1. Thread-safety: pure.
#pragma once

#include <cmath>
#include <span>
#include <vector>

namespace asterism {

// Zeros stay zeros.
inline void make_unit(std::span<float> vector) {
  double norm = 0.0;
  for (const float value : vector) {
    norm += static_cast<double>(value) * static_cast<double>(value);
  }
  if (norm > 0.0) {
    const double scale = 1.0 / std::sqrt(norm);
    for (float& value : vector) {
      value = static_cast<float>(static_cast<double>(value) * scale);
    }
  }
}

inline std::vector<float> unit_vector(std::span<const float> vector) {
  std::vector<float> unit(vector.begin(), vector.end());
  make_unit(unit);
  return unit;
}

}  // namespace asterism
