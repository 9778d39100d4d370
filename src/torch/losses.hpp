// The losses of graph/learner.hpp, each as its paper or torch.nn states it. Private to src/torch.
//
// All compute in float32 and give a scalar that autograd can follow. Calls may throw c10::Error: the caller catches.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "graph/learner.hpp"

namespace asterism {

// In the order of the term's names, on one device; checked by loss_check.hpp.
struct LossOperands {
  std::vector<at::Tensor> outputs;
  std::vector<at::Tensor> feeds;
  std::vector<at::Tensor> teacher_outputs;
};

at::Tensor loss_value(const LossTerm& term, const LossOperands& operands);

// Of vectors that are compared with each other.
at::Tensor nt_xent(const at::Tensor& projections, const LossOptions& options);
at::Tensor supervised_contrastive(const at::Tensor& projections, const at::Tensor& labels, const LossOptions& options);
at::Tensor triplet_hard(const at::Tensor& vectors, const at::Tensor& labels, const LossOptions& options);
at::Tensor vicreg(const at::Tensor& projections, const LossOptions& options);
at::Tensor cosine_distance(const at::Tensor& vectors, const at::Tensor& targets);
at::Tensor similarity_matrix(const at::Tensor& vectors, const at::Tensor& targets, const LossOptions& options);

}  // namespace asterism
