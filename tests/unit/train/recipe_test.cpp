#include "train/recipe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/run_folder.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

constexpr std::string_view kSmall = R"toml(
[data]
inputs = "pictures"
[model]
architecture = "lenet"
[objective]
kind = "supervised"
)toml";

Result<Recipe> parse(std::string_view text, const std::vector<std::string>& overrides = {}) {
  return parse_recipe(text, "r.toml", overrides);
}

// What is wrong when `lines` are added to a small recipe, on lines from 8.
std::string fault_of(std::string_view lines, const std::vector<std::string>& overrides = {}) {
  const auto recipe = parse(std::string(kSmall) + std::string(lines), overrides);
  return recipe ? "no error" : recipe.error().to_string();
}

TEST(Recipe, small_one_has_defaults) {
  const auto recipe = parse(kSmall);
  ASSERT_TRUE(recipe) << recipe.error().to_string();
  EXPECT_EQ(recipe->name, "r");
  EXPECT_EQ(recipe->data.inputs, std::vector<std::string>{"pictures"});
  EXPECT_EQ(recipe->training.epoch_count, 10);
  EXPECT_EQ(recipe->training.schedule, ScheduleKind::kCosine);
  EXPECT_EQ(recipe->text, kSmall);
  EXPECT_EQ(recipe->settings["training"]["batch_size"], 128);
  EXPECT_EQ(recipe->settings["optimizer"]["kind"], "adamw");
}

TEST(Recipe, every_section_is_read) {
  const auto recipe = parse(R"toml(
name = "two views"
description = "d"
[data]
inputs = ["a", "b.csv"]
image_column = "file"
label_pattern = "n(.)"
cache_mb = 3
[model]
architecture = "vit"
channels = 1
std = [0.25]
depth = 4
frozen = ["blocks.0"]
[objective]
kind = "simclr"
temperature = 0.2
[augmentation]
flip = true
crop_area_min = 0.2
[training]
epochs = 7
device = "cuda"
precision = "bf16"
seed = 5
[optimizer]
kind = "sgd"
momentum = 0
nesterov = false
[schedule]
kind = "step"
step_epochs = [3, 5.5]
)toml");
  ASSERT_TRUE(recipe) << recipe.error().to_string();
  EXPECT_EQ(recipe->name, "two views");
  EXPECT_EQ(recipe->data.inputs.size(), 2U);
  EXPECT_EQ(recipe->data.cache_size_bytes, 3'000'000);
  EXPECT_EQ(recipe->model.mean, std::vector<double>{0.5});
  EXPECT_EQ(recipe->model.std, std::vector<double>{0.25});
  EXPECT_EQ(recipe->model.settings, (Json{{"depth", 4}}));
  EXPECT_EQ(recipe->objective.kind, RecipeKind::kSimclr);
  EXPECT_EQ(recipe->objective.settings, (Json{{"temperature", 0.2}}));
  EXPECT_TRUE(recipe->augmentation.flip);
  EXPECT_EQ(recipe->training.device, LearnerDevice::kCuda);
  EXPECT_EQ(recipe->training.precision, Precision::kBF16);
  EXPECT_EQ(recipe->training.optimizer.kind, OptimizerKind::kSgd);
  EXPECT_EQ(recipe->training.optimizer.momentum, 0.0);
  EXPECT_EQ(recipe->training.step_epochs, (std::vector<double>{3.0, 5.5}));
}

TEST(Recipe, unknown_key_is_named_with_its_line_and_the_nearest_known_one) {
  EXPECT_EQ(fault_of("[training]\nepoch = 3\n"), "r.toml:9: unknown key 'training.epoch' (did you mean 'epochs'?)");
  EXPECT_EQ(fault_of("[trainning]\nepochs = 3\n"), "r.toml:8: unknown section 'trainning' (did you mean 'training'?)");
  EXPECT_THAT(fault_of("[training]\nzzzzzzzzzzzzzzz = 3\n"), HasSubstr("known here: epochs, batch_size"));
  EXPECT_THAT(fault_of("[schedule]\nmomentum = 3\n"), HasSubstr("unknown key 'schedule.momentum'"));
}

TEST(Recipe, value_of_another_type_or_outside_its_range_is_refused) {
  EXPECT_EQ(fault_of("[training]\nepochs = \"many\"\n"),
            "r.toml:9: training.epochs: expected a whole number from 1 to 1000000, found 'many'");
  EXPECT_EQ(fault_of("[training]\nbatch_size = 0\n"),
            "r.toml:9: training.batch_size: expected a whole number from 1 to 1048576, found 0");
  EXPECT_EQ(fault_of("[optimizer]\nkind = \"adam\"\n"),
            "r.toml:9: optimizer.kind: expected one of \"adamw\", \"sgd\", \"lamb\", found 'adam' (did you mean "
            "\"adamw\"?)");
  EXPECT_THAT(fault_of("[augmentation]\nflip = 1\n"), HasSubstr("expected true or false, found 1"));
  EXPECT_THAT(fault_of("[optimizer]\nlearning_rate = nan\n"), HasSubstr("expected a number from 0 to 1000, found nan"));
  EXPECT_THAT(fault_of("[optimizer]\nlearning_rate = 1979-05-27\n"), HasSubstr("found 1979-05-27"));
  EXPECT_THAT(fault_of("[schedule]\nkind = \"step\"\nstep_epochs = [1, \"2\"]\n"), HasSubstr("a list of numbers"));
  EXPECT_THAT(fault_of("", {"model.mean=[0.5]"}), HasSubstr("expected 3 numbers, one a channel, found 1"));
  EXPECT_THAT(fault_of("", {"augmentation=3"}), HasSubstr("augmentation: expected a section, [augmentation], found 3"));
}

