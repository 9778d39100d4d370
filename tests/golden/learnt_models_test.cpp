// Folders that training writes, against the transformers library that loads them, or for autoencoders a network of
// plain torch: class scores, hidden states, and what the losses of masked models are given
// (tools/goldens/learnt_models_record.py).
//
// The folders are not recorded: they follow from the recipes below and their seeds, and with them the recordings pin
// how fresh models are drawn. With ASTERISM_LEARNT_MODELS=FOLDER in the environment the first test leaves them there,
// for the script.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "models/image_family.hpp"
#include "models/initial_values.hpp"
#include "reference/reference_backend.hpp"
#include "train/network.hpp"
#include "weights/checkpoint.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(ASTERISM_SOURCE_DIR) / "tests/golden/learnt_models";
const auto case_name = [](const auto& test) { return test.param.name; };

struct LearntCase {
  std::string name;
  RecipeKind kind = RecipeKind::kSupervised;
  std::string settings;
  std::int64_t image_size = 16;
  std::vector<std::string> values;  // of the plain graph, that are compared
  std::string architecture = {};    // where it is not the name
  std::string objective = "{}";
};

Recipe recipe_of(const LearntCase& test) {
  Recipe recipe;
  recipe.name = test.name;
  recipe.model.architecture = test.architecture.empty() ? test.name : test.architecture;
  recipe.model.image_size = test.image_size;
  recipe.model.settings = Json::parse(test.settings);
  recipe.objective.kind = test.kind;
  recipe.objective.settings = Json::parse(test.objective);
  recipe.training.seed = 11;
  recipe.training.average_decay = 0.9;
  return recipe;
}

DataSummary classes() {
  return {.class_names = {"ape", "bee", "cat"}, .class_counts = {1, 1, 1}};
}

std::vector<LearntCase> learnt_cases() {
  const std::string vit = R"("patch_size": 4, "hidden_size": 16, "layer_count": 2, "head_count": 2, "mlp_size": 24)";
  return {
      {"resnet",
       RecipeKind::kSupervised,
       R"({"stem": "large", "stem_width": 4, "stage_widths": [8, 8, 16, 16], "stage_depths": [1, 2, 1, 1],
           "block": "bottleneck"})",
       32,
       {"logits"}},
      {"vit", RecipeKind::kSupervised, "{" + vit + "}", 16, {"logits"}},
      {"vit_mae",
       RecipeKind::kMaskedAutoencoder,
       "{" + vit + R"(, "decoder_hidden_size": 8, "decoder_layer_count": 2, "decoder_head_count": 2,
           "decoder_mlp_size": 12})",
       16,
       {"last_hidden_state"}},
      {"data2vec", RecipeKind::kData2vec, "{" + vit + "}", 16, {"last_hidden_state"}},
      {"autoencoder_convolutional",
       RecipeKind::kAutoencoder,
       R"({"widths": [4, 6], "code_size": 5, "activation": "gelu"})",
       16,
       {"code", "reconstruction"},
       "autoencoder"},
      {"autoencoder_dense",
       RecipeKind::kAutoencoder,
       R"({"form": "dense", "widths": [9, 7], "code_size": 5})",
       16,
       {"code", "log_variance", "reconstruction"},
       "autoencoder",
       R"({"variational": true})"},
  };
}

TrainingNetwork network_of(const LearntCase& test) {
  auto network = build_picture_network(recipe_of(test), classes());
  EXPECT_TRUE(network) << network.error().to_string();
  return network ? *std::move(network) : TrainingNetwork{};
}

bool is_fixed(const std::string& name) {
  return name.ends_with("running_var") || name == "decoder.decoder_pos_embed" ||
         name == "embeddings.position_embeddings";
}

// As if something had been learnt: no bias is 0 and no norm is 1 any more.
ParameterMap moved(const ParameterMap& parameters) {
  constexpr std::uint64_t kSeed = 5;
  constexpr double kStep = 0.05;
  ParameterMap out;
  for (const auto& [name, tensor] : parameters) {
    if (is_fixed(name)) {
      out.emplace(name, tensor);
      continue;
    }
    Tensor sum = normal_values({kSeed, name}, tensor.shape(), kStep);
    std::ranges::transform(sum.as<float>(), tensor.as<float>(), sum.mutable_as<float>().begin(), std::plus<>());
    out.emplace(name, std::move(sum));
  }
  return out;
}

std::map<std::string, Tensor> expected_of(const LearntCase& test) {
  return read_safetensors(kFolder / (test.name + ".safetensors")).value().tensors;
}

double tolerance_of(const LearntCase& test, const std::string& value) {
  return read_json_file(kFolder / "manifest.json").value()["tolerances"][test.name][value].get<double>();
}

Tensor run(const Graph& graph, const ParameterMap& parameters, const std::vector<Feed>& feeds, std::string value) {
  const Graph cut = graph.cut(std::vector{std::move(value)}).value();
  const auto executable = make_reference_backend()->compile(cut, parameters, {});
  EXPECT_TRUE(executable) << executable.error().to_string();
  auto outputs = (*executable)->run(feeds);
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs->front();
}

double worst_difference(const Tensor& found, const Tensor& wanted) {
  EXPECT_EQ(found.shape(), wanted.shape());
  double worst = 0.0;
  for (std::size_t i = 0; i < std::min(found.element_count(), wanted.element_count()); ++i) {
    worst = std::max(worst,
                     std::abs(static_cast<double>(found.as<float>()[i]) - static_cast<double>(wanted.as<float>()[i])));
  }
  return worst;
}

