// What every way of moving places on a UMAP shares: forces of an epoch, and places that push, drawn by address.
//
// Thread-safety: pure functions. Cost: one random word for two draws.
#pragma once

#include <cstddef>
#include <cstdint>

#include "analysis/umap_layout.hpp"
#include "base/counter_random.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {

inline constexpr std::uint64_t kNegativeStream = 0x6e65676174697665ULL;

// Words of the stream that one edge has in one epoch.
inline std::uint64_t words_per_edge(const UmapLayoutOptions& options) {
  return (options.negative_sample_count + 1) / 2;
}

// Numbers below `bound`, two from one random word, kUmapLanes apart.
inline void draw_others(const CounterRandom& random, std::uint64_t first_word, std::size_t count, std::uint32_t bound,
                        std::uint32_t* to) {
  for (std::size_t i = 0; i < count; i += 2, ++first_word) {
    const std::uint64_t bits = random.bits(first_word);
    to[i * kUmapLanes] = static_cast<std::uint32_t>(((bits >> 32U) * bound) >> 32U);
    if (i + 1 < count) {
      to[(i + 1) * kUmapLanes] = static_cast<std::uint32_t>(((bits & 0xffffffffU) * bound) >> 32U);
    }
  }
}

inline UmapForces forces_of(const UmapLayoutOptions& options, std::size_t epoch, std::size_t pull_count,
                            std::size_t push_count) {
  const double left = 1.0 - static_cast<double>(epoch) / static_cast<double>(options.epoch_count);
  return {.a = static_cast<float>(options.curve.a),
          .b = static_cast<float>(options.curve.b),
          .repulsion = static_cast<float>(options.repulsion_strength),
          .rate = static_cast<float>(options.learning_rate * left),
          .pull_count = pull_count,
          .push_count = push_count};
}

}  // namespace asterism
