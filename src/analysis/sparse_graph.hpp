// A weighted graph by rows (CSR): from each row its edges, in the order of their columns.
//
// Ownership: values. Cost: 8 bytes an edge, 8 a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

struct SparseGraph {
  std::vector<std::size_t> begin{0};   // [row_count + 1], into the two below
  std::vector<std::uint32_t> columns;  // of a row ascending, each once
  std::vector<float> weights;

  std::size_t row_count() const noexcept { return begin.size() - 1; }
  std::size_t edge_count() const noexcept { return columns.size(); }
  std::span<const std::uint32_t> columns_of(std::size_t row) const noexcept {
    return std::span(columns).subspan(begin[row], begin[row + 1] - begin[row]);
  }
  std::span<const float> weights_of(std::size_t row) const noexcept {
    return std::span(weights).subspan(begin[row], begin[row + 1] - begin[row]);
  }
  std::span<float> weights_of(std::size_t row) noexcept {
    return std::span(weights).subspan(begin[row], begin[row + 1] - begin[row]);
  }
};

// Every edge turned round. [row_count] as before; edges point to rows.
SparseGraph transposed(const SparseGraph& graph);

// The same edges without those of weight 0.
SparseGraph without_zeros(const SparseGraph& graph);

// Which rows hang together: of each row the number of its component, from 0 on in the order of their first rows. Edges
// count both ways.
std::vector<std::uint32_t> connected_components(const SparseGraph& graph);

}  // namespace asterism
