// A rotation of vectors that spreads any direction over all components, the same in every process.
//
// Four times: the signs of a part of the components are changed at random and the part is taken through a Hadamard
// transform; the parts are the first and the last components by turns, as many as the largest power of two that fits
// (after Ailon and Chazelle 2009, "The Fast Johnson-Lindenstrauss Transform", for lengths that are no power of two).
// Lengths and products of vectors stay as they are. Ownership: owns its table of signs. Thread-safety: apply() from any
// thread. Cost: O(dim log dim).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace asterism {

class RandomRotation {
 public:
  explicit RandomRotation(std::size_t dim);

  std::size_t dim() const noexcept { return dim_; }
  // In place, [dim()].
  void apply(std::span<float> vector) const noexcept;

 private:
  std::size_t dim_;
  std::size_t part_;          // components of a transform, a power of two
  std::vector<float> signs_;  // [rounds, part], times what keeps lengths
};

}  // namespace asterism
