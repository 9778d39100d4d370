// Folders of learnt encoders through the public API: vectors, layers, classes, and starting from one again.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "asterism/encoder.hpp"
#include "image/preprocess.hpp"
#include "image/test_pattern.hpp"
#include "reference/reference_backend.hpp"
#include "train/network.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;

// Of float32 sums of a few thousand products, between two backends that add in another order.
constexpr double kTolerance = 2e-5;

struct FolderCase {
  std::string name;
  RecipeKind kind = RecipeKind::kSupervised;
  std::string architecture;
  std::string settings = "{}";
  std::string objective = "{}";
  std::int64_t channel_count = 3;
};

const char* const kTinyVit =
    R"({"patch_size": 4, "hidden_size": 16, "layer_count": 2, "head_count": 2, "mlp_size": 24})";
const char* const kTinyResnet = R"({"stem_width": 4, "stage_widths": [4, 8, 8, 16], "stage_depths": [1, 1, 1, 1]})";

std::vector<FolderCase> folder_cases() {
  return {
      {"lenet", RecipeKind::kSupervised, "lenet", "{}", "{}", 1},
      {"resnet", RecipeKind::kSupervised, "resnet", kTinyResnet},
      {"resnet_headless", RecipeKind::kSimclr, "resnet", kTinyResnet},
      {"vit", RecipeKind::kSupervised, "vit", kTinyVit},
      {"vit_grey", RecipeKind::kVicreg, "vit", kTinyVit, "{}", 1},
      {"vit_mae", RecipeKind::kMaskedAutoencoder, "vit_mae", kTinyVit},
      {"data2vec", RecipeKind::kData2vec, "data2vec", kTinyVit},
      {"autoencoder", RecipeKind::kAutoencoder, "autoencoder", R"({"widths": [4, 6], "code_size": 5})"},
      {"variational", RecipeKind::kAutoencoder, "autoencoder", R"({"form": "dense", "widths": [9], "code_size": 5})",
       R"({"variational": true})"},
  };
}

Recipe recipe_of(const FolderCase& test) {
  Recipe recipe;
  recipe.name = test.name;
  recipe.model.architecture = test.architecture;
  recipe.model.image_size = 16;
  recipe.model.channel_count = test.channel_count;
  recipe.model.mean = {0.4, 0.5, 0.6};
  recipe.model.std = {0.2, 0.25, 0.3};
  recipe.model.settings = Json::parse(test.settings);
  recipe.objective.kind = test.kind;
  recipe.objective.settings = Json::parse(test.objective);
  recipe.training.average_decay = 0.9;
  recipe.training.seed = 5;
  return recipe;
}

DataSummary three_classes() {
  return {.class_names = {"ape", "bee", "cat"}, .class_counts = {1, 1, 1}};
}

// The picture as the recipe says that the network sees it: squashed, bilinear, mean and std.
Tensor network_input(const Image& image, const PictureFeedPlan& plan) {
  ImagePreprocess settings;
  settings.resize = ResizeMode::kExact;
  settings.resize_width = plan.width;
  settings.resize_height = plan.height;
  settings.interpolation = Interpolation::kBilinear;
  settings.channels = plan.channel_count == 1 ? ChannelOrder::kGrey : ChannelOrder::kRgb;
  for (std::size_t i = 0; i < 3; ++i) {
    settings.mean[i] = static_cast<float>(plan.mean[std::min(i, plan.mean.size() - 1)]);
    settings.std[i] = static_cast<float>(plan.std[std::min(i, plan.std.size() - 1)]);
  }
  const Tensor pixels = preprocess_image(image, settings).value();
  Tensor rows(DType::kF32, {1, plan.channel_count, plan.height, plan.width});
  std::ranges::copy(pixels.as<float>(), rows.mutable_as<float>().begin());
  return rows;
}

Tensor reference(const TrainingNetwork& network, const std::string& value, const Tensor& input) {
  const Graph graph = network.learner.graphs.find(kEvaluateGraph)->second.cut(std::vector{value}).value();
  const auto executable = make_reference_backend()->compile(graph, network.learner.parameters, {}).value();
  return executable->run({{std::string(kImageInput), input}}).value().front();
}

double worst_difference(std::span<const float> found, std::span<const float> wanted) {
  EXPECT_EQ(found.size(), wanted.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < std::min(found.size(), wanted.size()); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(found[i]) - static_cast<double>(wanted[i])));
  }
  return worst;
}

