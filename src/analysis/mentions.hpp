// Who has a row among its neighbours: lists of neighbours turned round.
//
// Ownership: values. Thread-safety: a pure function. Cost: two passes over the lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

// Positions in the lists where a row stands: of row i [begin[i], begin[i + 1]), ascending.
struct Mentions {
  std::vector<std::size_t> begin;
  std::vector<std::size_t> positions;

  std::span<const std::size_t> of(std::size_t row) const noexcept {
    return std::span(positions).subspan(begin[row], begin[row + 1] - begin[row]);
  }
};

// `lists`: rows below row_count, of all lists one after the other.
Mentions mentions_of(std::size_t row_count, std::span<const std::uint32_t> lists);

}  // namespace asterism
