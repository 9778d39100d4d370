// Losses that compare the rows of a batch with each other.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>

#include <limits>

#include "torch/losses.hpp"

namespace asterism {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// torch.nn.functional.normalize's.
constexpr double kNormMin = 1e-12;
// Squared distances below it have no useful direction.
constexpr double kSquaredDistanceMin = 1e-12;
// Of the code published with Bardes et al. 2022: keeps the root's derivative finite.
constexpr double kVarianceMin = 1e-4;

at::Tensor unit(const at::Tensor& vectors) {
  return vectors / vectors.norm(2, -1, true).clamp_min(kNormMin);
}

at::Tensor diagonal_of(const at::Tensor& vectors) {
  return at::eye(vectors.size(0), at::TensorOptions(at::kBool).device(vectors.device()));
}

at::Tensor cosines(const at::Tensor& vectors) {
  const at::Tensor units = unit(vectors);
  return at::matmul(units, units.t());
}

// Which pairs have the same label, a row with itself apart; rows without a label (-1) have no pairs.
struct Pairs {
  at::Tensor alike;
  at::Tensor different;
};

Pairs pairs_of(const at::Tensor& vectors, const at::Tensor& labels) {
  const at::Tensor known = labels.ge(0);
  const at::Tensor both = known.unsqueeze(0).logical_and(known.unsqueeze(1));
  const at::Tensor same = labels.unsqueeze(0).eq(labels.unsqueeze(1));
  return {same.logical_and(both).logical_and(diagonal_of(vectors).logical_not()), same.logical_not().logical_and(both)};
}

at::Tensor mean_where(const at::Tensor& values, const at::Tensor& counted) {
  const at::Tensor weights = counted.to(at::kFloat);
  return values.masked_fill(counted.logical_not(), 0.0).sum() / weights.sum().clamp_min(1.0);
}

}  // namespace

// Chen et al. 2020, equation 1, averaged over all 2 n rows.
at::Tensor nt_xent(const at::Tensor& projections, const LossOptions& options) {
  const std::int64_t n = projections.size(0) / 2;
  const at::Tensor logits =
      (cosines(projections) / options.temperature).masked_fill(diagonal_of(projections), -kInfinity);
  const at::Tensor places = at::arange(n, at::TensorOptions(at::kLong).device(projections.device()));
  return at::cross_entropy_loss(logits, at::cat({places + n, places}), {}, at::Reduction::Mean, -100, 0.0);
}

// Khosla et al. 2020, equation 2 (L_out), averaged over the rows that have a positive.
at::Tensor supervised_contrastive(const at::Tensor& projections, const at::Tensor& labels, const LossOptions& options) {
  const Pairs pairs = pairs_of(projections, labels);
  const at::Tensor others = pairs.alike.logical_or(pairs.different);
  const at::Tensor logits = (cosines(projections) / options.temperature).masked_fill(others.logical_not(), -kInfinity);
  const at::Tensor count = pairs.alike.sum(1);
  // Rows that have no other to be compared with would give NaN here; they do not count.
  const at::Tensor log_sums = at::logsumexp(logits.masked_fill(others.any(1, true).logical_not(), 0.0), {1}, true);
  const at::Tensor log_shares = (logits - log_sums).masked_fill(pairs.alike.logical_not(), 0.0);
  return mean_where(-log_shares.sum(1) / count.clamp_min(1), count.gt(0));
}

// Hermans et al. 2017, equation 5: for each row the farthest of its label and the nearest of another.
at::Tensor triplet_hard(const at::Tensor& vectors, const at::Tensor& labels, const LossOptions& options) {
  const Pairs pairs = pairs_of(vectors, labels);
  const at::Tensor squares = (vectors * vectors).sum(1);
  const at::Tensor products = at::matmul(vectors, vectors.t());
  const at::Tensor distances =
      (squares.unsqueeze(0) + squares.unsqueeze(1) - 2.0 * products).clamp_min(kSquaredDistanceMin).sqrt();
  const at::Tensor counted = pairs.alike.any(1).logical_and(pairs.different.any(1));
  // max() and not amax(): of several equally far ones, one is taken.
  const at::Tensor farthest = std::get<0>(distances.masked_fill(pairs.alike.logical_not(), -kInfinity).max(1));
  const at::Tensor nearest = std::get<0>(distances.masked_fill(pairs.different.logical_not(), kInfinity).min(1));
  const at::Tensor gap = (farthest - nearest).masked_fill(counted.logical_not(), 0.0);
  return mean_where(options.margin > 0.0 ? at::relu(gap + options.margin) : at::softplus(gap), counted);
}

// Bardes et al. 2022, equations 1 to 6.
at::Tensor vicreg(const at::Tensor& projections, const LossOptions& options) {
  const std::int64_t n = projections.size(0) / 2;
  const auto dim = static_cast<double>(projections.size(1));
  const at::Tensor views[] = {projections.narrow(0, 0, n), projections.narrow(0, n, n)};
  at::Tensor loss = options.invariance_weight * at::mse_loss(views[0], views[1]);
  for (const at::Tensor& view : views) {
    const at::Tensor centred = view - view.mean(0);
    const at::Tensor covariance = at::matmul(centred.t(), centred) / static_cast<double>(n - 1);
    const at::Tensor deviation = (covariance.diagonal() + kVarianceMin).sqrt();
    loss = loss + options.variance_weight * at::relu(1.0 - deviation).mean() / 2.0;
    const at::Tensor off_diagonal = covariance.masked_fill(
        at::eye(projections.size(1), at::TensorOptions(at::kBool).device(projections.device())), 0.0);
    loss = loss + options.covariance_weight * off_diagonal.square().sum() / dim;
  }
  return loss;
}

at::Tensor cosine_distance(const at::Tensor& vectors, const at::Tensor& targets) {
  return 1.0 - (unit(vectors) * unit(targets)).sum(1).mean();
}

// Tung and Mori 2019 with the diagonal left out, which is 1 in both; with a temperature, the divergence of Hinton et
// al. 2015 between the rows.
at::Tensor similarity_matrix(const at::Tensor& vectors, const at::Tensor& targets, const LossOptions& options) {
  const at::Tensor diagonal = diagonal_of(vectors);
  const auto n = static_cast<double>(vectors.size(0));
  if (options.temperature == 0.0) {
    const at::Tensor difference = (cosines(vectors) - cosines(targets)).masked_fill(diagonal, 0.0);
    return difference.square().sum() / (n * (n - 1.0));
  }
  const auto log_shares = [&](const at::Tensor& x) {
    return at::log_softmax((cosines(x) / options.temperature).masked_fill(diagonal, -kInfinity), 1);
  };
  const at::Tensor wanted = log_shares(targets);
  // 0 * (-inf - -inf) on the diagonal is left out.
  const at::Tensor difference = (wanted - log_shares(vectors)).masked_fill(diagonal, 0.0);
  return (wanted.exp() * difference).sum() / n;
}

}  // namespace asterism