TEST(Recipe, settings_that_do_not_go_together_are_refused) {
  EXPECT_THAT(fault_of("", {"data.validation_share=0.5", "data.test_share=0.5"}),
              HasSubstr("leave nothing to learn from"));
  EXPECT_THAT(fault_of("[optimizer]\nmomentum = 0.9\n"), HasSubstr("optimizer.momentum: belongs to \"sgd\""));
  EXPECT_THAT(fault_of("[schedule]\nkind = \"step\"\n"), HasSubstr("the epochs at which the rate steps down"));
  EXPECT_THAT(fault_of("[augmentation]\nmixup_alpha = 0.2\n", {"objective.kind=simclr"}),
              HasSubstr("mixing labels is for \"supervised\", found objective.kind \"simclr\""));
  EXPECT_THAT(fault_of("", {"data.inputs=[]"}), HasSubstr("expected at least one folder or file"));
}

TEST(Recipe, output_may_change_and_other_settings_may_not) {
  const Json before = parse(kSmall).value().settings;
  const Recipe whitened = parse(kSmall, {"output.whitening=16"}).value();
  EXPECT_EQ(whitened.output.whitening, 16);
  EXPECT_TRUE(settings_differences(before, whitened.settings).empty());
  // As a checkpoint of a version without the section has them.
  Json older = before;
  older.erase("output");
  EXPECT_TRUE(settings_differences(older, whitened.settings).empty());
  EXPECT_EQ(settings_differences(before, parse(kSmall, {"training.seed=1"}).value().settings).size(), 1U);
  EXPECT_EQ(fault_of("[output]\nwhitning = 16\n"),
            "r.toml:9: unknown key 'output.whitning' (did you mean 'whitening'?)");
  EXPECT_THAT(fault_of("[output]\nwhitening = -1\n"), HasSubstr("expected a whole number from 0 to 65536, found -1"));
  EXPECT_THAT(fault_of("[output]\nwhitening = 3\n", {"objective.kind=fusion"}), HasSubstr("found kind \"fusion\""));
}

TEST(Recipe, pictures_evaluated_apart_leave_none_of_the_data_for_figures) {
  const std::string apart = "[evaluation]\ninputs = \"others\"\n";
  const auto recipe = parse(std::string(kSmall) + apart, {"objective.kind=simclr", "evaluation.label_pattern=(.)"});
  ASSERT_TRUE(recipe) << recipe.error().to_string();
  EXPECT_EQ(recipe->evaluation.inputs, std::vector<std::string>{"others"});
  EXPECT_EQ(recipe->evaluation.label_pattern, "(.)");
  EXPECT_EQ(recipe->evaluation.test_share, 0.3);
  EXPECT_EQ(recipe->evaluation.validation_share, 0.0);
  EXPECT_EQ(recipe->data.test_share, 0.0);
  EXPECT_EQ(recipe->settings["data"]["test_share"], 0.0);
  EXPECT_FALSE(parse(kSmall).value().settings.contains("evaluation"));
  EXPECT_THAT(fault_of(apart), HasSubstr("learn from pictures without labels, found kind \"supervised\""));
  EXPECT_THAT(fault_of("[evaluation]\n", {"objective.kind=simclr"}), HasSubstr("at least one folder or file"));
  EXPECT_THAT(fault_of(apart + "epochs = 3\n", {"objective.kind=simclr"}),
              HasSubstr("unknown key 'evaluation.epochs'"));
  EXPECT_THAT(fault_of(apart, {"objective.kind=simclr", "data.test_share=0.2"}),
              HasSubstr("expected 0 beside [evaluation], whose rows figures are of, found 0.2"));
}

TEST(Recipe, missing_key_is_named) {
  const auto no_kind = parse("[objective]\n[model]\narchitecture='vit'\n[data]\ninputs='x'\n");
  ASSERT_FALSE(no_kind);
  EXPECT_THAT(no_kind.error().message, HasSubstr("r.toml:1: objective.kind is missing"));
  const auto no_section = parse("[data]\ninputs='x'\n");
  ASSERT_FALSE(no_section);
  EXPECT_THAT(no_section.error().message, HasSubstr("r.toml: objective.kind is missing"));
}

TEST(Recipe, override_replaces_a_value_and_is_named_in_errors) {
  const auto recipe = parse(
      kSmall, {"training.epochs=3", "model.architecture=resnet", "data.inputs=['p', 'q']", "optimizer.kind='sgd'"});
  ASSERT_TRUE(recipe) << recipe.error().to_string();
  EXPECT_EQ(recipe->training.epoch_count, 3);
  EXPECT_EQ(recipe->model.architecture, "resnet");
  EXPECT_EQ(recipe->data.inputs.size(), 2U);
  // The text that is kept says the same.
  const auto again = parse(recipe->text);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->settings, recipe->settings);
  EXPECT_THAT(fault_of("", {"training.epochs=zero"}),
              HasSubstr("override 'training.epochs=zero': training.epochs: expected a whole number"));
  EXPECT_THAT(fault_of("", {"training.epoch=3"}), HasSubstr("override 'training.epoch=3': unknown key"));
  EXPECT_THAT(fault_of("", {"epochs"}), HasSubstr("expected SECTION.KEY=VALUE"));
  EXPECT_THAT(fault_of("", {"training.epochs=[1"}), HasSubstr("expected TOML"));
}

TEST(Recipe, text_that_is_no_toml_is_refused_with_its_line) {
  const auto recipe = parse("[data]\ninputs = [\n");
  ASSERT_FALSE(recipe);
  EXPECT_EQ(recipe.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(recipe.error().message, HasSubstr("r.toml:"));
  EXPECT_EQ(read_recipe("/nowhere/r.toml", {}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace asterism