class ModelFolder : public testing::Test {
 protected:
  ModelFolder()
      : root_(fs::path(testing::TempDir()) /
              fmt::format("model_folder_{}",
                          testing::UnitTest::GetInstance()->random_seed() + static_cast<int>(::getpid()))) {}
  ~ModelFolder() override { fs::remove_all(root_); }

  // Network and folder of a recipe whose weights are as they were drawn.
  TrainingNetwork write(const Recipe& recipe, const std::string& name) {
    auto network = build_picture_network(recipe, three_classes());
    EXPECT_TRUE(network) << network.error().to_string();
    const auto written =
        write_picture_model(recipe, three_classes(), network->learner.parameters, std::nullopt, root_ / name);
    EXPECT_TRUE(written) << written.error().to_string();
    return *std::move(network);
  }

  fs::path root_;
};

class EveryFolder : public ModelFolder, public testing::WithParamInterface<FolderCase> {};

TEST_P(EveryFolder, embeds_a_picture_as_the_network_that_was_learnt) {
  const TrainingNetwork network = write(recipe_of(GetParam()), "run");
  const auto encoder = Encoder::load((root_ / "run").string(), {.precision = Precision::kF32});
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->dim(), static_cast<std::size_t>(network.dim));
  const Image image = test_pattern("disc", {.width = 40, .height = 28}).value();
  const std::string file = encode_bmp(image);
  const auto vectors = encoder->encode_images(std::array<std::string_view, 1>{file});
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  const Tensor wanted = reference(network, network.embedding, network_input(image, network.feeds));
  EXPECT_LE(worst_difference(vectors->row(0), wanted.as<float>()), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Architectures, EveryFolder, testing::ValuesIn(folder_cases()),
                         [](const auto& test) { return test.param.name; });

// Weight row k takes component k + 1 twice, after 1 was added to all.
VectorProjection doubled(std::int64_t dim) {
  VectorProjection out{Tensor(DType::kF32, {dim}), Tensor(DType::kF32, {2, dim})};
  std::ranges::fill(out.shift.mutable_as<float>(), 1.0F);
  std::ranges::fill(out.weight.mutable_as<float>(), 0.0F);
  out.weight.mutable_as<float>()[1] = 2.0F;
  out.weight.mutable_as<float>()[static_cast<std::size_t>(dim) + 2] = 2.0F;
  return out;
}

TEST_P(EveryFolder, embeds_what_its_projection_makes_of_the_vector) {
  const Recipe recipe = recipe_of(GetParam());
  const TrainingNetwork network = build_picture_network(recipe, three_classes()).value();
  const auto written = write_picture_model(recipe, three_classes(), network.learner.parameters, doubled(network.dim),
                                           root_ / "projected");
  ASSERT_TRUE(written) << written.error().to_string();
  const auto encoder = Encoder::load((root_ / "projected").string(), {.precision = Precision::kF32});
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->dim(), 2U);
  const Image image = test_pattern("disc", {.width = 40, .height = 28}).value();
  const std::string file = encode_bmp(image);
  const auto projected = encoder->encode_images(std::array<std::string_view, 1>{file});
  ASSERT_TRUE(projected) << projected.error().to_string();
  const auto whole = Encoder::load((root_ / "projected").string(),
                                   {.precision = Precision::kF32, .layers = {std::string(kPenultimate)}});
  ASSERT_TRUE(whole) << whole.error().to_string();
  const auto vector = whole->encode_images(std::array<std::string_view, 1>{file});
  ASSERT_TRUE(vector) << vector.error().to_string();
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(projected->row(0)[k], 2.0F * (vector->row(0)[k + 1] + 1.0F), 2 * kTolerance);
  }
}

TEST_F(ModelFolder, that_ends_in_a_projection_is_started_from_without_it) {
  const Recipe first = recipe_of(folder_cases()[2]);
  const TrainingNetwork network = build_picture_network(first, three_classes()).value();
  ASSERT_TRUE(
      write_picture_model(first, three_classes(), network.learner.parameters, doubled(network.dim), root_ / "first"));
  Recipe recipe = first;
  recipe.model.from = (root_ / "first").string();
  recipe.model.settings = Json::object();
  EXPECT_EQ(write(recipe, "second").dim, network.dim);
  EXPECT_FALSE(read_json_file(root_ / "second/config.json").value().contains("vector_projection"));
  EXPECT_THAT(read_checkpoint(root_ / "second").value(), testing::Not(Contains(Key("vector_projection.weight"))));
}

