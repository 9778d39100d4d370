// Every network that learns from pictures, on the learner: its losses find their outputs and feeds, and fall.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "torch/small_learner.hpp"
#include "train/network.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kRows = 8;
constexpr std::int64_t kTeacherDim = 7;

struct NetworkCase {
  std::string name;
  RecipeKind kind = RecipeKind::kSupervised;
  std::string architecture;
  std::string settings = "{}";   // of the model
  std::string objective = "{}";  // of the objective
};

std::vector<NetworkCase> network_cases() {
  const std::string vit = R"({"patch_size": 4, "hidden_size": 16, "layer_count": 2, "head_count": 2, "mlp_size": 24})";
  const std::string mae = R"({"patch_size": 4, "hidden_size": 16, "layer_count": 2, "head_count": 2, "mlp_size": 24,
    "decoder_hidden_size": 8, "decoder_layer_count": 1, "decoder_head_count": 2, "decoder_mlp_size": 12})";
  const std::string resnet = R"({"stem_width": 4, "stage_widths": [4, 8, 8, 16], "stage_depths": [1, 1, 1, 1]})";
  const std::string dense = R"({"form": "dense", "widths": [12, 10], "code_size": 5})";
  return {
      {"lenet_supervised", RecipeKind::kSupervised, "lenet"},
      {"resnet_supervised", RecipeKind::kSupervised, "resnet", resnet, R"({"class_weights": "balanced"})"},
      {"vit_supervised", RecipeKind::kSupervised, "vit", vit, R"({"label_smoothing": 0.1})"},
      {"resnet_simclr", RecipeKind::kSimclr, "resnet", resnet, R"({"projection_size": 6})"},
      {"vit_contrastive", RecipeKind::kSupervisedContrastive, "vit", vit},
      {"lenet_triplet", RecipeKind::kTriplet, "lenet"},
      {"resnet_vicreg", RecipeKind::kVicreg, "resnet", resnet,
       R"({"projection_hidden_size": 8, "projection_size": 6})"},
      {"dense_autoencoder", RecipeKind::kAutoencoder, "autoencoder", dense},
      {"convolutional_autoencoder", RecipeKind::kAutoencoder, "autoencoder", R"({"widths": [4, 6], "code_size": 5})",
       R"({"noise": "masking", "loss": "smooth_l1"})"},
      {"sparse_autoencoder", RecipeKind::kAutoencoder, "autoencoder",
       R"({"form": "dense", "widths": [12], "code_size": 5, "code_activation": "sigmoid"})",
       R"({"sparsity": "activity", "loss": "binary_cross_entropy"})"},
      {"variational_autoencoder", RecipeKind::kAutoencoder, "autoencoder", dense, R"({"variational": true})"},
      {"masked_autoencoder", RecipeKind::kMaskedAutoencoder, "vit_mae", mae},
      {"data2vec", RecipeKind::kData2vec, "data2vec", vit},
      {"distillation", RecipeKind::kDistillation, "resnet", resnet, R"({"teacher": "any", "similarity_weight": 0.5})"},
  };
}

TrainingNetwork network_of(const NetworkCase& c) {
  Recipe recipe;
  recipe.name = "test";
  recipe.file = "folder/test.toml";
  recipe.model.architecture = c.architecture;
  recipe.model.image_size = 16;
  recipe.model.settings = Json::parse(c.settings);
  recipe.objective.kind = c.kind;
  recipe.objective.settings = Json::parse(c.objective);
  recipe.training.seed = 3;
  recipe.training.average_decay = c.kind == RecipeKind::kData2vec ? 0.99 : 0.0;
  const DataSummary data{
      .class_names = {"ape", "bee", "cat"}, .class_counts = {10, 20, 30}, .teacher_dim = kTeacherDim};
  auto network = build_picture_network(recipe, data);
  EXPECT_TRUE(network) << network.error().to_string();
  return *std::move(network);
}

Tensor share_tensor(const Shape& shape, unsigned seed) {
  Tensor tensor(DType::kF32, shape);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform;
  std::ranges::generate(tensor.mutable_as<float>(), [&] { return uniform(random); });
  return tensor;
}

