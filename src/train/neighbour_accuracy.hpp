// How often the nearest neighbours of a vector tell its label: quality without learning anything further.
//
// Each of the k rows of the bank with the largest cosine votes for its label with weight exp(cosine / temperature)
// (Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", section 3.4).
// The same bits with any number of threads. Thread-safety: pure functions. Cost: queries x bank x dim multiply-adds;
// memory two copies of the bank and a block of queries x bank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "asterism/error.hpp"
#include "train/labelled_vectors.hpp"

namespace asterism {

struct NeighbourOptions {
  std::size_t neighbour_count = 20;
  double temperature = 0.07;
  std::size_t thread_count = 1;
};

// The label that wins for each query, [queries]; -1 for queries without a label, which are not asked. Errors as below.
Result<std::vector<std::int32_t>> neighbour_labels(const LabelledVectors& bank, const LabelledVectors& queries,
                                                   const NeighbourOptions& options = {});

// Share of the queries whose label wins, in [0, 1]; equal cosines and votes go to the row and label that comes first.
// kInvalidArgument where either side has no labelled row, or dims differ.
Result<double> neighbour_accuracy(const LabelledVectors& bank, const LabelledVectors& queries,
                                  const NeighbourOptions& options = {});
// Each row against all others: for data without a split.
Result<double> neighbour_accuracy_left_out(const LabelledVectors& rows, const NeighbourOptions& options = {});

}  // namespace asterism