class LearntModels : public testing::TestWithParam<LearntCase> {
 protected:
  // Where this case's folder is written; removed afterwards unless the script wants it.
  static fs::path folder() {
    const char* const wanted = std::getenv("ASTERISM_LEARNT_MODELS");
    const fs::path root = wanted != nullptr ? fs::path(wanted) : fs::path(testing::TempDir()) / "learnt_models";
    return root / GetParam().name;
  }
  void TearDown() override {
    if (std::getenv("ASTERISM_LEARNT_MODELS") == nullptr) {
      fs::remove_all(folder());
    }
  }
};

TEST_P(LearntModels, read_back_give_what_the_original_gives_for_the_folder) {
  const TrainingNetwork network = network_of(GetParam());
  const ParameterMap parameters = moved(network.learner.parameters);
  const auto written = write_picture_model(recipe_of(GetParam()), classes(), parameters, std::nullopt, folder());
  ASSERT_TRUE(written) << written.error().to_string();
  if (std::getenv("ASTERISM_LEARNT_MODELS") != nullptr) {
    return;  // for the script, which has recorded nothing yet
  }
  const auto model = build_image_model(
      {read_json_file(folder() / "config.json").value(), read_checkpoint(folder()).value(), "folder", ""}, {});
  ASSERT_TRUE(model) << model.error().to_string();
  const auto expected = expected_of(GetParam());
  for (const std::string& value : GetParam().values) {
    const Tensor found =
        run(model->graph, model->parameters, {{std::string(kImageInput), expected.at("input")}}, value);
    EXPECT_LE(worst_difference(found, expected.at(value)), tolerance_of(GetParam(), value)) << value;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, LearntModels, testing::ValuesIn(learnt_cases()), case_name);

// Each patch [row, column, channel] to mean 0 and variance 1: He et al. 2022, section 4.
std::vector<double> normalized_patch(const Tensor& images, std::size_t row, std::size_t patch) {
  constexpr std::size_t kSide = 16;
  constexpr std::size_t kPatch = 4;
  std::vector<double> values;
  for (std::size_t y = 0; y < kPatch; ++y) {
    for (std::size_t x = 0; x < kPatch; ++x) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        const std::size_t down = patch / (kSide / kPatch) * kPatch + y;
        const std::size_t along = patch % (kSide / kPatch) * kPatch + x;
        values.push_back(static_cast<double>(images.as<float>()[((row * 3 + channel) * kSide + down) * kSide + along]));
      }
    }
  }
  double mean = 0.0;
  for (const double value : values) {
    mean += value / static_cast<double>(values.size());
  }
  double variance = 0.0;
  for (const double value : values) {
    variance += (value - mean) * (value - mean) / static_cast<double>(values.size() - 1);
  }
  for (double& value : values) {
    value = (value - mean) / std::sqrt(variance + 1e-6);
  }
  return values;
}

TEST(LearntMasked, a_masked_autoencoder_predicts_and_loses_what_transformers_does_on_the_same_patches) {
  const LearntCase test = learnt_cases()[2];
  const TrainingNetwork network = network_of(test);
  const auto expected = expected_of(test);
  const LossTerm& term = network.learner.losses.front();
  const Tensor found = run(network.learner.graphs.find(kTrainGraph)->second, moved(network.learner.parameters),
                           {{std::string(kImageInput), expected.at("input")},
                            {std::string(kIdsKeepInput), expected.at("ids_keep")},
                            {std::string(kIdsRestoreFeed), expected.at("ids_restore")}},
                           term.outputs.front());
  EXPECT_LE(worst_difference(found, expected.at("prediction")), tolerance_of(test, "prediction"));
  const Tensor& mask = expected.at("mask");
  const auto rows = static_cast<std::size_t>(found.shape()[0]);
  const auto patches = static_cast<std::size_t>(found.shape()[1]);
  double sum = 0.0;
  double count = 0.0;
  for (std::size_t i = 0; i < rows * patches; ++i) {
    const std::vector<double> wanted = normalized_patch(expected.at("input"), i / patches, i % patches);
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      const double difference = static_cast<double>(found.as<float>()[i * wanted.size() + j]) - wanted[j];
      sum += static_cast<double>(mask.as<float>()[i]) * difference * difference;
      count += static_cast<double>(mask.as<float>()[i]);
    }
  }
  EXPECT_NEAR(sum / count, static_cast<double>(expected.at("loss").as<float>()[0]), tolerance_of(test, "loss"));
}

TEST(LearntMasked, a_data2vec_student_sees_the_mask_token_where_transformers_puts_it) {
  const LearntCase test = learnt_cases()[3];
  const TrainingNetwork network = network_of(test);
  const auto expected = expected_of(test);
  const Graph& graph = network.learner.graphs.find(kTrainGraph)->second;
  const Tensor found =
      run(graph, moved(network.learner.parameters),
          {{std::string(kImageInput), expected.at("input")}, {std::string(kMaskIdsFeed), expected.at("mask_ids")}},
          "encoder");
  EXPECT_LE(worst_difference(found, expected.at("masked_hidden_state")), tolerance_of(test, "masked_hidden_state"));
}

}  // namespace
}  // namespace asterism
