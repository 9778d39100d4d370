#include "train/network.hpp"
#include "unit/train/network_cases.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reference/reference_backend.hpp"

namespace asterism {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Key;

constexpr std::int64_t kRows = 4;

// A value in [0, 1) that differs from place to place.
float some_value(std::size_t i) {
  const double x = 0.37 + 0.618034 * static_cast<double>(i);
  return static_cast<float>(x - std::floor(x));
}

Tensor some_floats(Shape shape) {
  Tensor tensor(DType::kF32, std::move(shape));
  std::size_t i = 0;
  for (float& value : tensor.mutable_as<float>()) {
    value = some_value(i++);
  }
  return tensor;
}

// Row r keeps patches r, r + 1, ...; the others are hidden.
struct Masks {
  Tensor ids_keep, ids_restore, mask_ids;
};

Masks some_masks(std::int64_t patch_count, std::int64_t hidden_count) {
  const std::int64_t kept_count = patch_count - hidden_count;
  Masks masks{Tensor(DType::kI32, {kRows, kept_count}), Tensor(DType::kI32, {kRows, patch_count}),
              Tensor(DType::kI32, {kRows, patch_count})};
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t i = 0; i < patch_count; ++i) {
      const std::int64_t patch = (row + i) % patch_count;
      const auto at = static_cast<std::size_t>(row * patch_count + patch);
      masks.ids_restore.mutable_as<std::int32_t>()[at] = static_cast<std::int32_t>(std::min(i, kept_count));
      masks.mask_ids.mutable_as<std::int32_t>()[at] = static_cast<std::int32_t>(i < kept_count ? patch : patch_count);
      if (i < kept_count) {
        masks.ids_keep.mutable_as<std::int32_t>()[static_cast<std::size_t>(row * kept_count + i)] =
            static_cast<std::int32_t>(patch);
      }
    }
  }
  return masks;
}

std::vector<Feed> some_feeds(const PictureFeedPlan& plan) {
  std::vector<Feed> feeds{
      {std::string(kImageInput), some_floats({kRows, plan.channel_count, plan.height, plan.width})}};
  if (plan.noise_dim > 0) {
    feeds.push_back({std::string(kNoiseFeed), some_floats({kRows, plan.noise_dim})});
  }
  if (plan.patch_size > 0) {
    const std::int64_t patch_count = (plan.height / plan.patch_size) * (plan.width / plan.patch_size);
    Masks masks = some_masks(patch_count, plan.hidden_count);
    feeds.push_back({std::string(kIdsKeepInput), masks.ids_keep});
    feeds.push_back({std::string(kIdsRestoreFeed), masks.ids_restore});
    feeds.push_back({std::string(kMaskIdsFeed), masks.mask_ids});
  }
  return feeds;
}

std::vector<Tensor> run(const TrainingNetwork& network, std::string_view role, std::vector<std::string> outputs) {
  const auto graph = network.learner.graphs.find(role)->second.cut(outputs);
  EXPECT_TRUE(graph) << graph.error().to_string();
  const auto executable = make_reference_backend()->compile(*graph, network.learner.parameters, {});
  EXPECT_TRUE(executable) << executable.error().to_string();
  auto values = (*executable)->run(some_feeds(network.feeds));
  EXPECT_TRUE(values) << values.error().to_string();
  return values ? *values : std::vector<Tensor>{};
}

std::string error_of(const Recipe& recipe, const DataSummary& data = three_classes()) {
  const auto network = build_picture_network(recipe, data);
  return network ? "no error" : network.error().to_string();
}

class EveryKind : public testing::TestWithParam<NetworkCase> {};

TEST_P(EveryKind, runs_and_gives_finite_inputs_of_its_losses) {
  const TrainingNetwork network = network_of(GetParam());
  ASSERT_FALSE(network.learner.losses.empty());
  for (const LossTerm& term : network.learner.losses) {
    ASSERT_FALSE(term.outputs.empty());
    for (const Tensor& value : run(network, kTrainGraph, term.outputs)) {
      EXPECT_EQ(value.shape()[0], kRows);
      EXPECT_THAT(value.as<float>(), testing::Each(testing::Truly([](float x) { return std::isfinite(x); })))
          << term.name;
    }
    if (!term.teacher_outputs.empty()) {
      EXPECT_EQ(run(network, kTeacherGraph, term.teacher_outputs).size(), term.teacher_outputs.size());
    }
  }
}

TEST_P(EveryKind, evaluates_plain_pictures_to_vectors_that_differ) {
  const TrainingNetwork network = network_of(GetParam());
  const std::vector<Tensor> vectors = run(network, kEvaluateGraph, {network.embedding});
  ASSERT_EQ(vectors.size(), 1U);
  EXPECT_EQ(vectors[0].shape(), (Shape{kRows, network.dim}));
  const auto values = vectors[0].as<float>();
  const auto dim = static_cast<std::size_t>(network.dim);
  EXPECT_NE(std::vector<float>(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(dim)),
            std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(dim),
                               values.begin() + static_cast<std::ptrdiff_t>(2 * dim)));
  EXPECT_GT(network.parameter_count, 0);
}

