// The nearest few of each row while they are being sought.
//
// Ownership: values. Thread-safety: rows are independent: any thread may offer to a row that no other offers to.
// Cost: one comparison for what does not enter, O(width) for what does. Memory: rows x width x 8 bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace asterism {

class NeighborLists {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  NeighborLists(std::size_t row_count, std::size_t width)
      : width_(width),
        keys_(row_count * width, std::numeric_limits<float>::infinity()),
        ids_(row_count * width, kNone) {}

  std::size_t row_count() const noexcept { return ids_.size() / width_; }
  std::size_t width() const noexcept { return width_; }
  // Smallest key first, equal keys in the order of ids; free places hold infinity and kNone.
  std::span<const float> keys(std::size_t row) const noexcept { return {keys_.data() + row * width_, width_}; }
  std::span<const std::uint32_t> ids(std::size_t row) const noexcept { return {ids_.data() + row * width_, width_}; }
  // A larger key cannot enter.
  float worst(std::size_t row) const noexcept { return keys_[row * width_ + width_ - 1]; }

  // Whether `id` entered: it is among the nearest so far and was not there. NaN never enters.
  bool offer(std::size_t row, float key, std::uint32_t id) noexcept {
    float* const keys = keys_.data() + row * width_;
    std::uint32_t* const ids = ids_.data() + row * width_;
    const auto is_before = [&](std::size_t at) { return key < keys[at] || (key == keys[at] && id < ids[at]); };
    if (!is_before(width_ - 1) || std::find(ids, ids + width_, id) != ids + width_) {
      return false;
    }
    std::size_t at = width_ - 1;
    for (; at > 0 && is_before(at - 1); --at) {
      keys[at] = keys[at - 1];
      ids[at] = ids[at - 1];
    }
    keys[at] = key;
    ids[at] = id;
    return true;
  }

  void clear(std::size_t row) noexcept {
    std::fill_n(keys_.begin() + static_cast<std::ptrdiff_t>(row * width_), width_,
                std::numeric_limits<float>::infinity());
    std::fill_n(ids_.begin() + static_cast<std::ptrdiff_t>(row * width_), width_, kNone);
  }

 private:
  std::size_t width_;
  std::vector<float> keys_;
  std::vector<std::uint32_t> ids_;
};

}  // namespace asterism
