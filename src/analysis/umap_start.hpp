// Where the places of a UMAP start: the smoothest functions on the graph, principal components, or at random.
//
// As umap-learn's simplicial_set_embedding: each coordinate spans [0, 10], with a little noise so that copies can part.
// A graph in several pieces has each laid out by itself, around a place for the piece (umap-learn's
// multi_component_layout). Repeatable: the same bytes at any thread count. Cost: that of spectral_vectors.hpp or PCA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "analysis/sparse_graph.hpp"
#include "asterism/error.hpp"

namespace asterism {

enum class UmapStart : std::uint8_t { kSpectral, kPca, kRandom };

// [row_count, dim]. `rows` are those of the graph. Where there are too few rows or columns for the way that was asked
// for, the next simpler one is taken: spectral, then PCA, then random.
Result<std::vector<float>> umap_start(const SparseGraph& graph, const RowsView& rows, UmapStart start, std::size_t dim,
                                      std::uint64_t seed, const AnalysisRun& run);

// Each coordinate of places [row_count, dim] moved and scaled to [0, 10], where a layout begins.
std::vector<float> spread_start(std::span<const float> places, std::size_t dim);

}  // namespace asterism
