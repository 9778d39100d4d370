// Which texts of a window run together.
//
// Pure. Thread-safety: any. Cost: a sort of the texts, and a heap of the batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

// Texts of a batch, by index into the window.
using Batch = std::span<const std::uint32_t>;

struct BatchPlan {
  std::vector<std::uint32_t> order;  // all texts, batch by batch; within one longest first
  std::vector<std::size_t> ends;     // of each batch in `order`
  std::size_t size() const noexcept { return ends.size(); }
  Batch batch(std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return Batch(order).subspan(begin, ends[i] - begin);
  }
};

struct BatchLimits {
  std::size_t token_count_max = 4096;  // of a batch; a longer text is a batch of its own
  std::size_t text_count_max = 4096;
  // Batches that run at one time. Their number is a multiple of it, so that none runs while others wait for work,
  // unless that would make them smaller than `shared_token_count_min`.
  std::size_t stream_count = 1;
  std::size_t shared_token_count_min = 256;
};

// Batches of about equal numbers of tokens, as few as the limits allow. `token_counts` is of each text of the window.
BatchPlan plan_batches(std::span<const std::size_t> token_counts, const BatchLimits& limits);

}  // namespace asterism
