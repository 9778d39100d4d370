// The smoothest functions on a connected graph: eigenvectors of its normalised Laplacian I - D^-1/2 W D^-1/2 with the
// smallest eigenvalues, without the first, which is known (sqrt of the degrees).
//
// Small graphs by a dense solver; larger ones by block Lanczos with thick restarts (Wu and Simon 2000) and full
// orthogonalisation, in double. Repeatable: sums are of fixed blocks in fixed order, the same bytes at any thread
// count. Cost: some 100 to 400 products of the graph with a vector. Memory: rows x (3 vectors + 30) x 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/sparse_graph.hpp"
#include "asterism/error.hpp"

namespace asterism {

struct SpectralVectors {
  std::vector<double> eigenvalues;  // of the Laplacian, ascending, without the 0
  std::vector<double> vectors;      // [vector_count, row_count], unit length; entry of largest magnitude positive
};

struct SpectralOptions {
  std::size_t vector_count = 2;  // below the rows
  // A vector is done when what A v - theta v is left with is below this share of its eigenvalue.
  double tolerance = 1e-2;
  std::size_t restart_count_max = 24;  // then the vectors are as good as they got
  std::size_t dense_row_count_max = 256;
  std::uint64_t seed = 0;
};

// `graph` is symmetric and connected, with positive weights. kCancelled.
Result<SpectralVectors> spectral_vectors(const SparseGraph& graph, const SpectralOptions& options,
                                         const AnalysisRun& run);

}  // namespace asterism
