#include "torch/losses.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace asterism {
namespace {

// Divisors that may be zero because no row counts: the sum above them is zero, too.
constexpr double kDivisorMin = 1e-12;
// A unit that is never or always active has an infinite divergence.
constexpr double kActivityMin = 1e-6;
// torch.nn.LayerNorm's, InstanceNorm's and BatchNorm's.
constexpr double kLayerNormEpsilon = 1e-5;

// Each row's part and what it counts in the mean: torch.nn.CrossEntropyLoss divides by the weights of the labels.
struct WeightedRows {
  at::Tensor losses;
  at::Tensor weights;
};

WeightedRows cross_entropy_rows(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& class_weights,
                                double label_smoothing) {
  const at::Tensor ids = labels.to(at::kLong);
  const at::Tensor losses =
      at::cross_entropy_loss(logits, ids, class_weights, at::Reduction::None, -1, label_smoothing);
  const at::Tensor counted = ids.ge(0).to(at::kFloat);
  const at::Tensor weights =
      class_weights.defined() ? class_weights.index_select(0, ids.clamp_min(0)) * counted : counted;
  return {losses, weights};
}

at::Tensor cross_entropy(const LossTerm& term, const LossOperands& operands) {
  const at::Tensor& logits = operands.outputs[0];
  at::Tensor class_weights;
  if (!term.options.class_weights.empty()) {
    class_weights = at::tensor(term.options.class_weights, at::TensorOptions(at::kFloat)).to(logits.device());
  }
  const double smoothing = term.options.label_smoothing;
  const WeightedRows rows = cross_entropy_rows(logits, operands.feeds[0], class_weights, smoothing);
  if (operands.feeds.size() == 1) {
    return rows.losses.sum() / rows.weights.sum().clamp_min(kDivisorMin);
  }
  const WeightedRows others = cross_entropy_rows(logits, operands.feeds[1], class_weights, smoothing);
  const at::Tensor& share = operands.feeds[2];
  const at::Tensor rest = 1.0 - share;
  return (rows.losses * share + others.losses * rest).sum() /
         (rows.weights * share + others.weights * rest).sum().clamp_min(kDivisorMin);
}

// Mean over all elements, or weighted. Weights of fewer dimensions are those of the first ones: [rows, n] for each
// vector of [rows, n, dim].
at::Tensor weighted_mean(const at::Tensor& losses, const LossOperands& operands) {
  if (operands.feeds.size() < 2) {
    return losses.mean();
  }
  at::Tensor weights = operands.feeds[1];
  while (weights.dim() < losses.dim()) {
    weights = weights.unsqueeze(-1);
  }
  weights = weights.expand_as(losses);
  return (losses * weights).sum() / weights.sum().clamp_min(kDivisorMin);
}

at::Tensor smooth_l1_elements(const at::Tensor& x, const at::Tensor& target, double beta) {
  return at::smooth_l1_loss(x, target, at::Reduction::None, beta);
}

// Ng 2011, "Sparse autoencoder": KL between Bernoulli variables of the wanted and the found mean activity.
at::Tensor code_activity(const at::Tensor& code, double target) {
  const at::Tensor active = code.mean(0).clamp(kActivityMin, 1.0 - kActivityMin);
  return (target * at::log(target / active) + (1.0 - target) * at::log((1.0 - target) / (1.0 - active))).sum();
}

// Kingma and Welling 2014, appendix B.
at::Tensor gaussian_divergence(const at::Tensor& mean, const at::Tensor& log_variance) {
  const at::Tensor terms = 1.0 + log_variance - mean * mean - log_variance.exp();
  return -0.5 * terms.flatten(1).sum(1).mean();
}

// `places` [rows, n, dim].
at::Tensor normalised_layer(const at::Tensor& places, TargetNorm norm) {
  if (norm == TargetNorm::kLayer) {
    return at::layer_norm(places, {places.size(2)}, {}, {}, kLayerNormEpsilon);
  }
  const at::Tensor values = places.to(at::kFloat);
  const std::vector<std::int64_t> over =
      norm == TargetNorm::kInstance ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{0, 1};
  const auto [variance, mean] = at::var_mean(values, over, /*unbiased=*/false, /*keepdim=*/true);
  return (values - mean) * (variance + kLayerNormEpsilon).rsqrt();
}

// Baevski et al. 2022, section 3.3: the mean of the teacher's layers, each normalised.
at::Tensor layer_regression(const LossTerm& term, const LossOperands& operands) {
  const at::Tensor& prediction = operands.outputs[0];
  at::Tensor target;
  for (const at::Tensor& layer : operands.teacher_outputs) {
    const at::Tensor places = layer.narrow(1, layer.size(1) - prediction.size(1), prediction.size(1));
    const at::Tensor normalised = normalised_layer(places, term.options.target_norm);
    target = target.defined() ? target + normalised : normalised;
  }
  target = target / static_cast<double>(operands.teacher_outputs.size());
  const at::Tensor losses = smooth_l1_elements(prediction, target, term.options.beta);
  const at::Tensor mask = operands.feeds[0].unsqueeze(2).expand_as(losses);
  return (losses * mask).sum() / mask.sum().clamp_min(kDivisorMin);
}

at::Tensor similarity_loss(const LossTerm& term, const LossOperands& operands) {
  const at::Tensor& x = operands.outputs[0];
  switch (term.kind) {
    case LossKind::kNtXent:
      return nt_xent(x, term.options);
    case LossKind::kSupervisedContrastive:
      return supervised_contrastive(x, operands.feeds[0], term.options);
    case LossKind::kTripletHard:
      return triplet_hard(x, operands.feeds[0], term.options);
    case LossKind::kVicreg:
      return vicreg(x, term.options);
    case LossKind::kCosineDistance:
      return cosine_distance(x, operands.feeds[0]);
    case LossKind::kSimilarityMatrix:
      return similarity_matrix(x, operands.feeds[0], term.options);
    default:
      return {};
  }
}

}  // namespace

at::Tensor loss_value(const LossTerm& term, const LossOperands& operands) {
  const at::Tensor& x = operands.outputs[0];
  switch (term.kind) {
    case LossKind::kCrossEntropy:
      return cross_entropy(term, operands);
    case LossKind::kBinaryCrossEntropy:
      return at::binary_cross_entropy_with_logits(x, operands.feeds[0], {}, {}, at::Reduction::Mean);
    case LossKind::kMeanSquare:
      return weighted_mean(at::mse_loss(x, operands.feeds[0], at::Reduction::None), operands);
    case LossKind::kSmoothL1:
      return weighted_mean(smooth_l1_elements(x, operands.feeds[0], term.options.beta), operands);
    case LossKind::kCodeMagnitude:
      return x.abs().mean();
    case LossKind::kCodeActivity:
      return code_activity(x, term.options.target_activity);
    case LossKind::kGaussianDivergence:
      return gaussian_divergence(x, operands.outputs[1]);
    case LossKind::kLayerRegression:
      return layer_regression(term, operands);
    default:
      return similarity_loss(term, operands);
  }
}

}  // namespace asterism
