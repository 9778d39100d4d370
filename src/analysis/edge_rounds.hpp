// The edges of a graph in rounds in which no row comes twice: the edges of a round can move both their ends at once,
// whichever thread takes which.
//
// Greedy edge colouring: each edge goes to the first round in which neither of its ends has one yet. At most 2 x degree
// - 1 rounds (a proper colouring of Vizing 1964 needs degree + 1; the rest is paid in short rounds at the end). An edge
// from a to b and one from b to a are two edges. Ownership: values. Thread-safety: pure. Cost: for every edge a look at
// degree / 64 words; memory 12 bytes an edge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/sparse_graph.hpp"

namespace asterism {

struct EdgeRounds {
  std::vector<std::size_t> begin{0};  // [round_count + 1], into the three below
  std::vector<std::uint32_t> from;    // of a round in the order of the graph
  std::vector<std::uint32_t> to;
  std::vector<float> weights;

  std::size_t round_count() const noexcept { return begin.size() - 1; }
};

// No row of `graph` has an edge to itself.
EdgeRounds edge_rounds(const SparseGraph& graph);

}  // namespace asterism
