// Random numbers that are a function of what they are for: a key of seed, epoch, row and purpose gives the same numbers
// whichever thread asks, and whenever.
//
// SplitMix64 (Steele, Lea and Flood 2014) over a state mixed from the key. Thread-safety: one thread; a value each.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

namespace asterism {

class SeededRandom {
 public:
  using result_type = std::uint64_t;

  explicit SeededRandom(std::initializer_list<std::uint64_t> key) {
    for (const std::uint64_t part : key) {
      state_ = mixed(state_ ^ mixed(part + kStep));
    }
  }

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return mixed(state_ += kStep); }

  // In [0, 1), with 53 random bits.
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  bool chance(double probability) { return uniform() < probability; }
  // In [0, count). The bias is below count / 2^64.
  std::int64_t below(std::int64_t count) { return static_cast<std::int64_t>(uniform() * static_cast<double>(count)); }
  // N(0, 1) by Box and Muller.
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }
  // Beta(alpha, alpha) of two gamma variates.
  double beta(double alpha) {
    std::gamma_distribution<double> gamma(alpha, 1.0);
    const double a = gamma(*this);
    const double b = gamma(*this);
    return a + b > 0.0 ? a / (a + b) : 0.5;
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
    }
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ULL;
  static constexpr std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_ = 0;
};

// The last part of a key: what the numbers are for.
enum class RandomPurpose : std::uint64_t { kOrder = 1, kView, kMask, kNoise, kMixup, kInputNoise, kLabelOrder };

}  // namespace asterism
