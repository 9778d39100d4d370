#include "analysis/hubness.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace asterism {
namespace {

constexpr std::size_t kHubsPerRow = 100;  // one of so many rows

}  // namespace

Hubness hubness(const NeighborGraph& graph, std::size_t neighbor_count) {
  const std::size_t k = std::min(neighbor_count, graph.neighbor_count);
  Hubness out;
  out.neighbor_count = k;
  out.occurrences.resize(graph.row_count);
  if (graph.row_count == 0 || k == 0) {
    return out;
  }
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    for (std::size_t i = 0; i < k; ++i) {
      ++out.occurrences[graph.neighbors[r * graph.neighbor_count + i]];
    }
  }
  const auto row_count = static_cast<double>(graph.row_count);
  double squares = 0.0;
  double cubes = 0.0;
  for (const std::uint32_t occurrence : out.occurrences) {
    const double apart = static_cast<double>(occurrence) - static_cast<double>(k);
    squares += apart * apart / row_count;
    cubes += apart * apart * apart / row_count;
  }
  out.skewness = squares > 0.0 ? cubes / std::pow(squares, 1.5) : 0.0;
  out.antihub_share = static_cast<double>(std::ranges::count(out.occurrences, 0U)) / row_count;
  std::vector<std::uint32_t> sorted = out.occurrences;
  std::ranges::sort(sorted, std::greater<>{});
  const std::size_t hub_count = std::max<std::size_t>(graph.row_count / kHubsPerRow, 1);
  const auto hubs =
      std::accumulate(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(hub_count), std::uint64_t{0});
  out.hub_share = static_cast<double>(hubs) / (row_count * static_cast<double>(k));
  return out;
}

}  // namespace asterism
