// Every loss and its gradient against PyTorch in float64 (tools/goldens/training_losses_record.py).
#include "torch/losses.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <set>

#include "torch/recordings.hpp"
#include "torch/tensors.hpp"

namespace asterism {
namespace {

// float32 against float64: sums of some dozen terms, exponentials and their quotients.
constexpr double kTolerance = 5e-6;

struct LossCase {
  std::string name;
  LossKind kind = LossKind::kMeanSquare;
  LossOptions options = {};
};

// With the options of the recording.
std::vector<LossCase> loss_cases() {
  return {
      {"cross_entropy", LossKind::kCrossEntropy},
      {"cross_entropy_weighted",
       LossKind::kCrossEntropy,
       {.label_smoothing = 0.1, .class_weights = {0.5F, 2.0F, 1.0F, 0.25F}}},
      {"cross_entropy_mixed", LossKind::kCrossEntropy, {.label_smoothing = 0.1}},
      {"binary_cross_entropy", LossKind::kBinaryCrossEntropy},
      {"mean_square", LossKind::kMeanSquare},
      {"mean_square_weighted", LossKind::kMeanSquare},
      {"smooth_l1", LossKind::kSmoothL1, {.beta = 0.7}},
      {"smooth_l1_weighted", LossKind::kSmoothL1, {.beta = 0.7}},
      {"code_magnitude", LossKind::kCodeMagnitude},
      {"code_activity", LossKind::kCodeActivity, {.target_activity = 0.1}},
      {"gaussian_divergence", LossKind::kGaussianDivergence},
      {"nt_xent", LossKind::kNtXent, {.temperature = 0.5}},
      {"supervised_contrastive", LossKind::kSupervisedContrastive, {.temperature = 0.3}},
      {"triplet_margin", LossKind::kTripletHard, {.margin = 0.4}},
      {"triplet_soft", LossKind::kTripletHard},
      {"vicreg", LossKind::kVicreg},
      {"layer_regression", LossKind::kLayerRegression, {.beta = 2.0}},
      {"layer_regression_instance", LossKind::kLayerRegression, {.beta = 2.0, .target_norm = TargetNorm::kInstance}},
      {"layer_regression_batch", LossKind::kLayerRegression, {.beta = 2.0, .target_norm = TargetNorm::kBatch}},
      {"cosine_distance", LossKind::kCosineDistance},
      {"similarity_squares", LossKind::kSimilarityMatrix},
      {"similarity_divergence", LossKind::kSimilarityMatrix, {.temperature = 0.2}},
  };
}

LossOperands operands_of(const std::map<std::string, Tensor>& tensors, const std::string& name) {
  LossOperands operands;
  for (const Tensor& tensor : numbered(tensors, name + "/output.")) {
    operands.outputs.push_back(borrowed(tensor.to_f32()).clone().requires_grad_(true));
  }
  for (const Tensor& tensor : numbered(tensors, name + "/feed.")) {
    operands.feeds.push_back(borrowed(tensor).clone());
  }
  for (const Tensor& tensor : numbered(tensors, name + "/teacher.")) {
    operands.teacher_outputs.push_back(borrowed(tensor).clone());
  }
  return operands;
}

TEST(Losses, values_and_gradients_equal_pytorch_in_double) {
  const auto tensors = recording("losses.safetensors");
  for (const LossCase& c : loss_cases()) {
    SCOPED_TRACE(c.name);
    const LossOperands operands = operands_of(tensors, c.name);
    const at::Tensor loss =
        loss_value({.name = c.name, .kind = c.kind, .outputs = {}, .feeds = {}, .options = c.options}, operands);
    loss.backward();
    EXPECT_EQ(loss.dim(), 0);
    EXPECT_LE(relative_difference(copied(loss.reshape({1})), tensors.at(c.name + "/value")), kTolerance);
    const std::vector<Tensor> gradients = numbered(tensors, c.name + "/gradient.");
    ASSERT_EQ(gradients.size(), operands.outputs.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      EXPECT_LE(relative_difference(copied(operands.outputs[i].grad()), gradients[i]), kTolerance) << i;
    }
  }
}

TEST(Losses, every_recorded_case_is_tested) {
  std::set<std::string> recorded;
  for (const auto& [name, tensor] : recording("losses.safetensors")) {
    recorded.insert(name.substr(0, name.find('/')));
  }
  std::set<std::string> tested;
  for (const LossCase& c : loss_cases()) {
    tested.insert(c.name);
  }
  EXPECT_EQ(tested, recorded);
}

at::Tensor leaf(std::vector<float> values, std::vector<std::int64_t> shape) {
  return at::tensor(values).view(shape).clone().requires_grad_(true);
}

void expect_zero_with_finite_gradient(const LossTerm& term, const LossOperands& operands) {
  const at::Tensor loss = loss_value(term, operands);
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0.0F);
  const Tensor gradient = copied(operands.outputs[0].grad());
  for (const float value : gradient.as<float>()) {
    EXPECT_EQ(value, 0.0F);
  }
}

TEST(Losses, a_batch_without_labels_gives_zero_and_not_nan) {
  const at::Tensor labels = at::tensor(std::vector<std::int32_t>{-1, -1, -1});
  const std::vector<float> values{0.1F, 0.9F, -0.3F, 0.4F, 0.2F, 0.7F};
  for (const LossKind kind : {LossKind::kCrossEntropy, LossKind::kSupervisedContrastive, LossKind::kTripletHard}) {
    expect_zero_with_finite_gradient(
        {.name = "x", .kind = kind, .outputs = {}, .feeds = {}, .options = {.temperature = 0.5}},
        {{leaf(values, {3, 2})}, {labels}, {}});
  }
}

TEST(Losses, equal_vectors_have_a_finite_gradient) {
  const at::Tensor labels = at::tensor(std::vector<std::int32_t>{0, 0, 1, 1});
  const at::Tensor vectors = leaf(std::vector<float>(8, 0.5F), {4, 2});
  loss_value({.name = "x", .kind = LossKind::kTripletHard, .outputs = {}, .feeds = {}, .options = {.margin = 0.2}},
             {{vectors}, {labels}, {}})
      .backward();
  const Tensor gradient = copied(vectors.grad());
  for (const float value : gradient.as<float>()) {
    EXPECT_TRUE(std::isfinite(value));
  }
}

}  // namespace
}  // namespace asterism
