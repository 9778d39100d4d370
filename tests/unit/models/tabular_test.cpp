#include "models/tabular.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Json config_of(const std::string& settings, const TabularInput& input) {
  const auto json = parse_json(settings, "test");
  SettingsReader reader(*json, "recipe.toml: [model]");
  const auto config = initial_tabular_config(reader, input);
  EXPECT_TRUE(config) << config.error().to_string();
  return config.value_or(Json());
}

std::string error_of(const std::string& settings) {
  const auto json = parse_json(settings, "test");
  SettingsReader reader(*json, "[model]");
  const auto config = initial_tabular_config(reader, {1, {3}});
  return config ? "no error" : config.error().message;
}

Result<TabularModel> built(const Json& config) {
  const auto plan = read_tabular_plan(config, "test");
  return plan ? build_tabular(config, initial_tabular_tensors(*plan, 1), "test") : std::unexpected(plan.error());
}

TEST(Tabular, embedding_sizes_follow_the_number_of_values) {
  const Json config = config_of(R"({"categories": "embedding"})", {2, {2, 12, 1000, 100000}});
  const auto plan = read_tabular_plan(config, "test");
  ASSERT_TRUE(plan) << plan.error().to_string();
  EXPECT_THAT(plan->embedding_sizes, ElementsAre(2, 6, 50, 50));
  EXPECT_THAT(plan->hidden_sizes, ElementsAre(128, 64));
  EXPECT_EQ(plan->code_size, 16);
  const Json given = config_of(R"({"categories": "embedding", "embedding_size": 7})", {0, {2, 12}});
  EXPECT_THAT(read_tabular_plan(given, "test")->embedding_sizes, ElementsAre(7, 7));
}

TEST(Tabular, graphs_have_an_input_a_column_and_a_reconstruction_each) {
  for (const char* categories : {"one_hot", "embedding"}) {
    const auto model = built(config_of(fmt::format(R"({{"categories": "{}"}})", categories), {3, {4, 5}}));
    ASSERT_TRUE(model) << model.error().to_string();
    const Graph& graph = model->graph;
    EXPECT_EQ(graph.value(*graph.find("categories.1")).shape, (Shape{kRowDim}));
    EXPECT_EQ(graph.value(*graph.find("reconstruction.numeric")).shape, (Shape{kRowDim, 3}));
    EXPECT_EQ(graph.value(*graph.find("reconstruction.categories.1")).shape, (Shape{kRowDim, 5}));
    EXPECT_EQ(graph.value(*graph.find("code")).shape, (Shape{kRowDim, 16}));
  }
}

TEST(Tabular, one_kind_of_columns_is_enough_and_many_are_joined) {
  EXPECT_TRUE(built(config_of("{}", {3, {}})));
  EXPECT_TRUE(built(config_of("{}", {0, {3}})));
  EXPECT_TRUE(built(config_of(R"({"categories": "embedding"})", {3, {}})));
  const auto wide =
      built(config_of(R"({"categories": "embedding", "embedding_size": 1})", {1, std::vector<std::int64_t>(200, 3)}));
  ASSERT_TRUE(wide) << wide.error().to_string();
  EXPECT_EQ(wide->graph.value(*wide->graph.find("encoder.features")).shape, (Shape{kRowDim, 201}));
  EXPECT_FALSE(built(config_of("{}", {0, {}})));
}

TEST(Tabular, weights_depend_on_seed_and_name_and_unseen_values_begin_at_nothing) {
  const auto plan = read_tabular_plan(config_of("{}", {1, {3}}), "test");
  const auto first = initial_tabular_tensors(*plan, 1);
  const auto same = initial_tabular_tensors(*plan, 1);
  const auto other = initial_tabular_tensors(*plan, 2);
  const auto table = first.at("encoder.categories.0.weight").as<float>();
  EXPECT_TRUE(std::ranges::equal(table, same.at("encoder.categories.0.weight").as<float>()));
  EXPECT_FALSE(std::ranges::equal(table, other.at("encoder.categories.0.weight").as<float>()));
  EXPECT_THAT(table.first(128), testing::Each(0.0F));
  EXPECT_NE(table[128], 0.0F);
}

TEST(Tabular, settings_that_do_not_fit_are_named) {
  EXPECT_THAT(error_of(R"({"categories": "hash"})"), HasSubstr("\"categories\""));
  EXPECT_THAT(error_of(R"({"embedding_size": 4})"), HasSubstr("belongs to categories = \"embedding\""));
  EXPECT_THAT(error_of(R"({"hidden_sizes": []})"), HasSubstr("\"hidden_sizes\""));
  EXPECT_THAT(error_of(R"({"code_sise": 3})"), HasSubstr("code_sise"));
}

TEST(Tabular, configs_that_lie_are_refused) {
  const Json good = config_of(R"({"categories": "embedding"})", {2, {3}});
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"numeric_size", -1},
                                                                            {"code_size", 0},
                                                                            {"category_sizes", {0}},
                                                                            {"embedding_sizes", {2, 2}},
                                                                            {"hidden_sizes", Json::array()},
                                                                            {"activation", "sine"}}) {
    Json changed = good;
    changed[key] = value;
    EXPECT_FALSE(read_tabular_plan(changed, "test")) << key;
  }
  auto tensors = initial_tabular_tensors(*read_tabular_plan(good, "test"), 1);
  tensors.erase("encoder.code.bias");
  EXPECT_EQ(build_tabular(good, tensors, "test").error().code, ErrorCode::kMismatch);
}

}  // namespace
}  // namespace asterism
