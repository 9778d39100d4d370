// From positions of rows to slots of the graph.
//
// Pages of positions, made when one of them is first set: memory follows the positions in use, however high they are.
// Thread-safety: reading from any thread; one writer alone. Cost: O(1).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace asterism {

inline constexpr std::uint32_t kNoSlot = 0xFFFF'FFFF;

class PositionMap {
 public:
  // kNoSlot where none was set.
  std::uint32_t get(std::uint32_t position) const noexcept {
    const std::size_t page = position / kPageSize;
    return page < pages_.size() && pages_[page] != nullptr ? (*pages_[page])[position % kPageSize] : kNoSlot;
  }

  void set(std::uint32_t position, std::uint32_t slot) {
    const std::size_t page = position / kPageSize;
    if (page >= pages_.size()) {
      pages_.resize(page + 1);
    }
    if (pages_[page] == nullptr) {
      pages_[page] = std::make_unique<Page>();
      pages_[page]->fill(kNoSlot);
      ++page_count_;
    }
    (*pages_[page])[position % kPageSize] = slot;
  }

  std::size_t size_bytes() const noexcept {
    return pages_.capacity() * sizeof(std::unique_ptr<Page>) + page_count_ * sizeof(Page);
  }

 private:
  static constexpr std::size_t kPageSize = 1024;
  using Page = std::array<std::uint32_t, kPageSize>;
  std::vector<std::unique_ptr<Page>> pages_;
  std::size_t page_count_ = 0;
};

}  // namespace asterism
