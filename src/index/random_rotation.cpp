#include "index/random_rotation.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

#include "base/counter_random.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRoundCount = 4;
constexpr std::uint64_t kSeed = 0xA57E'0192;

// Sums and differences of all pairs at each distance, in place; the length grows by the square root of the size.
void hadamard(float* values, std::size_t size) noexcept {
  for (std::size_t half = 1; half < size; half *= 2) {
    for (std::size_t begin = 0; begin < size; begin += 2 * half) {
      float* low = values + begin;
      float* high = low + half;
      for (std::size_t i = 0; i < half; ++i) {
        const float sum = low[i] + high[i];
        high[i] = low[i] - high[i];
        low[i] = sum;
      }
    }
  }
}

}  // namespace

RandomRotation::RandomRotation(std::size_t dim) : dim_(dim), part_(std::bit_floor(dim)), signs_(kRoundCount * part_) {
  const CounterRandom random(kSeed);
  const float keeps_length = 1.0F / std::sqrt(static_cast<float>(part_));
  for (std::size_t i = 0; i < signs_.size(); ++i) {
    signs_[i] = (random.bits(i) & 1U) != 0 ? keeps_length : -keeps_length;
  }
}

void RandomRotation::apply(std::span<float> vector) const noexcept {
  for (std::size_t round = 0; round < kRoundCount; ++round) {
    float* part = vector.data() + (round % 2 == 0 ? 0 : dim_ - part_);
    const float* signs = signs_.data() + round * part_;
    for (std::size_t i = 0; i < part_; ++i) {
      part[i] *= signs[i];
    }
    hadamard(part, part_);
  }
}

}  // namespace asterism
