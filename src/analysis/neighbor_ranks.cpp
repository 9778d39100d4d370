#include "analysis/neighbor_ranks.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "analysis/neighbor_keys.hpp"

namespace asterism {

Result<NeighborRanks> NeighborRanks::make(const RowsView& rows, Metric metric, std::string_view name,
                                          ThreadPool& pool) {
  auto distances = RowDistances::make(rows, metric, name);
  if (!distances) {
    return std::unexpected(std::move(distances.error()));
  }
  auto space = neighbor_space(rows, metric, pool);
  if (!space) {
    return std::unexpected(std::move(space.error()));
  }
  return NeighborRanks(*std::move(space), *std::move(distances), metric);
}

double NeighborRanks::low(std::uint32_t row, std::span<const float> keys, std::size_t other) const noexcept {
  const double square = static_cast<double>(space_.squares[row]);
  return static_cast<double>(keys[other]) + square -
         key_error(space_.dim(), square + static_cast<double>(space_.squares[other]));
}

double NeighborRanks::high(std::uint32_t row, std::span<const float> keys, std::size_t other) const noexcept {
  const double square = static_cast<double>(space_.squares[row]);
  return static_cast<double>(keys[other]) + square +
         key_error(space_.dim(), square + static_cast<double>(space_.squares[other]));
}

std::vector<std::uint32_t> NeighborRanks::nearest(std::uint32_t row, std::span<const float> keys, std::size_t k) const {
  std::vector<double> highs(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    highs[i] = high(row, keys, i);
  }
  const auto kth = highs.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(highs.begin(), kth, highs.end());
  const std::vector<double> origin = distances_.origin(row);
  std::vector<Measured> found;
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    if (i != row && low(row, keys, i) <= *kth) {
      found.push_back({.distance = distances_.between(origin, row, i), .row = i});
    }
  }
  std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(k));
  std::vector<std::uint32_t> out(k);
  std::transform(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(k), out.begin(),
                 [](const Measured& one) { return one.row; });
  return out;
}

std::vector<std::size_t> NeighborRanks::ranks(std::uint32_t row, std::span<const float> keys,
                                              std::span<const std::uint32_t> others) const {
  const std::vector<double> origin = distances_.origin(row);
  std::vector<Measured> sorted;
  for (const std::uint32_t other : others) {
    sorted.push_back({.distance = distances_.between(origin, row, other), .row = other});
  }
  std::ranges::sort(sorted);
  std::vector<double> squared;  // as keys say it
  for (const Measured& one : sorted) {
    squared.push_back(metric_ == Metric::kCosine ? 2.0 * one.distance : one.distance * one.distance);
  }
  // How many rows are before each of them, and not before the one in front of it.
  std::vector<std::size_t> counts(sorted.size() + 1);
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    const double least = low(row, keys, i);
    if (i == row || least > squared.back()) {
      continue;
    }
    auto place = std::ranges::lower_bound(squared, least) - squared.begin();
    const double most = high(row, keys, i);
    if (squared[static_cast<std::size_t>(place)] <= most) {
      const Measured measured{.distance = distances_.between(origin, row, i), .row = i};
      place = std::ranges::upper_bound(sorted, measured) - sorted.begin();
    }
    ++counts[static_cast<std::size_t>(place)];
  }
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  counts.pop_back();
  for (std::size_t& count : counts) {
    ++count;
  }
  return counts;
}

}  // namespace asterism