// As PictureFeedPlan states them: each row keeps its own part of the patches.
void add_masks(std::vector<Feed>& feeds, std::int64_t patch_count, std::int64_t hidden_count) {
  const std::int64_t kept_count = patch_count - hidden_count;
  Tensor ids_keep(DType::kI32, {kRows, kept_count});
  Tensor ids_restore(DType::kI32, {kRows, patch_count});
  Tensor mask_ids(DType::kI32, {kRows, patch_count});
  Tensor mask(DType::kF32, {kRows, patch_count});
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t i = 0; i < patch_count; ++i) {
      const std::int64_t patch = (3 * row + i) % patch_count;
      const auto at = static_cast<std::size_t>(row * patch_count + patch);
      ids_restore.mutable_as<std::int32_t>()[at] = static_cast<std::int32_t>(std::min(i, kept_count));
      mask_ids.mutable_as<std::int32_t>()[at] = static_cast<std::int32_t>(i < kept_count ? patch : patch_count);
      mask.mutable_as<float>()[at] = i < kept_count ? 0.0F : 1.0F;
      if (i < kept_count) {
        ids_keep.mutable_as<std::int32_t>()[static_cast<std::size_t>(row * kept_count + i)] =
            static_cast<std::int32_t>(patch);
      }
    }
  }
  feeds.push_back({std::string(kIdsKeepInput), ids_keep});
  feeds.push_back({std::string(kIdsRestoreFeed), ids_restore});
  feeds.push_back({std::string(kMaskIdsFeed), mask_ids});
  feeds.push_back({std::string(kMaskFeed), mask});
}

std::vector<Feed> feeds_of(const PictureFeedPlan& plan) {
  const Shape pictures{kRows, plan.channel_count, plan.height, plan.width};
  std::vector<Feed> feeds{{std::string(kImageInput), random_tensor(pictures, 5)}};
  if (plan.labels) {
    feeds.push_back({std::string(kLabelsFeed), labels_tensor(kRows, 3)});
  }
  if (plan.target) {
    feeds.push_back({std::string(kTargetFeed), share_tensor(pictures, 6)});
  }
  if (plan.noise_dim > 0) {
    feeds.push_back({std::string(kNoiseFeed), random_tensor({kRows, plan.noise_dim}, 7)});
  }
  if (plan.teacher_vectors) {
    feeds.push_back({std::string(kTeacherVectorsFeed), random_tensor({kRows, kTeacherDim}, 8)});
  }
  if (plan.patch_size > 0) {
    const std::int64_t count = (plan.height / plan.patch_size) * (plan.width / plan.patch_size);
    add_masks(feeds, count, plan.hidden_count);
    if (plan.patches) {
      feeds.push_back({std::string(kPatchesFeed),
                       random_tensor({kRows, count, plan.patch_size * plan.patch_size * plan.channel_count}, 9)});
    }
  }
  return feeds;
}

TEST(Networks, every_kind_learns_its_batch) {
  for (const NetworkCase& c : network_cases()) {
    SCOPED_TRACE(c.name);
    TrainingNetwork network = network_of(c);
    const std::vector<Feed> feeds = feeds_of(network.feeds);
    const auto learner = learner_of(std::move(network.learner));
    // The averages stand still, so that a teacher asks for the same at every step.
    const StepSettings settings{.learning_rate = 0.01, .average_decay = 1.0};
    const StepReport first = step_of(*learner, feeds, settings);
    StepReport last = first;
    for (int i = 0; i < 60; ++i) {
      last = step_of(*learner, feeds, settings);
      ASSERT_TRUE(last.finite);
    }
    EXPECT_LT(last.loss, 0.9 * first.loss);
    const std::vector<std::string> outputs{network.embedding};
    const auto vectors = learner->run(kEvaluateGraph, feeds, outputs, WeightsOf::kTrained);
    ASSERT_TRUE(vectors) << vectors.error().to_string();
    EXPECT_EQ(vectors->front().shape(), (Shape{kRows, network.dim}));
  }
}

}  // namespace
}  // namespace asterism
