// Tiny networks of every kind that learns from pictures, from recipes: tests/unit/train runs them on the reference
// interpreter, tests/torch lets them learn.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "train/network.hpp"

namespace asterism {

inline constexpr std::int64_t kTeacherDim = 7;

struct NetworkCase {
  std::string name;
  RecipeKind kind = RecipeKind::kSupervised;
  std::string architecture;
  std::string settings = "{}";   // of the model
  std::string objective = "{}";  // of the objective
};

inline constexpr const char* kTinyVit =
    R"({"patch_size": 4, "hidden_size": 16, "layer_count": 2, "head_count": 2, "mlp_size": 24})";
inline constexpr const char* kTinyMae =
    R"({"patch_size": 4, "hidden_size": 16, "layer_count": 2, "head_count": 2, "mlp_size": 24,
  "decoder_hidden_size": 8, "decoder_layer_count": 1, "decoder_head_count": 2, "decoder_mlp_size": 12})";
inline constexpr const char* kTinyResnet =
    R"({"stem_width": 4, "stage_widths": [4, 8, 8, 16], "stage_depths": [1, 2, 1, 1]})";
inline constexpr const char* kTinyDense = R"({"form": "dense", "widths": [12, 10], "code_size": 5})";

inline std::vector<NetworkCase> network_cases() {
  return {
      {"lenet_supervised", RecipeKind::kSupervised, "lenet"},
      {"resnet_supervised", RecipeKind::kSupervised, "resnet", kTinyResnet, R"({"class_weights": "balanced"})"},
      {"vit_supervised", RecipeKind::kSupervised, "vit", kTinyVit, R"({"label_smoothing": 0.1})"},
      {"data2vec_supervised", RecipeKind::kSupervised, "data2vec", kTinyVit},
      {"resnet_simclr", RecipeKind::kSimclr, "resnet", kTinyResnet, R"({"projection_size": 6})"},
      {"vit_contrastive", RecipeKind::kSupervisedContrastive, "vit", kTinyVit},
      {"lenet_triplet", RecipeKind::kTriplet, "lenet"},
      {"resnet_vicreg", RecipeKind::kVicreg, "resnet", kTinyResnet,
       R"({"projection_hidden_size": 8, "projection_size": 6})"},
      {"dense_autoencoder", RecipeKind::kAutoencoder, "autoencoder", kTinyDense},
      {"convolutional_autoencoder", RecipeKind::kAutoencoder, "autoencoder", R"({"widths": [4, 6], "code_size": 5})",
       R"({"noise": "masking", "loss": "smooth_l1"})"},
      {"sparse_autoencoder", RecipeKind::kAutoencoder, "autoencoder",
       R"({"form": "dense", "widths": [12], "code_size": 5, "code_activation": "sigmoid"})",
       R"({"sparsity": "activity", "loss": "binary_cross_entropy"})"},
      {"variational_autoencoder", RecipeKind::kAutoencoder, "autoencoder", kTinyDense, R"({"variational": true})"},
      {"masked_autoencoder", RecipeKind::kMaskedAutoencoder, "vit_mae", kTinyMae},
      {"data2vec", RecipeKind::kData2vec, "data2vec", kTinyVit},
      {"distillation", RecipeKind::kDistillation, "resnet", kTinyResnet,
       R"({"teacher": "any", "similarity_weight": 0.5})"},
  };
}

inline Recipe recipe_of(const NetworkCase& test) {
  Recipe recipe;
  recipe.name = "test";
  recipe.file = "folder/test.toml";
  recipe.model.architecture = test.architecture;
  recipe.model.image_size = 16;
  recipe.model.settings = Json::parse(test.settings);
  recipe.objective.kind = test.kind;
  recipe.objective.settings = Json::parse(test.objective);
  recipe.training.seed = 3;
  recipe.training.average_decay = test.kind == RecipeKind::kData2vec ? 0.99 : 0.0;
  return recipe;
}

inline DataSummary three_classes() {
  return {.class_names = {"ape", "bee", "cat"}, .class_counts = {10, 20, 30}, .teacher_dim = kTeacherDim};
}

inline TrainingNetwork network_of(const NetworkCase& test) {
  auto network = build_picture_network(recipe_of(test), three_classes());
  EXPECT_TRUE(network) << network.error().to_string();
  return network ? *std::move(network) : TrainingNetwork{};
}

}  // namespace asterism
