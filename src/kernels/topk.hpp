// The k largest of a stream of scores.
//
// Thread-safety: none; one per thread. Cost: O(log k) for a score that enters, one comparison for the others.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace asterism {

struct ScoredIndex {
  std::size_t index = 0;
  float score = 0.0F;
};

// Keeps the best k: larger scores first, equal scores in order of index. NaN never enters.
class TopK {
 public:
  explicit TopK(std::size_t k) : k_(k) { heap_.reserve(k); }

  void offer(std::size_t index, float score) {
    if (std::isnan(score) || k_ == 0) {
      return;
    }
    const ScoredIndex candidate{index, score};
    if (heap_.size() < k_) {
      heap_.push_back(candidate);
      std::push_heap(heap_.begin(), heap_.end(), better);
    } else if (better(candidate, heap_.front())) {
      std::pop_heap(heap_.begin(), heap_.end(), better);
      heap_.back() = candidate;
      std::push_heap(heap_.begin(), heap_.end(), better);
    }
  }

  // Best first; leaves the object empty.
  std::vector<ScoredIndex> take() {
    std::sort_heap(heap_.begin(), heap_.end(), better);
    return std::exchange(heap_, {});
  }

 private:
  // As the heap's "less", it puts the worst of the kept at the front.
  static bool better(const ScoredIndex& a, const ScoredIndex& b) noexcept {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
  }

  std::size_t k_;
  std::vector<ScoredIndex> heap_;
};

}  // namespace asterism
