#include "analysis/mentions.hpp"

namespace asterism {

Mentions mentions_of(std::size_t row_count, std::span<const std::uint32_t> lists) {
  Mentions mentions;
  mentions.begin.assign(row_count + 1, 0);
  for (const std::uint32_t row : lists) {
    ++mentions.begin[row + 1];
  }
  for (std::size_t row = 0; row < row_count; ++row) {
    mentions.begin[row + 1] += mentions.begin[row];
  }
  mentions.positions.resize(lists.size());
  std::vector<std::size_t> next(mentions.begin.begin(), mentions.begin.end() - 1);
  for (std::size_t position = 0; position < lists.size(); ++position) {
    mentions.positions[next[lists[position]]++] = position;
  }
  return mentions;
}

}  // namespace asterism
