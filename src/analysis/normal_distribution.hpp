// The standard normal distribution and its inverse, in double. Thread-safety: pure functions.
#pragma once

#include <cmath>
#include <numbers>

namespace asterism {

inline double normal_probability(double z) noexcept {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

// The z below which the share `probability` lies; -infinity and infinity at 0 and 1, NaN outside. Relative error below
// 1e-15 (Wichura 1988, "Algorithm AS 241: The Percentage Points of the Normal Distribution", PPND16).
double normal_quantile(double probability) noexcept;

}  // namespace asterism
