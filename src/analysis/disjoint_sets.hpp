// Which rows hang together while edges are added (Tarjan 1975: union by size, paths halved).
//
// Ownership: values. Thread-safety: none. Cost: nearly constant a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace asterism {

class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parents_(count), sizes_(count, 1), set_count_(count) {
    std::iota(parents_.begin(), parents_.end(), std::uint32_t{0});
  }

  std::size_t set_count() const noexcept { return set_count_; }

  // The member that stands for the set.
  std::uint32_t find(std::uint32_t member) noexcept {
    while (parents_[member] != member) {
      parents_[member] = parents_[parents_[member]];
      member = parents_[member];
    }
    return member;
  }

  // False where both are in one set already.
  bool unite(std::uint32_t a, std::uint32_t b) noexcept {
    a = find(a);
    b = find(b);
    if (a == b) {
      return false;
    }
    if (sizes_[a] < sizes_[b]) {
      std::swap(a, b);
    }
    parents_[b] = a;
    sizes_[a] += sizes_[b];
    --set_count_;
    return true;
  }

 private:
  std::vector<std::uint32_t> parents_;
  std::vector<std::uint32_t> sizes_;
  std::size_t set_count_;
};

}  // namespace asterism
