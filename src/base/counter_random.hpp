// Random numbers by address: the value of a (seed, stream, counter) is always the same, whoever asks, in any order.
//
// What lets parallel work be repeated bit for bit: a loop draws by the number of its row or step and never by which
// thread came first. The bits are those of SplitMix64's finaliser over a Weyl sequence (Steele, Lea, Flood 2014, "Fast
// splittable pseudorandom number generators"). Not for secrets. Thread-safety: pure functions of a value. Cost: a few
// multiplications.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace asterism {

class CounterRandom {
 public:
  // Streams of one seed are independent: one for each use ("initial places", "negative samples").
  constexpr explicit CounterRandom(std::uint64_t seed, std::uint64_t stream = 0) noexcept
      : key_(mix(seed + kGolden) ^ mix(stream * kGolden + kStreamOffset)) {}

  constexpr std::uint64_t bits(std::uint64_t counter) const noexcept { return mix(key_ + counter * kGolden); }

  // In [0, 1), multiples of 2^-53.
  constexpr double uniform(std::uint64_t counter) const noexcept {
    return static_cast<double>(bits(counter) >> 11U) * 0x1.0p-53;
  }

  // In [0, bound), bound at least 1. Bias below bound / 2^32 (Lemire's multiplication of the high bits).
  constexpr std::uint32_t below(std::uint64_t counter, std::uint32_t bound) const noexcept {
    return static_cast<std::uint32_t>(((bits(counter) >> 32U) * bound) >> 32U);
  }

  // Standard normal (Box and Muller 1958, the cosine half). Uses counters 2 * counter and 2 * counter + 1.
  double normal(std::uint64_t counter) const noexcept {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(2 * counter)));
    return radius * std::cos(2.0 * std::numbers::pi * uniform(2 * counter + 1));
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
  static constexpr std::uint64_t kStreamOffset = 0xd1b54a32d192ed03ULL;

  static constexpr std::uint64_t mix(std::uint64_t value) noexcept {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31U);
  }

  std::uint64_t key_;
};

}  // namespace asterism
