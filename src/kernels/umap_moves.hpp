// Moves of places on a UMAP: pulled by their neighbours, pushed by places drawn at random.
//
// Sixteen places are moved side by side, each by its own list of others, one after the other as in umap-learn's
// optimize_layout_euclidean; a place sees its own moves at once, those of others not. With densMAP's term a neighbour
// also pulls or pushes by 2 phi (level (1 - b (1 - phi)) + slope dphi), where phi is the nearness and dphi its share of
// the pull (Narayan, Berger, Cho 2021), clipped by itself. SIMD by run-time dispatch
// (Highway); the *_scalar function is the oracle of the tests and computes in double. The result of a place depends
// on its own list alone. Thread-safety: pure but for what it is given. Cost: some 10 cycles a pull or push of 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace asterism {

inline constexpr std::size_t kUmapLanes = 16;
inline constexpr std::size_t kUmapDimMax = 100;

struct UmapForces {
  float a = 1.0F;  // nearness is 1 / (1 + a d^(2 b))
  float b = 1.0F;
  float repulsion = 1.0F;
  float rate = 1.0F;           // of this epoch
  std::size_t pull_count = 2;  // by each neighbour: a fitted edge pulls from both its ends
  std::size_t push_count = 5;  // for each neighbour
};

// Others by number: others[step][1 + push_count][lane], first the neighbour that pulls, then those that push. A lane
// has counts[lane] steps; what is beyond may be anything.
struct UmapSteps {
  const std::uint32_t* others = nullptr;
  const std::uint32_t* counts = nullptr;  // [kUmapLanes]
  const std::uint32_t* self = nullptr;    // [kUmapLanes]: a place does not push itself; any number beyond for none
  // density[step][2][lane]: level and slope of each pull (umap_density.hpp); null: maps without the term.
  const float* density = nullptr;
};

// places [place_count, dim], dim 1 to kUmapDimMax, place_count * dim below 2^31; moved [dim, kUmapLanes] from where the
// lanes are to where they get.
void umap_move(const UmapForces& forces, const UmapSteps& steps, const float* places, std::size_t dim, float* moved);
void umap_move_scalar(const UmapForces& forces, const UmapSteps& steps, const float* places, std::size_t dim,
                      float* moved);

}  // namespace asterism
