// Whether a few rows are near to all the others: hubs, and rows that are near to none.
//
// Radovanovic, Nanopoulos, Ivanovic 2010, "Hubs in space: popular nearest neighbors in high-dimensional data".
// Thread-safety: pure. Cost: one pass over the graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/neighbor_graph.hpp"

namespace asterism {

struct Hubness {
  std::size_t neighbor_count = 0;          // k: of each row, the nearest that were looked at
  std::vector<std::uint32_t> occurrences;  // [rows]: how many rows have it among their k nearest; k on average
  double skewness = 0.0;                   // of the occurrences: 0 = even; 0 where all are equal
  double antihub_share = 0.0;              // rows that no other has among its k nearest
  double hub_share = 0.0;                  // of all neighbours, those that are one of the most frequent hundredth
};

// Looks at the first `neighbor_count` neighbours of each row, or at all there are.
Hubness hubness(const NeighborGraph& graph, std::size_t neighbor_count);

}  // namespace asterism
