// The gradient and the value of what t-SNE minimises: the Kullback-Leibler divergence of the places from the rows.
//
// Ownership: borrows the affinities; its buffers are its own. Thread-safety: one caller at a time, with a pool.
// Repeatable at any thread count. Cost: one pass over the pairs and one update of the push (push_field.hpp).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "analysis/affinities.hpp"
#include "analysis/push_field.hpp"

namespace asterism {

class ThreadPool;

class StudentForces {
 public:
  StudentForces(const SparseGraph& affinities, std::unique_ptr<PushField> push);

  // d KL / d y, by coordinate as the places are, with the affinities times `exaggeration`:
  // 4 * sum_j (exaggeration p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2).
  void gradient(const PlacesView& places, double exaggeration, std::span<float> out, ThreadPool& pool);

  // Sum of p_ij log(p_ij / q_ij), in nats.
  double divergence(const PlacesView& places, ThreadPool& pool);

 private:
  // Pushes on every row to push_forces_; the sum of all weights, of each row on the others.
  double sum_pushes(const PlacesView& places, ThreadPool& pool);

  const SparseGraph& affinities_;
  std::unique_ptr<PushField> push_;
  std::vector<float> push_forces_;  // by coordinate
};

}  // namespace asterism
