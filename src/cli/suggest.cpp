#include "cli/suggest.hpp"

#include <algorithm>

#include "base/edit_distance.hpp"

namespace asterism::cli {

std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  if (best) {
    return best;
  }
  for (const std::string& candidate : candidates) {
    if (word.size() >= 4 && (candidate.starts_with(word) || word.starts_with(candidate))) {
      return candidate;
    }
  }
  return std::nullopt;
}

}  // namespace asterism::cli