TEST_P(EveryKind, is_the_same_from_the_same_seed_and_another_from_another) {
  const TrainingNetwork first = network_of(GetParam());
  const TrainingNetwork second = network_of(GetParam());
  Recipe other = recipe_of(GetParam());
  other.training.seed = 4;
  const auto third = build_picture_network(other, three_classes());
  ASSERT_TRUE(third);
  bool differs = false;
  for (const auto& [name, tensor] : first.learner.parameters) {
    const Tensor& same = second.learner.parameters.at(name);
    EXPECT_TRUE(std::ranges::equal(tensor.bytes(), same.bytes())) << name;
    differs |= !std::ranges::equal(tensor.bytes(), third->learner.parameters.at(name).bytes());
  }
  EXPECT_TRUE(differs);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryKind, testing::ValuesIn(network_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(Network, weights_of_layers_decay_and_nothing_else_does) {
  const TrainingNetwork network = network_of({"vit", RecipeKind::kSupervised, "vit", kTinyVit});
  const auto scale = [&](const std::string& name) {
    EXPECT_THAT(network.learner.parameters, Contains(Key(name)));
    const auto rule = network.learner.rules.find(name);
    return rule == network.learner.rules.end() ? 1.0 : rule->second.weight_decay_scale;
  };
  EXPECT_EQ(scale("encoder.layer.0.intermediate.dense.weight"), 1.0);
  EXPECT_EQ(scale("embeddings.patch_embeddings.projection.weight"), 1.0);
  for (const char* name : {"encoder.layer.0.intermediate.dense.bias", "encoder.layer.1.layernorm_before.weight",
                           "embeddings.cls_token", "embeddings.position_embeddings"}) {
    EXPECT_EQ(scale(name), 0.0) << name;
  }
}

TEST(Network, layers_learn_slower_the_deeper_they_are) {
  Recipe recipe = recipe_of({"vit", RecipeKind::kSupervised, "vit", kTinyVit});
  recipe.training.layer_decay = 0.5;
  const auto network = build_picture_network(recipe, three_classes());
  ASSERT_TRUE(network) << network.error().to_string();
  const auto scale = [&](const std::string& name) {
    const auto rule = network->learner.rules.find(name);
    return rule == network->learner.rules.end() ? 1.0 : rule->second.learning_rate_scale;
  };
  EXPECT_EQ(scale("classifier.weight"), 1.0);
  EXPECT_EQ(scale("layernorm.weight"), 1.0);
  EXPECT_EQ(scale("encoder.layer.1.output.dense.weight"), 0.5);
  EXPECT_EQ(scale("encoder.layer.0.output.dense.weight"), 0.25);
  EXPECT_EQ(scale("embeddings.cls_token"), 0.125);
}

TEST(Network, a_frozen_path_freezes_what_is_below_it_and_a_value_all_that_it_is_computed_from) {
  Recipe recipe = recipe_of({"resnet", RecipeKind::kSupervised, "resnet", kTinyResnet});
  recipe.model.frozen = {"encoder.stages.1.layers.0"};
  const auto path = build_picture_network(recipe, three_classes());
  ASSERT_TRUE(path) << path.error().to_string();
  const auto trained = [](const TrainingNetwork& network, const std::string& name) {
    EXPECT_THAT(network.learner.parameters, Contains(Key(name)));
    const auto rule = network.learner.rules.find(name);
    return rule == network.learner.rules.end() || rule->second.trained;
  };
  EXPECT_FALSE(trained(*path, "encoder.stages.1.layers.0.layer.0.convolution.weight"));
  EXPECT_TRUE(trained(*path, "encoder.stages.1.layers.1.layer.0.convolution.weight"));
  EXPECT_TRUE(trained(*path, "embedder.embedder.convolution.weight"));
  recipe.model.frozen = {"features.1"};
  const auto value = build_picture_network(recipe, three_classes());
  ASSERT_TRUE(value) << value.error().to_string();
  EXPECT_FALSE(trained(*value, "embedder.embedder.convolution.weight"));
  EXPECT_FALSE(trained(*value, "encoder.stages.0.layers.0.layer.0.convolution.weight"));
  EXPECT_TRUE(trained(*value, "encoder.stages.1.layers.0.layer.0.convolution.weight"));
}

TEST(Network, a_frozen_name_that_is_not_there_is_an_error_with_near_names) {
  Recipe recipe = recipe_of({"vit", RecipeKind::kSupervised, "vit", kTinyVit});
  recipe.model.frozen = {"encoder.layr.0"};
  const std::string error = error_of(recipe);
  EXPECT_THAT(error, HasSubstr("encoder.layr.0"));
  EXPECT_THAT(error, HasSubstr("encoder.layer.0"));
}

TEST(Network, positions_of_a_masked_autoencoder_are_fixed) {
  const TrainingNetwork network = network_of({"mae", RecipeKind::kMaskedAutoencoder, "vit_mae", kTinyMae});
  EXPECT_FALSE(network.learner.rules.at("embeddings.position_embeddings").trained);
  EXPECT_FALSE(network.learner.rules.at("decoder.decoder_pos_embed").trained);
  EXPECT_EQ(network.feeds.hidden_count, 12);
  EXPECT_TRUE(network.feeds.normalize_patches);
}

TEST(Network, balanced_class_weights_make_each_class_count_alike) {
  const TrainingNetwork network =
      network_of({"lenet", RecipeKind::kSupervised, "lenet", "{}", R"({"class_weights": "balanced"})"});
  EXPECT_THAT(
      network.learner.losses[0].options.class_weights,
      testing::ElementsAre(testing::FloatEq(2.0F), testing::FloatEq(1.0F), testing::FloatNear(2.0F / 3.0F, 1e-6F)));
}

TEST(Network, an_unknown_setting_is_an_error_that_names_the_nearest) {
  const std::string model = error_of(recipe_of({"", RecipeKind::kSupervised, "vit", R"({"hiden_size": 8})"}));
  EXPECT_THAT(model, HasSubstr("folder/test.toml: [model]: unknown key \"hiden_size\""));
  EXPECT_THAT(model, HasSubstr("\"hidden_size\""));
  const std::string objective = error_of(recipe_of({"", RecipeKind::kSimclr, "lenet", "{}", R"({"temprature": 0.1})"}));
  EXPECT_THAT(objective, HasSubstr("[objective]: unknown key \"temprature\""));
  EXPECT_THAT(objective, HasSubstr("\"temperature\""));
  EXPECT_THAT(error_of(recipe_of({"", RecipeKind::kSimclr, "resnt"})), HasSubstr("\"resnet\""));
}

TEST(Network, settings_are_named_with_the_line_or_the_override_that_they_stand_in) {
  constexpr std::string_view kText = R"([data]
inputs = "pictures"
[model]
architecture = "lenet"
activation = "step"
[objective]
kind = "simclr"
temprature = 0.1
)";
  const auto fault_of = [&](const std::vector<std::string>& overrides) {
    const auto recipe = parse_recipe(kText, "r.toml", overrides);
    EXPECT_TRUE(recipe) << recipe.error().to_string();
    const auto network = build_picture_network(recipe.value_or(Recipe{}), three_classes());
    return network ? std::string("no error") : network.error().to_string();
  };
  EXPECT_THAT(fault_of({}), HasSubstr("r.toml:5: [model]: \"activation\": expected one of"));
  EXPECT_THAT(fault_of({"model.activation=sine"}),
              HasSubstr("override 'model.activation=sine': [model]: \"activation\""));
  EXPECT_THAT(fault_of({"model.activation=tanh"}), HasSubstr("r.toml:8: [objective]: unknown key \"temprature\""));
}

TEST(Network, settings_outside_their_range_or_that_do_not_fit_are_errors) {
  EXPECT_THAT(error_of(recipe_of({"", RecipeKind::kSimclr, "lenet", "{}", R"({"temperature": -1})"})),
              HasSubstr("\"temperature\": expected a number from 0.001 to 100, found -1"));
  EXPECT_THAT(error_of(recipe_of({"", RecipeKind::kSupervised, "vit", R"({"patch_size": 5})"})),
              HasSubstr("expected a divisor of the image size (16), found 5"));
  EXPECT_THAT(
      error_of(recipe_of({"", RecipeKind::kAutoencoder, "autoencoder", kTinyDense, R"({"sparsity": "activity"})"})),
      HasSubstr("code_activation = \"sigmoid\""));
  EXPECT_THAT(error_of(recipe_of({"", RecipeKind::kAutoencoder, "autoencoder", R"({"widths": [4, 4, 4, 4, 4]})"})),
              HasSubstr("halved"));
  EXPECT_THAT(error_of(recipe_of({"", RecipeKind::kAutoencoder, "resnet", kTinyResnet})),
              HasSubstr("trains the architecture \"autoencoder\", found \"resnet\""));
  EXPECT_THAT(error_of(recipe_of({"", RecipeKind::kMaskedAutoencoder, "vit", kTinyVit})), HasSubstr("\"vit_mae\""));
  EXPECT_THAT(
      error_of(recipe_of({"", RecipeKind::kSupervised, "lenet"}), {.class_names = {"one"}, .class_counts = {5}}),
      HasSubstr("at least 2 labels, found 1"));
  Recipe mixed = recipe_of({"", RecipeKind::kSimclr, "lenet"});
  mixed.augmentation.mixup_alpha = 0.2;
  EXPECT_THAT(error_of(mixed), HasSubstr("\"mixup_alpha\": expected 0 with kind \"simclr\""));
  Recipe no_teacher = recipe_of({"", RecipeKind::kData2vec, "data2vec", kTinyVit});
  no_teacher.training.average_decay = 0.0;
  EXPECT_THAT(error_of(no_teacher), HasSubstr("\"average_decay\""));
}

}  // namespace
}  // namespace asterism