TEST_F(ModelFolder, keeps_the_decoder_so_that_pictures_can_be_reconstructed) {
  const TrainingNetwork network = write(recipe_of(folder_cases()[7]), "run");
  const auto encoder =
      Encoder::load((root_ / "run").string(), {.precision = Precision::kF32, .layers = {"reconstruction"}});
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  const Image image = test_pattern("ramp", {.width = 16, .height = 16}).value();
  const std::string file = encode_bmp(image);
  const auto pictures = encoder->encode_images(std::array<std::string_view, 1>{file});
  ASSERT_TRUE(pictures) << pictures.error().to_string();
  const Tensor wanted = reference(network, "reconstruction", network_input(image, network.feeds));
  EXPECT_EQ(wanted.shape(), (Shape{1, 3, 16, 16}));
  EXPECT_LE(worst_difference(pictures->row(0), wanted.as<float>()), kTolerance);
}

TEST_F(ModelFolder, names_its_classes) {
  write(recipe_of(folder_cases()[1]), "run");
  const Json config = read_json_file(root_ / "run/config.json").value();
  EXPECT_EQ(config["id2label"]["2"], "cat");
  EXPECT_EQ(config["model_type"], "asterism_resnet");
  EXPECT_EQ(config["pretrained_cfg"]["mean"][2], 0.6);
}

TEST_F(ModelFolder, holds_what_was_learnt_and_not_what_was_drawn) {
  const Recipe recipe = recipe_of(folder_cases()[3]);
  TrainingNetwork network = build_picture_network(recipe, three_classes()).value();
  Tensor learnt(DType::kF32, {1, 1, 16});
  std::ranges::fill(learnt.mutable_as<float>(), 0.25F);
  network.learner.parameters.insert_or_assign("embeddings.cls_token", learnt);
  const auto written =
      write_picture_model(recipe, three_classes(), network.learner.parameters, std::nullopt, root_ / "run");
  ASSERT_TRUE(written) << written.error().to_string();
  const auto tensors = read_checkpoint(root_ / "run").value();
  EXPECT_TRUE(std::ranges::equal(tensors.at("vit.embeddings.cls_token").bytes(), learnt.bytes()));
  network.learner.parameters.insert_or_assign("embeddings.cls_token", Tensor(DType::kF32, {1, 1, 17}));
  const auto refused =
      write_picture_model(recipe, three_classes(), network.learner.parameters, std::nullopt, root_ / "other");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_string(),
              HasSubstr("\"embeddings.cls_token\": expected [1, 1, 16], found [1, 1, 17]"));
}

TEST_F(ModelFolder, can_be_started_from_by_another_objective) {
  const TrainingNetwork first = write(recipe_of(folder_cases()[2]), "first");
  Recipe recipe = recipe_of(folder_cases()[1]);
  recipe.model.from = (root_ / "first").string();
  recipe.model.settings = Json::object();
  const TrainingNetwork second = write(recipe, "second");
  const std::string name = "encoder.stages.1.layers.0.layer.0.convolution.weight";
  EXPECT_TRUE(
      std::ranges::equal(second.learner.parameters.at(name).bytes(), first.learner.parameters.at(name).bytes()));
  EXPECT_EQ(second.learner.parameters.at("classifier.1.weight").shape(), (Shape{3, 16}));
  EXPECT_THAT(first.learner.parameters, testing::Not(Contains(Key("classifier.1.weight"))));
  const auto tensors = read_checkpoint(root_ / "second").value();
  EXPECT_THAT(tensors, Contains(Key("resnet." + name)));
  const Json config = read_json_file(root_ / "second/config.json").value();
  EXPECT_EQ(config["architectures"][0], "ResNetForImageClassification");
}

TEST_F(ModelFolder, that_loading_would_change_can_not_be_started_from) {
  write(recipe_of(folder_cases()[4]), "first");
  Recipe recipe = recipe_of(folder_cases()[4]);
  recipe.model.from = (root_ / "first").string();
  recipe.model.settings = Json::object();
  recipe.model.image_size = 24;
  const auto network = build_picture_network(recipe, three_classes());
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(network.error().to_string(), testing::AllOf(HasSubstr("embeddings.position_embeddings"),
                                                          HasSubstr("[1, 17, 16] becomes [1, 37, 16]")));
  recipe.model.image_size = 16;
  recipe.model.settings["hidden_size"] = 16;
  EXPECT_THAT(build_picture_network(recipe, three_classes()).error().to_string(), HasSubstr("\"hidden_size\""));
}

}  // namespace
}  // namespace asterism
