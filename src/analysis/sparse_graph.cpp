#include "analysis/sparse_graph.hpp"

#include <numeric>

namespace asterism {

SparseGraph transposed(const SparseGraph& graph) {
  SparseGraph result;
  result.begin.assign(graph.row_count() + 1, 0);
  for (const std::uint32_t column : graph.columns) {
    ++result.begin[column + 1];
  }
  std::partial_sum(result.begin.begin(), result.begin.end(), result.begin.begin());
  result.columns.resize(graph.edge_count());
  result.weights.resize(graph.edge_count());
  std::vector<std::size_t> next(result.begin.begin(), result.begin.end() - 1);
  for (std::size_t row = 0; row < graph.row_count(); ++row) {
    for (std::size_t e = graph.begin[row]; e < graph.begin[row + 1]; ++e) {
      const std::size_t at = next[graph.columns[e]]++;
      result.columns[at] = static_cast<std::uint32_t>(row);
      result.weights[at] = graph.weights[e];
    }
  }
  return result;
}

SparseGraph without_zeros(const SparseGraph& graph) {
  SparseGraph result;
  for (std::size_t row = 0; row < graph.row_count(); ++row) {
    for (std::size_t e = graph.begin[row]; e < graph.begin[row + 1]; ++e) {
      if (graph.weights[e] != 0.0F) {
        result.columns.push_back(graph.columns[e]);
        result.weights.push_back(graph.weights[e]);
      }
    }
    result.begin.push_back(result.columns.size());
  }
  return result;
}

std::vector<std::uint32_t> connected_components(const SparseGraph& graph) {
  std::vector<std::uint32_t> parent(graph.row_count());
  std::iota(parent.begin(), parent.end(), 0U);
  const auto root_of = [&](std::uint32_t row) {
    while (parent[row] != row) {
      parent[row] = parent[parent[row]];
      row = parent[row];
    }
    return row;
  };
  for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
    for (const std::uint32_t column : graph.columns_of(row)) {
      const std::uint32_t a = root_of(row);
      const std::uint32_t b = root_of(column);
      // The smaller number is the root: a component is known by its first row.
      parent[a < b ? b : a] = a < b ? a : b;
    }
  }
  std::vector<std::uint32_t> component(graph.row_count());
  std::uint32_t count = 0;
  for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
    const std::uint32_t root = root_of(row);
    component[row] = root == row ? count++ : component[root];
  }
  return component;
}

}  // namespace asterism
